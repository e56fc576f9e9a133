import Media

/// The stamps of a source's samples, for the sound that is made of them.
///
/// Segments, breaks and the capture clock are the source's. Parts are cut anew within them: packets of another length
/// would not keep the part target in the source's. What is made never goes back to an earlier segment or part.
struct StampTrail {
    /// The stamps of one sample of the source.
    struct Mark: Equatable {
        /// Where it begins, in the timescale of what is made.
        var time: Int64
        var mediaSequence: UInt32
        var part: UInt16
        var flags: BusSample.Flags
        var captureClock: UInt64

        init(_ sample: BusSample, at time: Int64) {
            self.time = time
            mediaSequence = sample.mediaSequence
            part = sample.part
            flags = sample.flags
            captureClock = sample.captureClock
        }
    }

    /// A segment and a part of it.
    struct Place: Equatable {
        var mediaSequence: UInt32
        var part: UInt16
    }

    /// Marks that are kept, more than two minutes of sound; beyond them the oldest goes.
    static let markLimit = 8192

    private var marks: [Mark] = []
    private var head = 0
    private let partTarget: Int64
    private var last: Place?
    private var partStart: Int64
    private var breaks = TrailBreaks()

    /// Begins, or goes on with the part that an earlier maker wrote last, where there was one.
    ///
    /// - Parameters:
    ///   - partTarget: How long a part may be, in the timescale of what is made.
    ///   - start: Where the last part begins; where that is not known the next sample begins a new one.
    init(partTarget: Int64, after last: Place?, begunAt start: Int64?) {
        self.partTarget = partTarget
        self.last = last
        partStart = start ?? .min
    }

    /// Adds the next sample of the source.
    mutating func append(_ mark: Mark) {
        breaks.note(mark)
        marks.append(mark)
        if marks.count - head > Self.markLimit { head += 1 }
        if head > 64, head * 2 > marks.count {
            marks.removeFirst(head)
            head = 0
        }
    }

    /// Gives `sample`, whose time and duration are set, the stamps of the source's sample that it begins in.
    mutating func stamp(_ sample: inout BusSample) {
        while head + 1 < marks.count, marks[head + 1].time <= sample.decodeTime { head += 1 }
        guard head < marks.count else { return }
        sample.captureClock = marks[head].captureClock
        let place = place(of: sample, in: marks[head].mediaSequence)
        sample.mediaSequence = place.mediaSequence
        sample.part = place.part
        if place != last { beginPart(with: &sample) }
        last = place
        let duration = Int64(sample.duration)
        if sample.decodeTime &+ 2 &* duration &- partStart > partTarget { sample.flags.insert(.partEnd) }
    }

    private func place(of sample: BusSample, in mediaSequence: UInt32) -> Place {
        guard let last, mediaSequence <= last.mediaSequence else {
            return Place(mediaSequence: mediaSequence, part: 0)
        }
        let fits =
            partStart != .min && sample.decodeTime &+ Int64(sample.duration) &- partStart <= partTarget
        return fits ? last : Place(mediaSequence: last.mediaSequence, part: last.part &+ 1)
    }

    private mutating func beginPart(with sample: inout BusSample) {
        partStart = sample.decodeTime
        sample.flags.insert(.partStart)
        guard sample.mediaSequence != last?.mediaSequence else { return }
        sample.flags.insert(.segmentStart)
        if breaks.meet(sample.mediaSequence, after: last?.mediaSequence) {
            sample.flags.insert(.discontinuity)
        }
    }
}
