/// Maps the clocks of one RTMP publisher to the session's timeline.
///
/// The publisher's millisecond clocks wrap at 32 bits, stand still, jump, or differ from track to track. The
/// first sample of a session is at 10 s. When a clock jumps, or the publisher has come back, time goes on at
/// the time that has really elapsed; what was not sent in between stays a gap.
/// Sound is counted in samples, so that it has no jitter, and re-anchored when the count is more than 40 ms
/// off the publisher's clock.
public struct TimelineMapper: Sendable {
    /// What became of a timestamp.
    public enum Outcome: Sendable, Equatable {
        /// The decode time in the track's timescale.
        case at(Int64)
        /// The decode time; the timeline begins or breaks before it: a new anchor and a cut are due.
        case breaking(Int64)
        /// The sample is to be dropped: it is from before a break, or sound that the timeline has no room for.
        case discard
    }

    /// The longest step of a clock, beyond the time that really passed, that is no jump; in milliseconds.
    public static let longestStep: Int64 = 2000
    /// The longest step back that is no jump, in milliseconds; tracks are not interleaved exactly.
    public static let longestStepBack: Int64 = 1000
    /// How far apart the first timestamps of two tracks may be to count as one clock, in milliseconds.
    public static let clockSpread: Int64 = 10_000
    /// How long after a break samples from before it may arrive, in nanoseconds.
    public static let stragglerTime: UInt64 = 1_000_000_000
    /// How far the count of audio samples may be off the clock, in milliseconds.
    public static let audioTolerance: Int64 = 40
    /// The timescale of video.
    public static let videoTimescale: UInt32 = 90_000

    private struct Clock: Sendable {
        var raw: UInt32
        var source: Int64
        var offset: Int64
        var era: Int
        var arrival: UInt64
        var nextAudioTicks: Int64?
    }

    /// One run of the publisher's clock without a jump.
    private struct Era: Sendable {
        var number: Int
        var raw: UInt32
        var source: Int64
        var offset: Int64
        var beginning: UInt64
    }

    private let start: Int64
    private var era: Era?
    private var eraCount = 0
    private var clocks = TrackTable<Clock>()
    private var newest: (time: Int64, arrival: UInt64)?

    /// Creates a mapper whose first sample is at `start` on the session's timeline, in milliseconds.
    ///
    /// A later epoch of a session passes the time that has elapsed since the session's last anchor.
    public init(startingAt start: Int64 = 10_000) {
        self.start = start
    }

    /// Tells that the publisher has come back with new clocks; its next sample breaks the timeline.
    public mutating func publisherReturned() {
        era = nil
        clocks = TrackTable()
    }

    /// Maps a video timestamp (decode time) to a timescale of 90,000.
    ///
    /// - Parameters:
    ///   - timestamp: The publisher's clock in milliseconds.
    ///   - now: The monotonic clock in nanoseconds.
    public mutating func video(_ timestamp: UInt32, track: TrackID, now: UInt64) -> Outcome {
        switch time(of: timestamp, track: track, now: now) {
        case .at(let milliseconds): .at(milliseconds &* 90)
        case .breaking(let milliseconds): .breaking(milliseconds &* 90)
        case .discard: .discard
        }
    }

    /// Maps an audio timestamp to the time of its first sample, in samples.
    ///
    /// - Parameters:
    ///   - timestamp: The publisher's clock in milliseconds.
    ///   - sampleRate: The track's timescale.
    ///   - sampleCount: The samples in the frame.
    ///   - now: The monotonic clock in nanoseconds.
    public mutating func audio(
        _ timestamp: UInt32,
        track: TrackID,
        sampleRate: UInt32,
        sampleCount: Int,
        now: UInt64
    ) -> Outcome {
        let outcome = time(of: timestamp, track: track, now: now)
        switch outcome {
        case .at(let time), .breaking(let time):
            let isBreak = outcome == .breaking(time)
            let clockTicks = MediaTime(ticks: time, timescale: 1000).ticks(in: sampleRate)
            let counted = isBreak ? nil : clocks[track]?.nextAudioTicks
            let ticks = counted ?? clockTicks
            let tolerance = Self.audioTolerance * Int64(sampleRate) / 1000
            if clockTicks < ticks &- tolerance { return .discard }
            let chosen = clockTicks > ticks &+ tolerance ? clockTicks : ticks
            clocks[track]?.nextAudioTicks = chosen &+ Int64(clamping: sampleCount)
            return isBreak ? .breaking(chosen) : .at(chosen)
        case .discard:
            return .discard
        }
    }

