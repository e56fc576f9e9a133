import ISOBMFF
import Media

/// The place of a part in the presentation of its track.
struct PartID: Hashable, Comparable, Sendable, CustomStringConvertible {
    var mediaSequence: UInt32
    var part: UInt16

    static func < (lhs: PartID, rhs: PartID) -> Bool {
        (lhs.mediaSequence, lhs.part) < (rhs.mediaSequence, rhs.part)
    }

    var description: String { "\(mediaSequence).\(part)" }
}

/// The entry of the bus that holds the last sample of a part.
struct BusPosition: Hashable, Comparable, Sendable {
    var epoch: UInt32
    var counter: UInt64

    static func < (lhs: BusPosition, rhs: BusPosition) -> Bool {
        (lhs.epoch, lhs.counter) < (rhs.epoch, rhs.counter)
    }
}

/// What is known of a part besides its bytes; the same on every replica.
struct PartHead: Hashable, Sendable {
    struct Flags: OptionSet, Hashable, Sendable {
        var rawValue: UInt16

        /// It begins with a keyframe.
        static let independent = Flags(rawValue: 1)
        /// It is the last of its segment.
        static let segmentEnd = Flags(rawValue: 2)
        /// The session breaks before it, in its segment or in those before it that the track lacks.
        static let discontinuity = Flags(rawValue: 4)
        /// Samples of the track were lost before it.
        static let afterGap = Flags(rawValue: 8)
    }

    var track: TrackID
    var id: PartID
    var generation: UInt16
    var flags: Flags
    /// The breaks of the session before it and at it.
    var discontinuitySequence: UInt32
    /// The decode time of the first sample, in the track's timescale.
    var decodeTime: Int64
    /// The length, in the track's timescale.
    var duration: UInt32
    /// When the first sample is shown, in microseconds since 1970.
    var programDateTime: Int64
    /// The sequence number of the last sample.
    var lastSequence: UInt32
    var position: BusPosition

    var endTime: Int64 { decodeTime &+ Int64(duration) }
}

/// A part as one CMAF chunk.
struct PackagedPart: Sendable {
    var head: PartHead
    var samples: [MovieFragment.Sample]
    /// The `moof` and `mdat` boxes.
    var bytes: [UInt8]
}
