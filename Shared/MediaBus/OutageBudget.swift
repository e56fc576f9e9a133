import Synchronization

/// The bytes that all writers of a process may keep for replay.
public final class OutageBudget: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)

    /// Creates a budget of `limit` bytes.
    public init(byteLimit limit: Int) { self.limit = limit }

    /// The bytes in use.
    public var byteCount: Int { used.load(ordering: .relaxed) }

    /// Whether more than half would be in use with `count` more bytes, and what the bus has confirmed must go.
    func isScarce(with count: Int) -> Bool { byteCount + count > limit / 2 }

    /// Takes `count` bytes if they are there.
    func take(_ count: Int) -> Bool {
        let (_, new) = used.wrappingAdd(count, ordering: .relaxed)
        if new <= limit { return true }
        give(count)
        return false
    }

    /// Takes `count` bytes even if they are not there.
    func overdraw(_ count: Int) { used.wrappingAdd(count, ordering: .relaxed) }

    /// Gives `count` bytes back.
    func give(_ count: Int) { used.wrappingSubtract(count, ordering: .relaxed) }
}
