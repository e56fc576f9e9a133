public import Codecs

/// Cuts H.264 access units into RTP payloads of packetization mode 1 (RFC 6184 §5): single NAL units, several small
/// ones together (STAP-A), and large ones in fragments (FU-A).
public struct H264Packetiser: Sendable {
    private var units: NALPacketiser

    /// Creates a packetiser for payloads of at most `maximumPayloadByteCount` bytes.
    public init(maximumPayloadByteCount: Int) {
        units = NALPacketiser(.h264, maximumPayloadByteCount: maximumPayloadByteCount)
    }

    /// The most bytes in one payload.
    public var maximumPayloadByteCount: Int { units.maximumPayloadByteCount }

    /// Takes over the parameter sets that go before every IDR picture from now on.
    public mutating func use(_ configuration: H264Configuration) {
        units.use(configuration.sequenceParameterSets + configuration.pictureParameterSets)
    }

    /// Appends the payloads of one access unit to `run`; the marker belongs on the last.
    ///
    /// Delimiters and filler are left out. Parameter sets go before an IDR picture that does not bring its own.
    /// - Parameter accessUnit: NAL units behind lengths of four bytes.
    public mutating func packetise(
        _ accessUnit: Span<UInt8>,
        into run: inout PayloadRun
    ) throws(PayloadFailure) {
        try units.packetise(accessUnit, into: &run)
    }
}
