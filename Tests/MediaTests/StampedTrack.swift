import Media

/// One stamped track, cut into the segments and parts that its stamps say.
struct StampedTrack {
    struct Part {
        var samples: [BusSample]
        /// The decode time of the next sample of the track, where there is one.
        var next: Int64?

        var first: BusSample { samples[0] }
        var start: Int64 { first.decodeTime }
        var isClosed: Bool { samples.last?.flags.contains(.partEnd) == true }

        /// The end as readers know it: by the last duration, or by the next sample.
        var end: Int64? {
            guard let last = samples.last else { return nil }
            if last.duration > 0 { return last.decodeTime + Int64(last.duration) }
            return next
        }

        var duration: Int64? { end.map { $0 - start } }
    }

    struct Segment {
        var parts: [Part]
        var first: BusSample { parts[0].first }
        var number: UInt32 { first.mediaSequence }
        var isIndependent: Bool { first.flags.contains(.keyframe) }
        var presentation: Int64 { first.decodeTime + Int64(first.compositionOffset) }
    }

    let samples: [BusSample]
    let segments: [Segment]

    init(_ track: TrackID, of stamped: [BusSample]) {
        samples = stamped.filter { $0.track == track }
        var segments: [Segment] = []
        for (index, sample) in samples.enumerated() {
            if sample.flags.contains(.segmentStart) { segments.append(Segment(parts: [])) }
            guard !segments.isEmpty else { continue }
            let next = index + 1 < samples.count ? samples[index + 1].decodeTime : nil
            let last = segments.count - 1
            if sample.flags.contains(.partStart) { segments[last].parts.append(Part(samples: [])) }
            guard !segments[last].parts.isEmpty else { continue }
            segments[last].parts[segments[last].parts.count - 1].samples.append(sample)
            segments[last].parts[segments[last].parts.count - 1].next = next
        }
        self.segments = segments
    }

    /// The length of the longest part whose end is known.
    var longestPart: Int64 { segments.flatMap(\.parts).compactMap(\.duration).max() ?? 0 }

    /// Whether numbers and flags agree with each other on every sample.
    var isConsistent: Bool {
        var isConsistent = samples.map(\.sequence) == Array(0..<UInt32(samples.count))
        for (number, segment) in segments.enumerated() {
            isConsistent = isConsistent && segment.number == UInt32(number)
            for (number, part) in segment.parts.enumerated() {
                isConsistent =
                    isConsistent
                    && part.samples.allSatisfy {
                        $0.part == UInt16(number) && $0.mediaSequence == segment.number
                    }
                    && part.samples.dropLast().allSatisfy { !$0.flags.contains(.partEnd) }
                    && part.samples.dropFirst().allSatisfy {
                        $0.flags.isDisjoint(with: [.partStart, .segmentStart, .discontinuity])
                    }
            }
        }
        return isConsistent && segments.flatMap(\.parts).flatMap(\.samples) == samples
    }
}
