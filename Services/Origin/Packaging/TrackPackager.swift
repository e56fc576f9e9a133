import Bytes
import ISOBMFF
import Media

/// Cuts the samples of one track into parts, as their stamps say: a pure function of what the bus holds.
///
/// A part is closed by the sample that is marked as its end, else by the first sample of the next, which also
/// tells how long the last sample lasts.
struct TrackPackager {
    /// Where a track goes on after a restart.
    struct Resumption: Equatable, Sendable {
        /// The last part that is stored.
        var last: PartHead
    }

    /// What one sample completes.
    enum Output: Sendable {
        /// A part is whole.
        case part(PackagedPart)
        /// The segment of the last part is whole; it ends at that decode time, unless the timeline breaks there.
        case segmentEnd(UInt32, endTime: Int64?)
    }

    /// The longest time between two samples that counts as the first one's duration, in seconds.
    private static let longestSample: Int64 = 60
    /// Samples that may wait for the end of their part; a part of more is closed as it is.
    private static let maximumSampleCount = 4096

    private struct Pending {
        var samples: [BusSample]
        var position: BusPosition
        var head: PartHead
    }

    private(set) var configuration: TrackConfiguration
    /// The configuration of a generation whose first sample is about to come.
    private var expected: TrackConfiguration?
    private var clock: PresentationClock
    private var pending: Pending?
    private var last: PartHead?
    private var resumeAfter: UInt32?
    private var isSynchronised: Bool
    private var hasLost: Bool
    private var breaks: SessionBreaks
    private var typicalDuration: UInt32

    /// Creates a packager.
    ///
    /// - Parameters:
    ///   - resumption: What is stored already; `nil` for a track that begins.
    ///   - isComplete: Whether the first sample it will see is the track's first.
    init(
        configuration: TrackConfiguration,
        clock: PresentationClock,
        resumption: Resumption? = nil,
        isComplete: Bool = true
    ) {
        self.configuration = configuration
        self.clock = clock
        last = resumption?.last
        resumeAfter = resumption?.last.lastSequence
        isSynchronised = resumption != nil || isComplete
        hasLost = false
        breaks = clock.breaks ?? SessionBreaks(earlier: resumption?.last.discontinuitySequence ?? 0)
        typicalDuration = Self.frameDuration(of: configuration)
    }

    private static func frameDuration(of configuration: TrackConfiguration) -> UInt32 {
        switch configuration.kind {
        case .audio(let audio): return UInt32(clamping: audio.samplesPerFrame ?? 1024)
        case .video(let video):
            let rate = video.frameRate ?? 30
            let ticks = Double(configuration.timescale) / (rate > 0.1 ? rate : 30)
            return UInt32(min(max(ticks.rounded(), 1), 1e9))
        }
    }

    /// Entries of the bus are missing: what is open cannot be completed.
    mutating func loseEntries() {
        pending = nil
        isSynchronised = false
        hasLost = true
    }

    /// Learns what is known now of the clock and of its generation.
    mutating func update(configuration: TrackConfiguration, clock: PresentationClock) {
        self.configuration = configuration
        self.clock = clock
        if let named = clock.breaks { breaks = named }
    }

    /// Learns of the configuration of the generation that the next sample begins.
    mutating func expect(_ configuration: TrackConfiguration) { expected = configuration }

    /// Takes one sample, whose generation is the current or the expected one; returns what it completes.
    mutating func feed(_ sample: BusSample, at position: BusPosition) -> [Output] {
        guard isNew(sample) else { return [] }
        let id = PartID(mediaSequence: sample.mediaSequence, part: sample.part)
        var outputs: [Output] = []
        if let open = pending?.head, open.id == id, open.generation == sample.generation {
            pending?.samples.append(sample)
            pending?.position = position
        } else {
            guard isSynchronised || beginsIndependently(sample) else {
                hasLost = true
                return []
            }
            // A writer never goes back; whatever does is not served twice.
            if let newest = pending?.head.id ?? last?.id, id <= newest { return [] }
            outputs = ending(before: sample)
            if let expected, expected.generation == sample.generation { configuration = expected }
            expected = nil
            open(with: sample, id: id, at: position)
        }
        let isFull = (pending?.samples.count ?? 0) >= Self.maximumSampleCount
        if sample.flags.contains(.partEnd) || isFull, let part = close(before: nil, isSegmentEnd: false) {
            outputs.append(.part(part))
        }
        return outputs
    }

    /// What the first sample of a part tells about the one before it.
    private mutating func ending(before sample: BusSample) -> [Output] {
        if let part = close(
            before: sample,
            isSegmentEnd: pending?.head.id.mediaSequence != sample.mediaSequence
        ) {
            return [.part(part)]
        }
        guard let last, last.id.mediaSequence != sample.mediaSequence, !last.flags.contains(.segmentEnd)
        else {
            return []
        }
        let isContinuous =
            !sample.flags.contains(.discontinuity) && !hasLost && last.generation == sample.generation
        return [.segmentEnd(last.id.mediaSequence, endTime: isContinuous ? sample.decodeTime : nil)]
    }

