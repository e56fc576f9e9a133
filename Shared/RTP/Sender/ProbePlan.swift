/// When to find out whether a way carries more than is sent on it: at the beginning step by step, and later each few
/// seconds while more is wanted than the estimate allows and less is sent than would show it.
struct ProbePlan: Sendable {
    private enum Limits {
        /// How much more than the estimate is tried at first, and later.
        static let firstFactor = 3
        static let factor = 2
        /// From one attempt to the next, and the longest where attempts fail.
        static let pause: UInt64 = 5_000_000_000
        static let longestPause: UInt64 = 10_000_000_000
        /// How much less must arrive than the estimate says, so that nothing is learnt without an attempt.
        static let idleFactor = 1.2
        /// The time in which the queue drains that an attempt has made, in nanoseconds.
        static let settlingTime: UInt64 = 300_000_000
    }

    private(set) var cluster: ProbeCluster?
    private var nextTime: UInt64 = 0
    private var pause = Limits.pause
    private var hasBegun = false
    private var settledTime: UInt64 = 0

    /// Whether a queue may stand that an attempt has made.
    func isUnsettled(at now: UInt64) -> Bool { cluster != nil || now < settledTime }

    /// Begins an attempt, where it is time for one.
    mutating func consider(wanted: Int, estimate: Int, arriving: Int?, isOverused: Bool, now: UInt64) {
        guard cluster == nil, now >= nextTime, estimate < wanted else { return }
        let isIdle = arriving.map { Double($0) * Limits.idleFactor < Double(estimate) } ?? true
        guard !isOverused, isIdle || !hasBegun else { return }
        let factor = hasBegun ? Limits.factor : Limits.firstFactor
        hasBegun = true
        cluster = ProbeCluster(rate: min(wanted, estimate * factor), now: now)
    }

    /// Counts a packet that leaves.
    mutating func send(_ number: UInt16, byteCount: Int, now: UInt64) {
        cluster?.send(number, byteCount: byteCount, now: now)
    }

    /// Counts a packet that came.
    mutating func receive(_ number: UInt16, byteCount: Int, arrival: Int64) {
        cluster?.receive(number, byteCount: byteCount, arrival: arrival)
    }

    /// Ends an attempt whose outcome is known.
    mutating func conclude(now: UInt64) -> ProbeCluster.Outcome? {
        guard let outcome = cluster?.outcome(now: now) else { return nil }
        cluster = nil
        settledTime = now &+ Limits.settlingTime
        if case .carried = outcome {
            // The next step follows at once.
            pause = Limits.pause
            nextTime = now
        } else {
            nextTime = now &+ pause
            pause = min(pause * 2, Limits.longestPause)
        }
        return outcome
    }

    /// Waits with the next attempt, as the way has become narrower.
    mutating func postpone(now: UInt64) {
        nextTime = max(nextTime, now &+ Limits.pause)
        pause = Limits.pause
    }
}
