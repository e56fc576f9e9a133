import Bytes

/// The head of one frame of the `feed` response; the payload follows it.
///
/// Little-endian: length u32 of what follows it, type u8, flags u8 (bit 0: independent), track u16, media
/// sequence u32, part u16, generation u16.
public struct FeedFrame: Sendable, Equatable {
    /// What the payload is.
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// The init segment of a track's generation.
        case initSegment = 1
        /// One CMAF chunk.
        case part = 2
        /// Media of the track is missing before its next part; no payload.
        case gap = 3
        /// The timeline or the coding of the track breaks before its next part; no payload.
        case discontinuity = 4
        /// The session is over: a JSON object.
        case end = 5
        /// The publisher has gone and may come back: a JSON object.
        case publisherAway = 6
        /// The publisher is back: a JSON object.
        case publisherBack = 7
        /// Nothing has happened for a while: a JSON object.
        case keepAlive = 8
        /// The session and its tracks: a JSON object; always the first frame.
        case tracksChanged = 9
    }

    /// The length of the head.
    public static let headByteCount = 16

    /// What the payload is.
    public var kind: Kind
    /// Whether a part begins with a keyframe.
    public var isIndependent: Bool
    /// The number of the track, 0 where none is meant.
    public var track: UInt16
    /// The segment of a part.
    public var mediaSequence: UInt32
    /// The part within the segment.
    public var part: UInt16
    /// The generation of the track's configuration.
    public var generation: UInt16

    /// Creates the head of a frame.
    public init(
        _ kind: Kind,
        isIndependent: Bool = false,
        track: UInt16 = 0,
        mediaSequence: UInt32 = 0,
        part: UInt16 = 0,
        generation: UInt16 = 0
    ) {
        self.kind = kind
        self.isIndependent = isIndependent
        self.track = track
        self.mediaSequence = mediaSequence
        self.part = part
        self.generation = generation
    }

    /// The head of a frame with a payload of that length.
    public func head(payloadByteCount: Int) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: Self.headByteCount)
        writer.writeLittleEndian(UInt32(clamping: Self.headByteCount - 4 + payloadByteCount))
        writer.writeLittleEndian(kind.rawValue)
        writer.writeLittleEndian(UInt8(isIndependent ? 1 : 0))
        writer.writeLittleEndian(track)
        writer.writeLittleEndian(mediaSequence)
        writer.writeLittleEndian(part)
        writer.writeLittleEndian(generation)
        return writer.bytes
    }
}
