/// Ties a session's timeline to the wall clock, for sender reports: one line for all its tracks, so that sound and
/// pictures stay together, however late either comes.
///
/// The line goes through the sample that came with the least delay within the last seconds; so it follows a
/// publisher's clock that is not ours, and jitter does not move it.
struct SessionTimeline: Equatable, Sendable {
    /// How long the least delay counts.
    private static let window: UInt64 = 10_000_000_000

    /// Wall clock minus media time, both in nanoseconds, of the fastest sample.
    private(set) var offset: Int64?
    private var candidate: Int64?
    private var windowStart: UInt64 = 0

    /// Takes note of a sample.
    ///
    /// - Parameters:
    ///   - mediaTime: Its presentation time in nanoseconds.
    ///   - wallClock: When it came, nanoseconds since 1970.
    ///   - now: The same in monotonic nanoseconds.
    mutating func add(mediaTime: Int64, wallClock: Int64, now: UInt64) {
        let delay = wallClock &- mediaTime
        if let candidate, now &- windowStart < Self.window {
            self.candidate = min(candidate, delay)
        } else {
            offset = candidate ?? delay
            candidate = delay
            windowStart = now
        }
        offset = min(offset ?? delay, delay)
    }

    /// Begins anew after a break of the timeline.
    mutating func reset() { self = SessionTimeline() }

    /// The moment of the wall clock at a media time, both in nanoseconds.
    func wallClock(at mediaTime: Int64) -> Int64? { offset.map { mediaTime &+ $0 } }

    /// The media time in nanoseconds at a moment of the wall clock.
    func mediaTime(at wallClock: Int64) -> Int64? { offset.map { wallClock &- $0 } }
}
