/// Decides when a publisher is asked for a keyframe, however many want one (RFC 4585 §6.3.1).
public struct KeyframeRequests: Sendable, Equatable {
    /// The shortest time between two requests, in nanoseconds.
    public var interval: UInt64

    /// Whether somebody waits for a keyframe.
    public private(set) var isWanted = false
    /// Requests that were sent.
    public private(set) var count: UInt64 = 0
    private var last: UInt64?

    /// Creates a throttle that lets a request through each `interval` nanoseconds.
    public init(interval: UInt64 = 500_000_000) { self.interval = interval }

    /// Notes that somebody needs a keyframe.
    public mutating func want() { isWanted = true }

    /// Notes that one came.
    public mutating func satisfy() { isWanted = false }

    /// Whether to send a request now; it is repeated each interval until a keyframe comes.
    public mutating func take(now: UInt64) -> Bool {
        guard isWanted, deadline.map({ $0 <= now }) ?? false else { return false }
        last = now
        count += 1
        return true
    }

    /// When the next request is due, `nil` where nobody wants one.
    public var deadline: UInt64? {
        guard isWanted else { return nil }
        return last.map { $0 &+ interval } ?? 0
    }
}
