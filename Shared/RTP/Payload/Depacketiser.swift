public import Media

/// A depacketiser of any coding, chosen when the session is negotiated.
public enum Depacketiser: Sendable, Equatable {
    /// The most bytes of an access unit; larger ones are thrown away.
    public static let maximumAccessUnitByteCount = 8 << 20

    case h264(H264Depacketiser)
    case opus(WholePayload)

    /// Creates the depacketiser of `codec`, or returns `nil` where there is none.
    public init?(_ codec: Codec) {
        switch codec {
        case .h264: self = .h264(H264Depacketiser())
        case .opus: self = .opus(WholePayload())
        default: return nil
        }
    }

    /// Adds the next payload of the access unit.
    public mutating func add(_ payload: Span<UInt8>) throws(PayloadFailure) {
        switch self {
        case .h264(var inner):
            self = .opus(WholePayload())
            defer { self = .h264(inner) }
            try inner.add(payload)
        case .opus(var inner):
            defer { self = .opus(inner) }
            try inner.add(payload)
        }
    }

    /// Hands out the access unit in the form it has on the bus, and begins anew.
    public mutating func takeAccessUnit() throws(PayloadFailure) -> [UInt8] {
        switch self {
        case .h264(var inner):
            self = .opus(WholePayload())
            defer { self = .h264(inner) }
            return try inner.takeAccessUnit()
        case .opus(var inner):
            defer { self = .opus(inner) }
            return inner.takeAccessUnit()
        }
    }

    /// Throws away what is there.
    public mutating func reset() {
        switch self {
        case .h264(var inner):
            inner.reset()
            self = .h264(inner)
        case .opus: self = .opus(WholePayload())
        }
    }

    /// Whether an access unit can begin with `payload`, as far as it tells.
    public func canBegin(with payload: Span<UInt8>) -> Bool {
        switch self {
        case .h264: H264Depacketiser.canBegin(with: payload)
        case .opus: true
        }
    }
}

/// A coding whose packets are its payloads.
public struct WholePayload: Sendable, Equatable {
    private var bytes: [UInt8] = []

    /// Creates one without a payload.
    public init() {}

    /// Takes `payload` in; a second one means that the marker was lost or never sent.
    public mutating func add(_ payload: Span<UInt8>) throws(PayloadFailure) {
        guard bytes.isEmpty else { throw .malformed }
        bytes = payload.indices.map { payload[$0] }
    }

    /// Hands out the payload.
    public mutating func takeAccessUnit() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }
}
