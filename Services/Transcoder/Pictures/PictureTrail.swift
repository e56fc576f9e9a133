import Media
import MediaBus
import Transcoding

/// Gives pictures that were made over the stamps of the pictures that they were made of.
///
/// The source's come in the order of decoding, what is made in the order of showing: times tell them apart.
/// Segments change at keyframes only, as in the source, and never go back, nor do parts.
struct PictureTrail {
    /// Pictures on their way; beyond them the stamps of the earliest are forgotten.
    static let markLimit = 512

    private var marks: [Int64: StampTrail.Mark] = [:]
    private var last: (mediaSequence: UInt32, part: UInt16)?
    private var nextSequence: UInt32 = 0
    private var nextTime = Int64.min
    private var isWaitingForKeyframe = true
    private var breaks = TrailBreaks()

    /// Begins a rendition.
    init() {}

    /// Goes on after an earlier maker.
    init(after earlier: BusResumption) {
        guard let (_, sequence) = earlier.stamps.nextSequences.first else { return }
        nextSequence = sequence
        nextTime = earlier.end.ticks(in: 90_000) &+ 1
        last = earlier.last
    }

    /// Takes note of a picture of the source that is shown at `time`.
    mutating func note(_ sample: BusSample, at time: Int64) {
        if marks.count >= Self.markLimit, let earliest = marks.keys.min() { marks[earliest] = nil }
        let mark = StampTrail.Mark(sample, at: time)
        breaks.note(mark)
        marks[time] = mark
    }

    /// The sample that a picture becomes; `nil` for what an earlier maker has made already, and for what cannot be
    /// decoded without it.
    mutating func sample(of picture: EncodedPicture, in configuration: TrackConfiguration) -> BusSample? {
        let mark = marks.removeValue(forKey: picture.time)
        guard picture.time >= nextTime, let mark else { return nil }
        if picture.isKeyframe { isWaitingForKeyframe = false }
        guard !isWaitingForKeyframe else { return nil }
        nextTime = picture.time &+ 1
        var sample = BusSample(
            track: configuration.track,
            generation: configuration.generation,
            flags: picture.isKeyframe ? .keyframe : [],
            sequence: nextSequence,
            decodeTime: picture.time,
            captureClock: mark.captureClock,
            payload: picture.bytes
        )
        nextSequence &+= 1
        stamp(&sample, as: mark)
        return sample
    }

    private mutating func stamp(_ sample: inout BusSample, as mark: StampTrail.Mark) {
        var place = (mediaSequence: mark.mediaSequence, part: mark.part)
        let mayCut = sample.flags.contains(.keyframe) || mark.flags.contains(.notIndependent)
        if let last {
            if place < last || place.mediaSequence != last.mediaSequence && !mayCut { place = last }
        }
        sample.mediaSequence = place.mediaSequence
        sample.part = place.part
        if last?.mediaSequence != place.mediaSequence {
            sample.flags.insert(.segmentStart)
            if !sample.flags.contains(.keyframe) { sample.flags.insert(.notIndependent) }
            if breaks.meet(place.mediaSequence, after: last?.mediaSequence) {
                sample.flags.insert(.discontinuity)
            }
        }
        if last.map({ $0 != place }) ?? true { sample.flags.insert(.partStart) }
        last = place
    }
}
