/// The descriptor before every VP8 payload (RFC 7741 §4.2).
public struct VP8Descriptor: Sendable, Equatable {
    /// Whether the payload begins a partition.
    public var isPartitionStart = false
    /// The partition; the first of a frame is 0.
    public var partition: UInt8 = 0
    /// Whether nothing references the frame.
    public var isDiscardable = false
    /// Counts frames in 7 or 15 bits, where it is there.
    public var pictureID: UInt16?
    /// Counts frames of the lowest temporal layer, where it is there.
    public var baseLayerIndex: UInt8?
    /// The temporal layer, where it is there.
    public var temporalLayer: UInt8?
    /// Bytes of the descriptor.
    public private(set) var byteCount = 1

    /// Whether the payload begins a frame.
    public var isFrameStart: Bool { isPartitionStart && partition == 0 }

    /// Parses the descriptor that `payload` begins with.
    public init(parsing payload: Span<UInt8>) throws(PayloadFailure) {
        guard !payload.isEmpty else { throw .truncated }
        let first = payload[0]
        isDiscardable = first & 0x20 != 0
        isPartitionStart = first & 0x10 != 0
        partition = first & 0x07
        guard first & 0x80 != 0 else { return }
        let flags = try next(in: payload)
        if flags & 0x80 != 0 {
            let high = try next(in: payload)
            pictureID = UInt16(high & 0x7f)
            if high & 0x80 != 0 { pictureID = UInt16(high & 0x7f) << 8 | UInt16(try next(in: payload)) }
        }
        if flags & 0x40 != 0 { baseLayerIndex = try next(in: payload) }
        if flags & 0x30 != 0 {
            let layers = try next(in: payload)
            if flags & 0x20 != 0 { temporalLayer = layers >> 6 }
        }
    }

    private mutating func next(in payload: Span<UInt8>) throws(PayloadFailure) -> UInt8 {
        guard byteCount < payload.count else { throw .truncated }
        byteCount += 1
        return payload[byteCount - 1]
    }
}

/// Cuts VP8 frames into RTP payloads (RFC 7741 §4).
public struct VP8Packetiser: Sendable {
    /// Bytes of the descriptor that is written, with a picture ID of 15 bits.
    static let descriptorByteCount = 4

    /// The most bytes in one payload.
    public let maximumPayloadByteCount: Int
    private var pictureID: UInt16

    /// Creates a packetiser for payloads of at most `maximumPayloadByteCount` bytes, which counts frames from
    /// `pictureID` on.
    public init(maximumPayloadByteCount: Int, pictureID: UInt16 = 0) {
        self.maximumPayloadByteCount = max(PayloadRun.minimumPayloadByteCount, maximumPayloadByteCount)
        self.pictureID = pictureID
    }

    /// Appends the payloads of one frame to `run`; the marker belongs on the last.
    public mutating func packetise(_ frame: Span<UInt8>, into run: inout PayloadRun) {
        let room = maximumPayloadByteCount - Self.descriptorByteCount
        let sizes = FragmentSizes(byteCount: frame.count, maximum: room)
        for start in stride(from: 0, to: frame.count, by: sizes.size) {
            run.add(UInt8(start == 0 ? 0x90 : 0x80))
            run.add(UInt8(0x80))
            run.add(0x8000 | pictureID)
            run.add(frame.extracting(start..<min(start + sizes.size, frame.count)))
            run.endPayload()
        }
        pictureID = (pictureID &+ 1) & 0x7fff
    }
}

/// Puts VP8 frames together from RTP payloads (RFC 7741 §4).
public struct VP8Depacketiser: Depacketising {
    private var frame: FrameBuffer

    /// Creates a depacketiser for frames of at most `maximumByteCount` bytes.
    public init(maximumByteCount: Int = Depacketiser.maximumAccessUnitByteCount) {
        frame = FrameBuffer(limit: maximumByteCount)
    }

    /// Adds the next payload of the frame.
    public mutating func add(_ payload: Span<UInt8>) throws(PayloadFailure) {
        let descriptor = try VP8Descriptor(parsing: payload)
        guard frame.bytes.isEmpty == descriptor.isFrameStart else {
            throw descriptor.isFrameStart ? .fragmentNotEnded : .fragmentWithoutStart
        }
        guard descriptor.byteCount < payload.count else { throw .truncated }
        try frame.add(payload.extracting(descriptor.byteCount..<payload.count))
    }

    /// Hands out the frame and begins anew; it is empty where nothing came.
    public mutating func takeAccessUnit() -> [UInt8] { frame.take() }

    /// Throws away what is there.
    public mutating func reset() { frame.reset() }

    /// Whether a frame begins with `payload`.
    public func canBegin(with payload: Span<UInt8>) -> Bool {
        (try? VP8Descriptor(parsing: payload))?.isFrameStart ?? false
    }
}