    // MARK: Milliseconds on the session's timeline

    private mutating func time(of raw: UInt32, track: TrackID, now: UInt64) -> Outcome {
        guard let era else { return beginEra(raw, source: Int64(raw), track: track, now: now) }
        guard let clock = clocks[track] else { return join(era, raw, track: track, now: now) }
        let source = clock.source &+ Self.step(from: clock.raw, to: raw)
        let isJump = isJump(to: source, of: clock, now: now)
        if clock.era == era.number {
            if isJump { return beginEra(raw, source: source, track: track, now: now) }
            return advance(clock, era: era.number, raw, source: source, track: track, now: now)
        }
        if isJump { return join(era, raw, track: track, now: now) }
        if now &- era.beginning < Self.stragglerTime { return .discard }
        return advance(clock, era: era.number, raw, source: source, track: track, now: now)
    }

    private func isJump(to source: Int64, of clock: Clock, now: UInt64) -> Bool {
        let step = source &- clock.source
        let elapsed = Int64(clamping: (now &- clock.arrival) / 1_000_000)
        return step < -Self.longestStepBack || step &- elapsed > Self.longestStep
    }

    private mutating func beginEra(_ raw: UInt32, source: Int64, track: TrackID, now: UInt64) -> Outcome {
        let time = continuation(at: now)
        eraCount &+= 1
        era = Era(number: eraCount, raw: raw, source: source, offset: time &- source, beginning: now)
        clocks[track] = Clock(
            raw: raw,
            source: source,
            offset: time &- source,
            era: eraCount,
            arrival: now,
            nextAudioTicks: nil
        )
        newest = (time, now)
        return .breaking(time)
    }

    /// Adds a track, or one whose clock has jumped too, to the clock of the current era.
    private mutating func join(_ era: Era, _ raw: UInt32, track: TrackID, now: UInt64) -> Outcome {
        let step = Self.step(from: era.raw, to: raw)
        let source = era.source &+ step
        let sharesClock = abs(step) <= Self.clockSpread
        let offset = sharesClock ? era.offset : continuation(at: now) &- source
        let clock = Clock(
            raw: raw,
            source: source,
            offset: offset,
            era: era.number,
            arrival: now,
            nextAudioTicks: nil
        )
        return advance(clock, era: era.number, raw, source: source, track: track, now: now)
    }

    private mutating func advance(
        _ clock: Clock,
        era number: Int,
        _ raw: UInt32,
        source: Int64,
        track: TrackID,
        now: UInt64
    ) -> Outcome {
        var clock = clock
        clock.raw = raw
        clock.source = source
        clock.era = number
        clock.arrival = now
        clocks[track] = clock
        let time = source &+ clock.offset
        if clock.offset == era?.offset {
            era?.raw = raw
            era?.source = source
        }
        if time > newest?.time ?? .min { newest = (time, now) }
        return .at(time)
    }

    /// The time on the timeline that follows from the time that has really elapsed.
    private func continuation(at now: UInt64) -> Int64 {
        guard let newest else { return start }
        return newest.time &+ max(1, Int64(clamping: (now &- newest.arrival) / 1_000_000))
    }

    private static func step(from old: UInt32, to new: UInt32) -> Int64 {
        Int64(Int32(bitPattern: new &- old))
    }
}
