import Media

/// Finds B-frames: pictures that are shown before one that was decoded earlier.
///
/// WebRTC's receivers show pictures in
/// the order in which they are decoded, so that those must not be sent.
struct ReorderingWatch {
    /// What is to be done with a picture.
    enum Verdict: Equatable {
        case send
        /// It is shown out of order and nothing references it: without it the rest is in order.
        case drop
        /// It is shown out of order and others are made from it.
        case outOfOrder
    }

    private var latest: Int64?

    mutating func judge(_ sample: BusSample) -> Verdict {
        let presentation = sample.decodeTime &+ Int64(sample.compositionOffset)
        if sample.flags.contains(.keyframe) || sample.flags.contains(.discontinuity) { latest = nil }
        guard let latest, presentation < latest else {
            latest = presentation
            return .send
        }
        return sample.flags.contains(.discardable) ? .drop : .outOfOrder
    }
}
