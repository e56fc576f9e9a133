public import Codecs

/// Cuts HEVC access units into RTP payloads (RFC 7798 §4.4): single NAL units, aggregation and fragmentation
/// packets, without decoding order numbers.
public struct HEVCPacketiser: Sendable {
    private var units: NALPacketiser

    /// Creates a packetiser for payloads of at most `maximumPayloadByteCount` bytes.
    public init(maximumPayloadByteCount: Int) {
        units = NALPacketiser(.hevc, maximumPayloadByteCount: maximumPayloadByteCount)
    }

    /// The most bytes in one payload.
    public var maximumPayloadByteCount: Int { units.maximumPayloadByteCount }

    /// Takes over the parameter sets that go before every random access picture from now on.
    public mutating func use(_ configuration: HEVCConfiguration) {
        let sets = [
            configuration.videoParameterSets, configuration.sequenceParameterSets,
            configuration.pictureParameterSets,
        ]
        units.use(sets.joined())
    }

    /// Appends the payloads of one access unit to `run`; the marker belongs on the last.
    ///
    /// Delimiters and filler are left out. Parameter sets go before a random access picture that does not bring its
    /// own.
    /// - Parameter accessUnit: NAL units behind lengths of four bytes.
    public mutating func packetise(
        _ accessUnit: Span<UInt8>,
        into run: inout PayloadRun
    ) throws(PayloadFailure) {
        try units.packetise(accessUnit, into: &run)
    }
}
