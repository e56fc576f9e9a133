/// How long packets wait in a queue on the way: what they take beyond the least that they took of late.
///
/// The clocks of both ends may differ by any amount, and drift by some milliseconds a minute. It also knows a queue that
/// is full and stays so, where ``DelayTrend`` says only whether one grows.
struct StandingQueue: Sendable {
    private enum Limits {
        /// Milliseconds after which the least time is looked for anew: a way may have become longer.
        static let window = 10_000.0
        /// How much one packet counts: jitter is no queue.
        static let gain = 0.25
    }

    /// Milliseconds that packets waited of late.
    private(set) var delay = 0.0
    private var least = Double.infinity
    private var leastBefore = Double.infinity
    private var windowStart: Double?

    /// Adds a packet that arrived; times are in milliseconds, each by its own clock.
    mutating func add(sent: Double, arrived: Double) {
        let taken = arrived - sent
        let start = windowStart ?? sent
        windowStart = start
        if sent - start >= Limits.window {
            (leastBefore, least) = (least, .infinity)
            windowStart = sent
        }
        least = min(least, taken)
        delay += Limits.gain * (taken - min(least, leastBefore) - delay)
    }
}
