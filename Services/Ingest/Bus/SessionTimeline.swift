import Contracts
import Media

/// Gives the samples of one publisher their place in the session: time, segment, part and anchors.
struct SessionTimeline: Sendable {
    /// What became of a sample.
    enum Placement: Sendable, Equatable {
        /// The sample as it goes on the bus.
        case placed(BusSample)
        /// The sample, before which the session begins or breaks: ``anchors`` or ``breaks`` have a new last one.
        case anchored(BusSample)
        case discarded
    }

    /// Anchors kept in the description; older breaks are behind every reader.
    static let anchorLimit = 64
    /// Breaks that the description names; of older ones it has the number, and readers have seen them.
    static let breakLimit = 256

    /// The anchors of the wall clock so far.
    private(set) var anchors: [SessionDescription.Anchor]
    /// The breaks of the session so far, of all its tracks.
    private(set) var breaks: SessionDescription.Breaks
    /// Breaks of the publisher's clock within this epoch.
    private(set) var breakCount: UInt64 = 0

    private var mapper: TimelineMapper
    private var stamper: Stamper
    private var timescales: [(track: TrackID, timescale: UInt32)] = []
    private var hasSamples = false

    /// Creates the timeline of a new session.
    init(partTarget: Double) {
        anchors = []
        mapper = TimelineMapper()
        stamper = Stamper(partTarget: partTarget)
        breaks = .init()
    }

    /// Creates the timeline of a session whose publisher has come back.
    ///
    /// - Parameters:
    ///   - stamps: Where the stamps of the earlier epoch ended.
    ///   - end: The end of its last sample, in seconds.
    ///   - breaks: The breaks of the earlier epochs; `nil` where only the anchors count them.
    ///   - wallClock: Microseconds since 1970.
    init(
        partTarget: Double,
        resuming stamps: Stamper.ResumePoint,
        after end: Double,
        anchors: [SessionDescription.Anchor],
        breaks: SessionDescription.Breaks? = nil,
        wallClock: Int64
    ) {
        self.anchors = anchors
        self.breaks = breaks ?? .init(earlier: anchors.last?.discontinuity ?? 0)
        let first = SessionDescription.firstDecodeTime
        var elapsed = end
        if let last = anchors.last {
            elapsed = max(end, last.decodeTime + Double(wallClock &- last.wallClock) / 1_000_000)
        }
        let milliseconds = Int64(max(first, min(elapsed, 1e12)) * 1000) + 1
        mapper = TimelineMapper(startingAt: milliseconds)
        var stamps = stamps
        // A break that was told of has its number, though nothing may have come of its segment.
        if let told = breaks?.segments.last {
            stamps.nextMediaSequence = max(stamps.nextMediaSequence, told &+ 1)
        }
        stamper = Stamper(partTarget: partTarget, resuming: stamps)
    }

    /// Sets the current tracks.
    mutating func setTracks(_ configurations: [TrackConfiguration]) {
        timescales = configurations.map { ($0.track, $0.timescale) }
        stamper.setTracks(configurations)
    }

    /// Places the next sample.
    ///
    /// - Parameters:
    ///   - now: The monotonic clock in nanoseconds.
    ///   - wallClock: Microseconds since 1970 when its bytes arrived.
    ///   - age: Microseconds from its capture to then, as far as that is known.
    mutating func place(
        _ source: SourceSample,
        now: UInt64,
        wallClock: Int64,
        age: Int64 = 0
    ) -> Placement {
        guard let timescale = timescales.first(where: { $0.track == source.track })?.timescale else {
            return .discarded
        }
        let decodeTime: Int64
        var isAnchor = false
        switch map(source, timescale: timescale, now: now) {
        case .at(let time): decodeTime = time
        case .breaking(let time): (decodeTime, isAnchor) = (time, true)
        case .discard: return .discarded
        }
        if isAnchor { breakTimeline() }
        let captured = wallClock &- age
        let sample = busSample(source, at: decodeTime, timescale: timescale, captured: captured)
        let lastBreak = stamper.lastBreak
        guard let stamped = stamper.stamp(sample) else { return .discarded }
        let isBreak = stamper.lastBreak != lastBreak
        if isBreak { addBreak(at: stamped.mediaSequence) }
        if isAnchor { anchor(at: Double(decodeTime) / Double(timescale), wallClock: wallClock) }
        return isBreak || isAnchor ? .anchored(stamped) : .placed(stamped)
    }

    private mutating func map(
        _ source: SourceSample,
        timescale: UInt32,
        now: UInt64
    ) -> TimelineMapper.Outcome {
        if source.duration > 0 {
            return mapper.audio(
                source.timestamp,
                track: source.track,
                sampleRate: timescale,
                sampleCount: Int(source.duration),
                now: now
            )
        }
        return mapper.video(source.timestamp, track: source.track, now: now)
    }

    private mutating func breakTimeline() {
        if hasSamples {
            stamper.breakTimeline()
            breakCount &+= 1
        }
        hasSamples = true
    }

    private func busSample(
        _ source: SourceSample,
        at decodeTime: Int64,
        timescale: UInt32,
        captured: Int64
    ) -> BusSample {
        var flags: BusSample.Flags = []
        if source.isKeyframe { flags.insert(.keyframe) }
        if source.isDiscardable { flags.insert(.discardable) }
        let offset = Int64(source.compositionTime) &* Int64(timescale) / 1000
        let fraction =
            source.duration > 0 ? 0 : Int64(source.nanosecondOffset) &* Int64(timescale) / 1_000_000_000
        return BusSample(
            track: source.track,
            generation: source.generation,
            flags: flags,
            temporalLayer: source.temporalLayer,
            decodeTime: decodeTime &+ fraction,
            compositionOffset: Int32(clamping: offset),
            duration: source.duration,
            captureClock: UInt64(clamping: captured) &* 1000,
            payload: source.payload
        )
    }

    private mutating func addBreak(at mediaSequence: UInt32) {
        if breaks.segments.count == Self.breakLimit {
            breaks.segments.removeFirst()
            breaks.earlier &+= 1
        }
        breaks.segments.append(mediaSequence)
    }

    /// Adds an anchor that does not go back behind what the last one says about the same moment.
    private mutating func anchor(at decodeTime: Double, wallClock: Int64) {
        var wallClock = wallClock
        if let last = anchors.last {
            let implied = last.wallClock &+ Int64(max(0, decodeTime - last.decodeTime) * 1_000_000)
            wallClock = max(wallClock, implied)
        }
        if anchors.count == Self.anchorLimit { anchors.removeFirst() }
        anchors.append(.init(decodeTime: decodeTime, discontinuity: breaks.count, wallClock: wallClock))
    }
}
