/// Maps the session's timeline to the clock on the wall, by anchors that hold until the next discontinuity; and knows
/// where the timeline breaks.
struct PresentationClock: Sendable, Equatable {
    struct Anchor: Sendable, Equatable {
        /// Seconds on the session's timeline.
        var decodeTime: Double
        /// The discontinuities before it.
        var discontinuity: UInt32
        /// Microseconds since 1970.
        var wallClock: Int64
    }

    /// The anchors, in the order of the timeline.
    var anchors: [Anchor]
    /// The breaks that the writer tells of; `nil` where it tells of none.
    var breaks: SessionBreaks?

    /// The time on the wall of a time on the timeline, after that many discontinuities.
    func wallClock(of time: Int64, timescale: UInt32, discontinuity: UInt32) -> Int64 {
        let anchor = anchors.last { $0.discontinuity <= discontinuity } ?? anchors.first
        guard let anchor, timescale > 0 else { return 0 }
        let seconds = Double(time) / Double(timescale) - anchor.decodeTime
        let microseconds = (seconds * 1_000_000).rounded()
        guard microseconds.magnitude < 9e15 else { return anchor.wallClock }
        return anchor.wallClock &+ Int64(microseconds)
    }

    /// The discontinuities that the anchors tell of up to a time on the timeline.
    func discontinuities(until time: Int64, timescale: UInt32) -> UInt32 {
        guard timescale > 0 else { return 0 }
        let seconds = Double(time) / Double(timescale)
        return anchors.last { $0.decodeTime <= seconds + 0.05 }?.discontinuity ?? 0
    }
}
