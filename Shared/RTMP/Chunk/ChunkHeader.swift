/// The header of one chunk as it stands on the wire (RTMP specification §5.3.1).
struct ChunkHeader: Equatable {
    /// The largest basic header, message header and extended timestamp together.
    static let maximumByteCount = 3 + 11 + 4
    /// The value of the 24-bit timestamp field that says: 32 bits follow.
    static let extendedTimestampMark: UInt32 = 0xff_ffff

    /// The format, 0 to 3: how much of the message header is there.
    var format: UInt8
    /// The chunk stream, from 2.
    var chunkStreamID: UInt32
    /// The timestamp of format 0, the delta of 1 and 2; extended where it was.
    var timestamp: UInt32 = 0
    /// Whether the timestamp field said that 32 bits follow.
    var isExtended = false
    /// The length of the message, of formats 0 and 1.
    var messageByteCount: UInt32 = 0
    /// The type of the message, of formats 0 and 1.
    var messageType: UInt8 = 0
    /// The message stream, of format 0.
    var messageStreamID: UInt32 = 0
    /// How many bytes the header took.
    var byteCount: Int

    /// Reads all but the extended timestamp of format 3, which only the chunk stream's past can tell.
    ///
    /// - Returns: `nil` where `bytes` ends too early.
    init?(_ bytes: Span<UInt8>) {
        guard bytes.count > 0 else { return nil }
        format = bytes[0] >> 6
        switch bytes[0] & 63 {
        case 0:
            guard bytes.count >= 2 else { return nil }
            chunkStreamID = 64 + UInt32(bytes[1])
            byteCount = 2
        case 1:
            guard bytes.count >= 3 else { return nil }
            chunkStreamID = 64 + UInt32(bytes[1]) + UInt32(bytes[2]) << 8
            byteCount = 3
        case let id:
            chunkStreamID = UInt32(id)
            byteCount = 1
        }
        guard readMessageHeader(bytes) else { return nil }
    }

    private mutating func readMessageHeader(_ bytes: Span<UInt8>) -> Bool {
        guard format < 3 else { return true }
        let fieldByteCount = format == 0 ? 11 : format == 1 ? 7 : 3
        guard bytes.count >= byteCount + fieldByteCount else { return false }
        timestamp = Self.bigEndian24(bytes, at: byteCount)
        if format < 2 {
            messageByteCount = Self.bigEndian24(bytes, at: byteCount + 3)
            messageType = bytes[byteCount + 6]
        }
        if format == 0 {
            // The one little-endian field of the protocol.
            messageStreamID = Self.bigEndian32(bytes, at: byteCount + 7).byteSwapped
        }
        byteCount += fieldByteCount
        guard timestamp == Self.extendedTimestampMark else { return true }
        guard bytes.count >= byteCount + 4 else { return false }
        isExtended = true
        timestamp = Self.bigEndian32(bytes, at: byteCount)
        byteCount += 4
        return true
    }

    static func bigEndian24(_ bytes: Span<UInt8>, at offset: Int) -> UInt32 {
        UInt32(bytes[offset]) << 16 | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2])
    }

    static func bigEndian32(_ bytes: Span<UInt8>, at offset: Int) -> UInt32 {
        UInt32(bytes[offset]) << 24 | bigEndian24(bytes, at: offset + 1)
    }
}
