/// Decides what every sample of a session is to its readers: its sequence number, segment, part and flags.
///
/// It takes the samples of all tracks in the order of arrival, with decode times on the session's timeline,
/// and returns each at once; nothing is held back. All times are media times, so that equal input gives
/// equal output.
///
/// Cutting: the first video track leads. A segment begins at its first keyframe at least 1 s after the last
/// cut; without one for 4 s, at a part boundary, marked not independent. Such a cut comes up to 0.4 s later,
/// or up to 1 s earlier, where it would otherwise fall less than 1 s before the next keyframe. Sound cuts at its first sample at
/// or after that keyframe's presentation time; without video, every 2 s. A second video track cuts at its
/// own first keyframe there. A break of the timeline and a new generation of a configuration cut at once, and so does
/// a hole in all tracks that would make the open segment too long: it breaks the timeline.
///
/// Parts: a sample belongs to the open part if, lasting as long as its track's samples usually do, it ends
/// within the part target. Where the next one surely would not, the sample closes its part: it gets
/// `partEnd` and its usual length as its duration, so that readers publish the part without waiting for the
/// next sample. Every other video sample has duration 0: it lasts until the next one. Sound has durations.
/// Where a part was not closed by `partEnd` and the next sample came late, its last sample lasts longer than
/// the target allows: readers then announce the part with the target as its length.
public struct Stamper: Sendable {
    /// What a publisher's next epoch needs to go on where the last one ended.
    public struct ResumePoint: Sendable, Equatable {
        /// The first media sequence number that has not been used.
        public var nextMediaSequence: UInt32
        /// The next sequence number of each track.
        public var nextSequences: [TrackID: UInt32]

        /// Creates a point from its numbers.
        public init(nextMediaSequence: UInt32, nextSequences: [TrackID: UInt32]) {
            self.nextMediaSequence = nextMediaSequence
            self.nextSequences = nextSequences
        }
    }

    struct Cut: Sendable {
        var mediaSequence: UInt32
        var time: MediaTime
        var isDiscontinuity: Bool
    }

    /// Cuts that a late track can still meet; older ones are forgotten.
    static let rememberedCutLimit = 16

    private let partTarget: Double
    /// The segment that the newest break begins, `nil` where nothing has broken in this epoch.
    public private(set) var lastBreak: UInt32?
    private(set) var leader: TrackID?
    private(set) var cuts: [Cut] = []
    private var tracks = TrackTable<TrackStamper>()
    private var nextMediaSequence: UInt32
    private var sequences: TrackTable<UInt32>
    private var opensWithDiscontinuity: Bool
    private var isBreakPending = true
    /// The generations of the tracks that have left the set since the last break.
    private var departed = TrackTable<UInt16>()

    /// Creates a stamper for one epoch of a session.
    ///
    /// - Parameters:
    ///   - partTarget: The session's part target in seconds, see ``partTarget(for:)``.
    ///   - point: Where an earlier epoch of the session ended, or `nil` in a new session.
    public init(partTarget: Double, resuming point: ResumePoint? = nil) {
        self.partTarget = partTarget
        nextMediaSequence = point?.nextMediaSequence ?? 0
        sequences = TrackTable(point?.nextSequences ?? [:])
        opensWithDiscontinuity = point != nil
    }

    /// The part target for a session with these tracks: 0.3 s, or one frame where that is longer.
    public static func partTarget(for tracks: [TrackConfiguration]) -> Double {
        let rates = tracks.compactMap { $0.video?.frameRate }.filter { $0 >= 0.25 }
        return rates.reduce(0.3) { max($0, (1000 / $1).rounded(.up) / 1000) }
    }

    /// Where the next epoch of the session goes on.
    public var resumePoint: ResumePoint {
        ResumePoint(nextMediaSequence: nextMediaSequence, nextSequences: sequences.dictionary)
    }

    /// Sets the current tracks; samples of others are refused from now on.
    public mutating func setTracks(_ configurations: [TrackConfiguration]) {
        var kept = TrackTable<TrackStamper>()
        for track in tracks.tracks { departed[track] = tracks[track]?.lastGeneration ?? departed[track] }
        for configuration in configurations {
            kept[configuration.track] =
                tracks[configuration.track]?.reconfigured(configuration)
                ?? TrackStamper(configuration, partTarget: partTarget)
        }
        tracks = kept
        leader =
            configurations.filter(\.isVideo).map(\.track).min() ?? configurations.map(\.track).min()
    }

    /// Breaks the timeline: on every track the next sample begins a segment, with a discontinuity.
    public mutating func breakTimeline() {
        isBreakPending = true
        for track in tracks.tracks { tracks[track]?.mustBreak = true }
        if nextMediaSequence > 0 { opensWithDiscontinuity = true }
    }

