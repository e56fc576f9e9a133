/// Cuts VP9 frames of one layer into RTP payloads (RFC 9628 §4).
public struct VP9Packetiser: Sendable {
    /// Bytes of the descriptor that is written, with a picture ID of 15 bits.
    static let descriptorByteCount = 3

    /// The most bytes in one payload.
    public let maximumPayloadByteCount: Int
    private var pictureID: UInt16

    /// Creates a packetiser for payloads of at most `maximumPayloadByteCount` bytes, which counts frames from
    /// `pictureID` on.
    public init(maximumPayloadByteCount: Int, pictureID: UInt16 = 0) {
        self.maximumPayloadByteCount = max(PayloadRun.minimumPayloadByteCount, maximumPayloadByteCount)
        self.pictureID = pictureID
    }

    /// Appends the payloads of one frame or superframe to `run`; the marker belongs on the last.
    public mutating func packetise(_ frame: Span<UInt8>, isKeyframe: Bool, into run: inout PayloadRun) {
        let room = maximumPayloadByteCount - Self.descriptorByteCount
        let sizes = FragmentSizes(byteCount: frame.count, maximum: room)
        for start in stride(from: 0, to: frame.count, by: sizes.size) {
            let end = min(start + sizes.size, frame.count)
            let ends: UInt8 = (start == 0 ? 0x08 : 0) | (end == frame.count ? 0x04 : 0)
            run.add(0x80 | (isKeyframe ? 0 : 0x40) | ends)
            run.add(0x8000 | pictureID)
            run.add(frame.extracting(start..<end))
            run.endPayload()
        }
        pictureID = (pictureID &+ 1) & 0x7fff
    }
}

/// Puts VP9 frames together from RTP payloads (RFC 9628 §4); spatial layers above the lowest are left out.
public struct VP9Depacketiser: Depacketising {
    private var frame: FrameBuffer
    private var isOpen = false

    /// Creates a depacketiser for frames of at most `maximumByteCount` bytes.
    public init(maximumByteCount: Int = Depacketiser.maximumAccessUnitByteCount) {
        frame = FrameBuffer(limit: maximumByteCount)
    }

    /// Adds the next payload of the frame.
    public mutating func add(_ payload: Span<UInt8>) throws(PayloadFailure) {
        let descriptor = try VP9Descriptor(parsing: payload)
        if let layer = descriptor.spatialLayer, layer > 0 { return }
        guard isOpen != descriptor.isFrameStart else {
            throw isOpen ? .fragmentNotEnded : .fragmentWithoutStart
        }
        guard descriptor.byteCount < payload.count else { throw .truncated }
        try frame.add(payload.extracting(descriptor.byteCount..<payload.count))
        isOpen = !descriptor.isFrameEnd
    }

    /// Hands out the frame and begins anew; it is empty where nothing came.
    public mutating func takeAccessUnit() throws(PayloadFailure) -> [UInt8] {
        guard !isOpen else { throw .fragmentNotEnded }
        return frame.take()
    }

    /// Throws away what is there.
    public mutating func reset() {
        frame.reset()
        isOpen = false
    }

    /// Whether a picture begins with `payload`.
    public func canBegin(with payload: Span<UInt8>) -> Bool {
        guard let descriptor = try? VP9Descriptor(parsing: payload) else { return false }
        return descriptor.isFrameStart && descriptor.spatialLayer ?? 0 == 0
    }
}
