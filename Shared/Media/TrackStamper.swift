/// The part of a ``Stamper`` that belongs to one track: where its segment and part began, and its rhythm.
struct TrackStamper: Sendable {
    /// The least time between two cuts.
    static let shortestSegment = Duration.seconds(1)
    /// The time without a keyframe after which a segment ends at a part boundary.
    static let longestSegment = Duration.seconds(4)
    /// The least time after which a segment ends early, to leave the shortest segment before the next keyframe.
    static let earliestEnd = Duration.seconds(3)
    /// The length of segments without video.
    static let audioSegment = Duration.seconds(2)
    /// The length at which a segment ends wherever it is: none may round to more than four seconds.
    static let segmentLimit = Duration.milliseconds(4450)
    /// The same for tracks that follow, which may hear of the leader's cut a little late.
    static let followerLimit = Duration.milliseconds(4490)
    /// How much earlier than the leader's a keyframe of another layer may come to be cut with it.
    static let layerTolerance = Duration.milliseconds(150)
    /// Publishers round their clocks to milliseconds.
    static let clockTolerance = Duration.milliseconds(5)

    let isVideo: Bool
    /// The next sample begins a segment because the timeline or a configuration broke.
    var mustBreak = true
    /// The session has broken since the track's last sample, in the segment of the next one or in one that it lacks.
    var isBehindBreak = false

    private let timescale: UInt32
    private let partTarget: Int64
    private var generation: UInt16
    private var sampleDuration: Int64?
    private var spacing: SampleSpacing
    private var lastTicks: Int64?
    private var lastKeyframe: Int64?
    private var keyframeDistance: Int64?
    private var mediaSequence: UInt32?
    private var segmentStart: Int64 = 0
    private var part: UInt16 = 0
    private var partStart: Int64 = 0
    private var hasClosedPart = false

    init(_ configuration: TrackConfiguration, partTarget seconds: Double) {
        isVideo = configuration.isVideo
        timescale = max(1, configuration.timescale)
        generation = configuration.generation
        let ticks = max(0.001, min(60, seconds)) * Double(timescale)
        // The target is a decimal fraction, so a product just below a whole number means that number.
        partTarget = Int64((ticks + 0.001).rounded(.down))
        sampleDuration = configuration.audio?.samplesPerFrame.map { Int64(clamping: $0) }
        spacing = SampleSpacing(nominal: Self.nominalSpacing(configuration))
    }

    /// The track with another configuration of the same track.
    ///
    /// The generation stays: samples bring the new one. A new timescale makes it a new track.
    func reconfigured(_ configuration: TrackConfiguration) -> TrackStamper? {
        guard configuration.timescale == timescale, configuration.isVideo == isVideo else { return nil }
        var copy = self
        copy.sampleDuration = configuration.audio?.samplesPerFrame.map { Int64(clamping: $0) }
        return copy
    }

    var lastDecodeTime: MediaTime? { lastTicks.map { MediaTime(ticks: $0, timescale: timescale) } }

    func decodeTime(of sample: BusSample) -> MediaTime {
        MediaTime(ticks: sample.decodeTime, timescale: timescale)
    }

    func presentationTime(of sample: BusSample) -> MediaTime {
        MediaTime(ticks: sample.decodeTime &+ Int64(sample.compositionOffset), timescale: timescale)
    }

    func isInSegment(_ number: UInt32?) -> Bool { mediaSequence == number }

    var hasBegun: Bool { mediaSequence != nil }

    /// The generation of its last sample, where there was one.
    var lastGeneration: UInt16? { hasBegun ? generation : nil }

    /// Whether the sample shows a change of the configuration that nothing has broken the session for yet.
    func hasNewGeneration(_ sample: BusSample) -> Bool {
        hasBegun && !isBehindBreak && sample.generation != generation
    }

    /// The sample with a decode time later than the last one's.
    ///
    /// It keeps its presentation time where that differs from its decode time. Else both move: where a smaller layer
    /// gives way to a better one, whose clock may be a little behind, no picture is to be shown before what it follows.
    func straightened(_ sample: BusSample) -> BusSample {
        guard let lastTicks, sample.decodeTime <= lastTicks else { return sample }
        var copy = sample
        copy.decodeTime = lastTicks &+ 1
        guard sample.compositionOffset != 0 else { return copy }
        let moved = copy.decodeTime.subtractingReportingOverflow(sample.decodeTime).partialValue
        copy.compositionOffset = Int32(clamping: Int64(sample.compositionOffset) &- moved)
        return copy
    }