    /// Closes what is open, at the end of the session.
    mutating func finish() -> PackagedPart? { close(before: nil, isSegmentEnd: true) }

    /// Whether the sample is not stored yet; a jump of the sequence is a loss.
    private mutating func isNew(_ sample: BusSample) -> Bool {
        guard let resumed = resumeAfter else { return true }
        let distance = Int32(bitPattern: sample.sequence &- resumed)
        guard distance > 0 else { return false }
        resumeAfter = nil
        if distance > 1 { loseEntries() }
        return true
    }

    private func beginsIndependently(_ sample: BusSample) -> Bool {
        guard sample.flags.contains(.segmentStart) else { return false }
        return !configuration.isVideo || sample.flags.contains(.keyframe)
    }

    private mutating func open(with sample: BusSample, id: PartID, at position: BusPosition) {
        let isMarked =
            sample.flags.contains(.discontinuity)
            || (last.map { $0.generation != sample.generation } ?? false)
        var flags: PartHead.Flags = []
        if !configuration.isVideo || sample.flags.contains(.keyframe) { flags.insert(.independent) }
        if hasLost { flags.insert(.afterGap) }
        if let last {
            let (before, number) = (last.id.mediaSequence, id.mediaSequence)
            if isMarked { breaks.note(number, after: before) }
            if breaks.isBreak(after: before, through: number) { flags.insert(.discontinuity) }
        } else if clock.breaks == nil {
            breaks = SessionBreaks(
                earlier: clock.discontinuities(until: sample.decodeTime, timescale: configuration.timescale)
            )
        }
        hasLost = false
        isSynchronised = true
        let sequence = breaks.sequence(at: id.mediaSequence)
        let shown = sample.decodeTime &+ Int64(sample.compositionOffset)
        let head = PartHead(
            track: configuration.track,
            id: id,
            generation: sample.generation,
            flags: flags,
            discontinuitySequence: sequence,
            decodeTime: sample.decodeTime,
            duration: 0,
            programDateTime: clock.wallClock(
                of: shown,
                timescale: configuration.timescale,
                discontinuity: sequence
            ),
            lastSequence: sample.sequence,
            position: position
        )
        pending = Pending(samples: [sample], position: position, head: head)
    }

    private mutating func close(before next: BusSample?, isSegmentEnd: Bool) -> PackagedPart? {
        guard let pending, let lastSample = pending.samples.last else { return nil }
        self.pending = nil
        let samples = fragmentSamples(of: pending.samples, before: next)
        var head = pending.head
        head.position = pending.position
        head.lastSequence = lastSample.sequence
        head.duration = samples.reduce(0) { $0 &+ $1.duration }
        if isSegmentEnd { head.flags.insert(.segmentEnd) }
        last = head
        return PackagedPart(head: head, samples: samples, bytes: chunk(of: pending.samples, samples))
    }

    private mutating func fragmentSamples(
        of samples: [BusSample],
        before next: BusSample?
    ) -> [MovieFragment.Sample] {
        samples.indices.map { index in
            let following = index + 1 < samples.count ? samples[index + 1] : next
            let duration = duration(of: samples[index], before: following)
            typicalDuration = duration
            return MovieFragment.Sample(
                byteCount: UInt32(clamping: samples[index].payload.count),
                duration: duration,
                compositionOffset: samples[index].compositionOffset,
                flags: flags(of: samples[index])
            )
        }
    }

    /// The distance to the next sample, so that times never drift; the stamp or a guess where there is none.
    private func duration(of sample: BusSample, before next: BusSample?) -> UInt32 {
        if let next, !next.flags.contains(.discontinuity), next.generation == sample.generation {
            let distance = next.decodeTime.subtractingReportingOverflow(sample.decodeTime)
            let longest = Self.longestSample * Int64(configuration.timescale)
            if !distance.overflow, distance.partialValue > 0, distance.partialValue <= longest {
                return UInt32(clamping: distance.partialValue)
            }
        }
        return sample.duration > 0 ? sample.duration : typicalDuration
    }

    private func flags(of sample: BusSample) -> SampleFlags {
        if !configuration.isVideo || sample.flags.contains(.keyframe) { return .keyframe }
        return sample.flags.contains(.discardable) ? .disposable : .dependent
    }

    private func chunk(of samples: [BusSample], _ heads: [MovieFragment.Sample]) -> [UInt8] {
        let fragment = MovieFragment(
            sequence: samples[0].sequence &+ 1,
            trackID: UInt32(configuration.track.rawValue) + 1,
            decodeTime: UInt64(clamping: samples[0].decodeTime),
            samples: heads
        )
        let byteCount = MovieFragment.headByteCount(sampleCount: heads.count) + fragment.payloadByteCount
        var writer = ByteWriter(reservingCapacity: byteCount)
        fragment.writeHead(to: &writer)
        for sample in samples { writer.write(contentsOf: sample.payload) }
        return writer.bytes
    }
}
