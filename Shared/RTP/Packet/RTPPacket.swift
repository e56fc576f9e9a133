/// What one RTP packet says and where its parts lie; the bytes stay where they are (RFC 3550 §5.1).
public struct RTPPacket: Sendable, Equatable {
    /// The ways bytes can fail to be an RTP packet.
    public enum Failure: Error, Equatable, Sendable {
        case truncated
        case wrongVersion(UInt8)
        /// The padding counts no bytes, or more than there are.
        case invalidPadding(Int)
    }

    /// The fixed fields.
    public var header: RTPHeader
    /// How many sources contributed to a mix; their numbers stand behind the fixed fields.
    public private(set) var contributingSourceCount: Int
    /// The first 16 bits of the header extension, 0 where there is none.
    public private(set) var extensionProfile: UInt16 = 0
    /// Where the elements of the header extension lie; empty where there is none.
    public private(set) var extensionRange: Range<Int>
    /// Where the payload lies; empty in a packet of padding alone.
    public private(set) var payloadRange: Range<Int>
    /// Bytes of padding behind the payload, their count included.
    public private(set) var paddingByteCount = 0

    /// Parses a packet that fills `bytes`.
    public init(parsing bytes: Span<UInt8>) throws(Failure) {
        guard bytes.count >= RTPHeader.byteCount else { throw .truncated }
        let first = bytes[0]
        guard first >> 6 == RTPHeader.version else { throw .wrongVersion(first >> 6) }
        header = RTPHeader(
            hasMarker: bytes[1] & 0x80 != 0,
            payloadType: bytes[1] & 0x7f,
            sequenceNumber: bytes.bigEndian16(at: 2),
            timestamp: bytes.bigEndian32(at: 4),
            ssrc: bytes.bigEndian32(at: 8)
        )
        contributingSourceCount = Int(first & 0x0f)
        var start = RTPHeader.byteCount + 4 * contributingSourceCount
        extensionRange = start..<start
        if first & 0x10 != 0 {
            guard bytes.count >= start + 4 else { throw .truncated }
            extensionProfile = bytes.bigEndian16(at: start)
            let byteCount = 4 * Int(bytes.bigEndian16(at: start + 2))
            extensionRange = start + 4..<start + 4 + byteCount
            start = extensionRange.upperBound
        }
        guard bytes.count >= start else { throw .truncated }
        payloadRange = start..<bytes.count
        if first & 0x20 != 0 { try removePadding(in: bytes) }
    }

    /// Takes the padding off the end of the payload (RFC 3550 §5.1).
    private mutating func removePadding(in bytes: Span<UInt8>) throws(Failure) {
        guard !payloadRange.isEmpty else { throw .invalidPadding(0) }
        paddingByteCount = Int(bytes[payloadRange.upperBound - 1])
        guard (1...payloadRange.count).contains(paddingByteCount) else {
            throw .invalidPadding(paddingByteCount)
        }
        payloadRange = payloadRange.lowerBound..<payloadRange.upperBound - paddingByteCount
    }

    /// Returns the payload within the bytes that were parsed.
    @_lifetime(copy bytes)
    public func payload(in bytes: Span<UInt8>) -> Span<UInt8> { bytes.extracting(payloadRange) }

    /// Whether `bytes`, which are RTP or RTCP on one port, are RTCP (RFC 5761 §4).
    public static func isRTCP(_ bytes: Span<UInt8>) -> Bool {
        bytes.count >= 2 && (192...223).contains(bytes[1])
    }
}