    /// Learns from the distance to the last sample.
    mutating func observe(_ sample: BusSample) {
        defer { lastTicks = sample.decodeTime }
        guard let lastTicks, !mustBreak, sampleDuration == nil else { return }
        let (distance, overflow) = sample.decodeTime.subtractingReportingOverflow(lastTicks)
        if !overflow, distance > 0, distance <= Int64(timescale) * 10 { spacing.observe(distance) }
    }

    // MARK: Cuts

    /// Whether the track, leading, begins a segment with `sample`.
    func leadsToCut(at sample: BusSample) -> Bool {
        guard mediaSequence != nil else { return false }
        let elapsed = sample.decodeTime &- segmentStart
        if !isVideo { return elapsed >= ticks(Self.audioSegment) }
        if sample.flags.contains(.keyframe) {
            return elapsed &+ ticks(Self.clockTolerance) >= ticks(Self.shortestSegment)
        }
        return mustCut(at: sample)
    }

    /// Whether the segment has become so long that it ends here without a keyframe.
    ///
    /// A keyframe that should come soon, by the distance of the last two, must not come within a second
    /// after such a cut, because it could not cut then: it is waited for, or the segment ends earlier.
    func mustCut(at sample: BusSample) -> Bool {
        guard mediaSequence != nil else { return false }
        let elapsed = sample.decodeTime &- segmentStart
        if elapsed &+ spacing.usual > ticks(Self.segmentLimit) { return true }
        guard beginsPart(sample) else { return false }
        if let keyframe = expectedKeyframe(after: sample.decodeTime) {
            if keyframe &- segmentStart < ticks(Self.segmentLimit) { return false }
            if leavesJustEnough(before: keyframe, at: sample.decodeTime) { return true }
        }
        return elapsed >= ticks(Self.longestSegment) || elapsed &+ partTarget > ticks(Self.segmentLimit)
    }

    /// Whether the open segment would be too long with what was not sent before `sample`.
    func isOutgrown(by sample: BusSample) -> Bool {
        guard mediaSequence != nil, !mustBreak, let lastTicks else { return false }
        let distance = sample.decodeTime &- lastTicks
        return sample.decodeTime &- segmentStart > ticks(Self.segmentLimit) && distance > spacing.usual &* 2
    }

    /// Whether the track, following, can wait for the leader's cut no longer.
    func isOverdue(at sample: BusSample) -> Bool {
        let end = sample.decodeTime &+ (knownDuration(of: sample) ?? spacing.usual)
        return mediaSequence != nil && end &- segmentStart > ticks(Self.followerLimit)
    }

    private func expectedKeyframe(after time: Int64) -> Int64? {
        guard let lastKeyframe, let keyframeDistance else { return nil }
        let expected = lastKeyframe &+ keyframeDistance
        return expected > time ? expected : nil
    }

    /// Whether this is the last part boundary a second before a keyframe that a later cut would swallow.
    private func leavesJustEnough(before keyframe: Int64, at time: Int64) -> Bool {
        let latestCut = segmentStart &+ ticks(Self.longestSegment) &+ partTarget
        let distance = keyframe &- time
        return keyframe &- latestCut < ticks(Self.shortestSegment)
            && time &- segmentStart >= ticks(Self.earliestEnd)
            && distance >= ticks(Self.shortestSegment)
            && distance &- partTarget < ticks(Self.shortestSegment)
    }

    /// The newest of `cuts` that the track meets with `sample`; the one it is in where there is none newer.
    func choose(from cuts: [Stamper.Cut], for sample: BusSample, isLeader: Bool) -> Stamper.Cut? {
        guard let mediaSequence else { return cuts.last }
        var time = presentationTime(of: sample)
        let current = Stamper.Cut(mediaSequence: mediaSequence, time: time, isDiscontinuity: false)
        if isLeader { return current }
        if isVideo { time.ticks &+= ticks(Self.layerTolerance) }
        guard let met = cuts.last(where: { $0.time <= time }), met.mediaSequence != mediaSequence else {
            return current
        }
        let isReady = !isVideo || sample.flags.contains(.keyframe) || mustCut(at: sample)
        return isReady ? met : current
    }

    // MARK: Stamps

