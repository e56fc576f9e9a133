public import Media

/// What every depacketiser does: payloads in, in sending order; access units out.
public protocol Depacketising: Sendable {
    /// Adds the next payload of the access unit.
    mutating func add(_ payload: Span<UInt8>) throws(PayloadFailure)

    /// Hands out the access unit in the form it has on the bus, and begins anew; it is empty where nothing came.
    mutating func takeAccessUnit() throws(PayloadFailure) -> [UInt8]

    /// Throws away what is there.
    mutating func reset()

    /// Whether an access unit can begin with `payload`, as far as it tells.
    func canBegin(with payload: Span<UInt8>) -> Bool
}

/// The depacketiser of a coding that was negotiated.
public struct Depacketiser: Depacketising {
    /// The most bytes of an access unit; larger ones are thrown away.
    public static let maximumAccessUnitByteCount = 8 << 20

    private var inner: any Depacketising

    /// Creates the depacketiser of `codec`, or returns `nil` where there is none.
    public init?(_ codec: Codec) {
        switch codec {
        case .h264: inner = H264Depacketiser()
        case .hevc: inner = HEVCDepacketiser()
        case .av1: inner = AV1Depacketiser()
        case .vp8: inner = VP8Depacketiser()
        case .vp9: inner = VP9Depacketiser()
        case .opus: inner = WholePayload()
        default: return nil
        }
    }

    /// Adds the next payload of the access unit.
    public mutating func add(_ payload: Span<UInt8>) throws(PayloadFailure) { try inner.add(payload) }

    /// Hands out the access unit in the form it has on the bus, and begins anew; it is empty where nothing came.
    public mutating func takeAccessUnit() throws(PayloadFailure) -> [UInt8] { try inner.takeAccessUnit() }

    /// Throws away what is there.
    public mutating func reset() { inner.reset() }

    /// Whether an access unit can begin with `payload`, as far as it tells.
    public func canBegin(with payload: Span<UInt8>) -> Bool { inner.canBegin(with: payload) }
}

/// A coding whose packets are its payloads.
public struct WholePayload: Depacketising {
    private var frame = FrameBuffer(limit: Depacketiser.maximumAccessUnitByteCount)

    /// Creates one without a payload.
    public init() {}

    /// Takes `payload` in; a second one means that the marker was lost or never sent.
    public mutating func add(_ payload: Span<UInt8>) throws(PayloadFailure) {
        guard frame.bytes.isEmpty else { throw .malformed }
        try frame.add(payload)
    }

    /// Hands out the payload.
    public mutating func takeAccessUnit() -> [UInt8] { frame.take() }

    /// Throws away what is there.
    public mutating func reset() { frame.reset() }

    /// Whether an access unit can begin with `payload`: always.
    public func canBegin(with payload: Span<UInt8>) -> Bool { true }
}

/// A frame that is put together of pieces with nothing between them.
struct FrameBuffer: Sendable {
    private(set) var bytes: [UInt8] = []
    /// The most bytes of a frame.
    let limit: Int

    init(limit: Int) { self.limit = limit }

    mutating func add(_ piece: Span<UInt8>) throws(PayloadFailure) {
        guard bytes.count + piece.count <= limit else {
            throw .tooLarge(byteCount: bytes.count + piece.count)
        }
        unsafe piece.withUnsafeBufferPointer { buffer in
            // SAFETY: the buffer is read only inside the closure.
            unsafe bytes.append(contentsOf: buffer)
        }
    }

    mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    mutating func reset() { bytes = [] }
}
