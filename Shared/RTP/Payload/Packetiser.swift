import Codecs
public import Media

/// The packetiser of a track, whatever its coding is.
public struct Packetiser: Sendable {
    private enum Inner: Sendable {
        case h264(H264Packetiser)
        case hevc(HEVCPacketiser)
        case av1(AV1Packetiser)
        case vp8(VP8Packetiser)
        case vp9(VP9Packetiser)
        case opus
    }

    private var inner: Inner
    /// The most bytes in one payload.
    public let maximumPayloadByteCount: Int

    /// Creates a packetiser, or returns `nil` for a coding that RTP does not carry here, or for parameter sets that
    /// cannot be read.
    public init?(_ configuration: TrackConfiguration, maximumPayloadByteCount: Int) {
        let maximum = maximumPayloadByteCount
        self.maximumPayloadByteCount = maximum
        switch configuration.codec {
        case .h264: inner = .h264(H264Packetiser(maximumPayloadByteCount: maximum))
        case .hevc: inner = .hevc(HEVCPacketiser(maximumPayloadByteCount: maximum))
        case .av1: inner = .av1(AV1Packetiser(maximumPayloadByteCount: maximum))
        case .vp8: inner = .vp8(VP8Packetiser(maximumPayloadByteCount: maximum))
        case .vp9: inner = .vp9(VP9Packetiser(maximumPayloadByteCount: maximum))
        case .opus: inner = .opus
        default: return nil
        }
        guard use(configuration) else { return nil }
    }

    /// Takes over what stands before the next keyframes.
    ///
    /// - Returns: whether the configuration could be read; if not, the one before stays.
    public mutating func use(_ configuration: TrackConfiguration) -> Bool {
        let record = configuration.decoderConfiguration
        switch inner {
        case .h264(var packetiser):
            guard let sets = try? H264Configuration(record: record) else { return false }
            packetiser.use(sets)
            inner = .h264(packetiser)
        case .hevc(var packetiser):
            guard let sets = try? HEVCConfiguration(record: record) else { return false }
            packetiser.use(sets)
            inner = .hevc(packetiser)
        case .av1, .vp8, .vp9, .opus: break
        }
        return true
    }

    /// Appends the payloads of one sample of the bus to `run`; the marker belongs on the last, but for sound.
    public mutating func packetise(
        _ sample: Span<UInt8>,
        isKeyframe: Bool,
        into run: inout PayloadRun
    ) throws(PayloadFailure) {
        switch inner {
        case .h264(var packetiser):
            // Given up while it works, so that its memory has one owner.
            inner = .opus
            defer { inner = .h264(packetiser) }
            try packetiser.packetise(sample, into: &run)
        case .hevc(var packetiser):
            inner = .opus
            defer { inner = .hevc(packetiser) }
            try packetiser.packetise(sample, into: &run)
        case .av1(let packetiser): try packetiser.packetise(sample, isKeyframe: isKeyframe, into: &run)
        case .vp8(var packetiser):
            packetiser.packetise(sample, into: &run)
            inner = .vp8(packetiser)
        case .vp9(var packetiser):
            packetiser.packetise(sample, isKeyframe: isKeyframe, into: &run)
            inner = .vp9(packetiser)
        case .opus:
            let limit = maximumPayloadByteCount
            guard OpusPayload.packetise(sample, maximumByteCount: limit, into: &run) else { throw .malformed }
        }
    }
}