    /// Puts `sample` into the segment of `cut` and into a part of it.
    ///
    /// - Parameters:
    ///   - nextCut: The time of the next cut, where it is known and the track has yet to meet it.
    ///   - isLeader: Whether the track leads; sound that leads knows its next cut by itself.
    mutating func stamp(
        _ sample: inout BusSample,
        joining cut: Stamper.Cut,
        nextCut: MediaTime?,
        isLeader: Bool
    ) {
        sample.flags.subtract([.segmentStart, .partStart, .partEnd, .notIndependent, .discontinuity])
        if !isVideo { sample.flags.insert(.keyframe) }
        if cut.mediaSequence != mediaSequence {
            beginSegment(with: &sample, cut)
        } else if beginsPart(sample) {
            part &+= 1
            beginPart(with: &sample)
        }
        if isVideo, sample.flags.contains(.keyframe) { remember(keyframe: sample) }
        generation = sample.generation
        sample.mediaSequence = cut.mediaSequence
        sample.part = part
        let ownCut = MediaTime(ticks: segmentStart &+ ticks(Self.audioSegment), timescale: timescale)
        closePart(with: &sample, nextCut: isLeader && !isVideo ? ownCut : nextCut)
    }

    private mutating func remember(keyframe: BusSample) {
        if keyframe.flags.contains(.discontinuity) { lastKeyframe = nil }
        keyframeDistance = lastKeyframe.map { keyframe.decodeTime &- $0 }
        lastKeyframe = keyframe.decodeTime
    }

    private mutating func beginSegment(with sample: inout BusSample, _ cut: Stamper.Cut) {
        mediaSequence = cut.mediaSequence
        segmentStart = sample.decodeTime
        part = 0
        sample.flags.insert(.segmentStart)
        if cut.isDiscontinuity || isBehindBreak { sample.flags.insert(.discontinuity) }
        isBehindBreak = false
        if isVideo, !sample.flags.contains(.keyframe) { sample.flags.insert(.notIndependent) }
        beginPart(with: &sample)
    }

    private mutating func beginPart(with sample: inout BusSample) {
        partStart = sample.decodeTime
        hasClosedPart = false
        sample.flags.insert(.partStart)
    }

    /// Whether `sample` cannot be in the open part.
    private func beginsPart(_ sample: BusSample) -> Bool {
        let length = sample.decodeTime &- partStart
        return hasClosedPart || length &+ max(1, knownDuration(of: sample) ?? spacing.usual) > partTarget
    }

    /// The length of a sample of sound, where it or its configuration says.
    private func knownDuration(of sample: BusSample) -> Int64? {
        if isVideo { return nil }
        return sample.duration > 0 ? Int64(sample.duration) : sampleDuration
    }

    private mutating func closePart(with sample: inout BusSample, nextCut: MediaTime?) {
        let known = knownDuration(of: sample)
        let usual = known ?? spacing.usual
        sample.duration = UInt32(clamping: known ?? 0)
        let end = sample.decodeTime &+ usual
        guard usual > 0,
            isPartFull(at: end, next: usual, longest: known ?? spacing.longest)
                || isSegmentFull(at: end, sample, nextCut: nextCut)
        else {
            return
        }
        hasClosedPart = true
        sample.duration = UInt32(clamping: usual)
        sample.flags.insert(.partEnd)
    }

    /// Whether a part that ends at `end` has no room for the next sample, of the usual or the longest length.
    private func isPartFull(at end: Int64, next usual: Int64, longest: Int64) -> Bool {
        let length = end &- partStart
        if length &+ usual > partTarget { return true }
        return length &+ longest > partTarget && length &* 100 >= partTarget &* 85
    }

    /// Whether the next sample of sound will surely begin a segment.
    private func isSegmentFull(at end: Int64, _ sample: BusSample, nextCut: MediaTime?) -> Bool {
        guard !isVideo, let nextCut else { return false }
        return nextCut <= MediaTime(ticks: end &+ Int64(sample.compositionOffset), timescale: timescale)
    }

    private func ticks(_ duration: Duration) -> Int64 { duration.ticks(in: timescale) }

    private static func nominalSpacing(_ configuration: TrackConfiguration) -> Int64 {
        if let samples = configuration.audio?.samplesPerFrame { return Int64(clamping: samples) }
        guard let rate = configuration.video?.frameRate, rate >= 0.1, rate <= 1000 else { return 0 }
        return Int64(Double(configuration.timescale) / rate)
    }
}
