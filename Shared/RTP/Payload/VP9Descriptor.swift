/// The descriptor before every VP9 payload (RFC 9628 §4.2).
public struct VP9Descriptor: Sendable, Equatable {
    /// The most references that a frame of flexible mode can name.
    static let maximumReferenceCount = 3

    /// Whether the frame is predicted from others.
    public var isPredicted = false
    /// Whether the payload begins a frame of its layer.
    public var isFrameStart = false
    /// Whether the payload ends a frame of its layer.
    public var isFrameEnd = false
    /// Counts pictures in 7 or 15 bits, where it is there.
    public var pictureID: UInt16?
    /// The temporal layer, where it is there.
    public var temporalLayer: UInt8?
    /// The spatial layer, where it is there.
    public var spatialLayer: UInt8?
    /// Bytes of the descriptor.
    public private(set) var byteCount = 1

    /// Parses the descriptor that `payload` begins with.
    public init(parsing payload: Span<UInt8>) throws(PayloadFailure) {
        guard !payload.isEmpty else { throw .truncated }
        let first = payload[0]
        isPredicted = first & 0x40 != 0
        isFrameStart = first & 0x08 != 0
        isFrameEnd = first & 0x04 != 0
        let isFlexible = first & 0x10 != 0
        if first & 0x80 != 0 { try readPictureID(payload) }
        if first & 0x20 != 0 {
            let layers = try next(in: payload)
            temporalLayer = layers >> 5
            spatialLayer = layers >> 1 & 7
            if !isFlexible { _ = try next(in: payload) }
        }
        if isFlexible, isPredicted { try skipReferences(payload) }
        if first & 0x02 != 0 { try skipStructure(payload) }
    }

    private mutating func readPictureID(_ payload: Span<UInt8>) throws(PayloadFailure) {
        let high = try next(in: payload)
        pictureID = UInt16(high & 0x7f)
        if high & 0x80 != 0 { pictureID = UInt16(high & 0x7f) << 8 | UInt16(try next(in: payload)) }
    }

    private mutating func skipReferences(_ payload: Span<UInt8>) throws(PayloadFailure) {
        for _ in 0..<Self.maximumReferenceCount where try next(in: payload) & 1 == 0 { return }
        // The last one that may be there promised another.
        throw .malformed
    }

    /// Skips the scalability structure (§4.2.1): sizes of the layers, then a group of pictures.
    private mutating func skipStructure(_ payload: Span<UInt8>) throws(PayloadFailure) {
        let head = try next(in: payload)
        if head & 0x10 != 0 { try skip(4 * (Int(head >> 5) + 1), in: payload) }
        guard head & 0x08 != 0 else { return }
        for _ in 0..<(try next(in: payload)) {
            let picture = try next(in: payload)
            try skip(Int(picture >> 2 & 3), in: payload)
        }
    }

    private mutating func next(in payload: Span<UInt8>) throws(PayloadFailure) -> UInt8 {
        try skip(1, in: payload)
        return payload[byteCount - 1]
    }

    private mutating func skip(_ count: Int, in payload: Span<UInt8>) throws(PayloadFailure) {
        guard count <= payload.count - byteCount else { throw .truncated }
        byteCount += count
    }
}
