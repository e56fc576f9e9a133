import Synchronization

/// How far a loop is behind with sending, so that it takes no more viewers than it can serve.
///
/// Told on the loop, asked from anywhere.
final class ShardLoad: Sendable {
    private struct Lag {
        /// The average of late, in nanoseconds.
        var average: UInt64 = 0
        /// When it was told last.
        var time: UInt64 = 0
    }

    /// Behind by so much on average is too much, in nanoseconds: a picture of most streams lasts less.
    static let lagLimit: UInt64 = 40_000_000
    /// How fast the average follows, in nanoseconds.
    static let memory: UInt64 = 500_000_000

    /// Waits that are longer count as this, in nanoseconds.
    private static let waitLimit: UInt64 = 2_000_000_000

    private let lag = Mutex(Lag())

    /// Takes note that what is sent at `now` has waited for `wait` nanoseconds.
    func note(wait: UInt64, at now: UInt64) {
        lag.withLock { lag in
            let elapsed = lag.time == 0 || now < lag.time ? 0 : min(now - lag.time, Self.memory)
            let (old, new) = (lag.average * (Self.memory - elapsed), min(wait, Self.waitLimit) * elapsed)
            lag.average = (old + new) / Self.memory
            lag.time = now
        }
    }

    /// Whether another viewer would be one too many.
    func isTooHigh(at now: UInt64) -> Bool {
        lag.withLock { $0.average > Self.lagLimit && now &- $0.time < Self.memory }
    }
}