    /// Stamps the next sample; only its stamps, its duration and a decode time that does not rise change.
    ///
    /// - Returns: `nil` where its track is not in the current set.
    public mutating func stamp(_ sample: BusSample) -> BusSample? {
        guard var track = tracks[sample.track] else { return nil }
        var sample = track.straightened(sample)
        if isAfterHole(sample, on: track) {
            breakTimeline()
            track.mustBreak = true
        }
        track.observe(sample)
        let cut = cut(for: sample, of: &track)
        let isLeader = sample.track == leader
        track.stamp(&sample, joining: cut, nextCut: nextCut(after: cut, on: track), isLeader: isLeader)
        sample.sequence = sequences[sample.track] ?? 0
        sequences[sample.track] = sample.sequence &+ 1
        tracks[sample.track] = track
        return sample
    }

    // MARK: Segments

    /// The segment that `sample` belongs to, after making a new one where the sample is reason for it.
    private mutating func cut(for sample: BusSample, of track: inout TrackStamper) -> Cut {
        if mustBreak(for: sample, of: track) { return breakingCut(at: sample, on: &track) }
        if track.mustBreak, let last = cuts.last {
            track.mustBreak = false
            return last
        }
        if shouldCut(at: sample, on: track) {
            // A leader that was silent joins the cut that another track had to make.
            if let leader, leader != sample.track { tracks[leader]?.mustBreak = true }
            return makeCut(at: sample, on: track, isDiscontinuity: false)
        }
        return track.choose(from: cuts, for: sample, isLeader: sample.track == leader)
            ?? makeCut(at: sample, on: track, isDiscontinuity: false)
    }

    /// Whether the sample is the first one that shows a break of the timeline or of the configuration.
    private func mustBreak(for sample: BusSample, of track: TrackStamper) -> Bool {
        cuts.isEmpty || track.mustBreak && isBreakPending || track.hasNewGeneration(sample)
            || departed[sample.track].map { $0 != sample.generation && !track.hasBegun } ?? false
    }

    private mutating func breakingCut(at sample: BusSample, on track: inout TrackStamper) -> Cut {
        let isDiscontinuity = opensWithDiscontinuity || !cuts.isEmpty
        for other in tracks.tracks {
            tracks[other]?.mustBreak = true
            if isDiscontinuity { tracks[other]?.isBehindBreak = true }
        }
        track.mustBreak = false
        isBreakPending = false
        opensWithDiscontinuity = false
        departed = TrackTable()
        if isDiscontinuity { lastBreak = nextMediaSequence }
        return makeCut(at: sample, on: track, isDiscontinuity: isDiscontinuity)
    }

    private mutating func makeCut(
        at sample: BusSample,
        on track: TrackStamper,
        isDiscontinuity: Bool
    ) -> Cut {
        let cut = Cut(
            mediaSequence: nextMediaSequence,
            time: track.presentationTime(of: sample),
            isDiscontinuity: isDiscontinuity
        )
        nextMediaSequence &+= 1
        if cuts.count == Self.rememberedCutLimit { cuts.removeFirst() }
        cuts.append(cut)
        return cut
    }

    private func shouldCut(at sample: BusSample, on track: TrackStamper) -> Bool {
        if sample.track == leader { return track.leadsToCut(at: sample) }
        guard track.isInSegment(cuts.last?.mediaSequence) else { return false }
        let isAlone = isLeaderSilent(at: track.decodeTime(of: sample))
        return isAlone && track.mustCut(at: sample) || track.isOverdue(at: sample)
    }

    /// Whether nothing has come of any track for so long that the open segment cannot bridge it.
    private func isAfterHole(_ sample: BusSample, on track: TrackStamper) -> Bool {
        guard track.isOutgrown(by: sample) else { return false }
        let time = track.decodeTime(of: sample)
        return tracks.tracks.allSatisfy { isSilent($0, at: time) }
    }

    /// Whether the leader has sent nothing for so long that another track must cut in its place.
    private func isLeaderSilent(at time: MediaTime) -> Bool { leader.map { isSilent($0, at: time) } ?? true }

    /// Whether a track has sent nothing for a second before `time`.
    private func isSilent(_ track: TrackID, at time: MediaTime) -> Bool {
        guard let last = tracks[track]?.lastDecodeTime else { return true }
        return MediaTime(ticks: last.ticks &+ Int64(last.timescale), timescale: last.timescale) < time
    }

    /// The time of the next known cut that `track` has yet to meet.
    private func nextCut(after cut: Cut, on track: TrackStamper) -> MediaTime? {
        track.isVideo ? nil : cuts.first { $0.mediaSequence > cut.mediaSequence }?.time
    }
}
