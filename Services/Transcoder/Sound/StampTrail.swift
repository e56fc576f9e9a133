import Media

/// The stamps of a source's samples, for what is made of them: derived renditions copy their source's stamps.
///
/// What is made never goes back to an earlier segment or part.
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

    /// Marks that are kept, more than two minutes of sound; beyond them the oldest goes.
    static let markLimit = 8192

    private var marks: [Mark] = []
    private var head = 0
    private var last: (mediaSequence: UInt32, part: UInt16)?
    private var isDiscontinuityPending = false

    /// Begins, after the segment that an earlier maker wrote last, where there was one.
    init(after mediaSequence: UInt32?) {
        last = mediaSequence.map { ($0, 0) }
    }

    /// Adds the next sample of the source.
    mutating func append(_ mark: Mark) {
        if mark.flags.contains(.discontinuity) { isDiscontinuityPending = true }
        marks.append(mark)
        if marks.count - head > Self.markLimit { head += 1 }
        if head > 64, head * 2 > marks.count {
            marks.removeFirst(head)
            head = 0
        }
    }

    /// Gives `sample`, whose time is set, the stamps of the source's sample that it begins in.
    mutating func stamp(_ sample: inout BusSample) {
        while head + 1 < marks.count, marks[head + 1].time <= sample.decodeTime { head += 1 }
        guard head < marks.count else { return }
        let mark = marks[head]
        sample.captureClock = mark.captureClock
        var place = (mediaSequence: mark.mediaSequence, part: mark.part)
        if let last, place < last { place = last }
        let startsSegment = last.map { $0.mediaSequence != place.mediaSequence } ?? true
        let startsPart = startsSegment || last?.part != place.part
        sample.mediaSequence = place.mediaSequence
        sample.part = place.part
        if startsSegment { sample.flags.insert(.segmentStart) }
        if startsPart { sample.flags.insert(.partStart) }
        if startsSegment, isDiscontinuityPending {
            sample.flags.insert(.discontinuity)
            isDiscontinuityPending = false
        }
        last = place
    }
}
