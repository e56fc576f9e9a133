/// Bounds how often something is done for somebody in a time; what is over it is left undone.
public struct RateBudget: Sendable {
    private let interval: UInt64
    private let burst: UInt64
    /// When the next time would be due if all came evenly, in nanoseconds.
    private var nextDue: UInt64 = 0

    /// Creates a budget.
    ///
    /// - Parameters:
    ///   - perSecond: Times a second in the long run, at least one.
    ///   - burst: Times that may follow each other at once.
    public init(perSecond: Int, burst: Int) {
        interval = 1_000_000_000 / UInt64(clamping: max(1, perSecond))
        self.burst = UInt64(clamping: max(1, burst)) &* interval
    }

    /// Whether it may be done once more at `now`, in nanoseconds; counts it where it may.
    public mutating func allows(at now: UInt64) -> Bool {
        let due = max(nextDue, now)
        guard due &- now < burst else { return false }
        nextDue = due &+ interval
        return true
    }
}
