public import Codecs

/// Cuts HEVC access units into RTP payloads (RFC 7798 §4.4): single NAL units, aggregation and fragmentation
/// packets, without decoding order numbers.
public struct HEVCPacketiser: Sendable {
    /// The most bytes in one payload.
    public let maximumPayloadByteCount: Int

    private var parameterSets = PayloadRun()
    private var together: NALAggregate

    /// Creates a packetiser for payloads of at most `maximumPayloadByteCount` bytes.
    public init(maximumPayloadByteCount: Int) {
        self.maximumPayloadByteCount = max(H264Packetiser.minimumPayloadByteCount, maximumPayloadByteCount)
        together = NALAggregate(.hevc, limit: self.maximumPayloadByteCount)
    }

    /// Takes over the parameter sets that go before every random access picture from now on.
    public mutating func use(_ configuration: HEVCConfiguration) {
        parameterSets.removeAll()
        let sets = [
            configuration.videoParameterSets, configuration.sequenceParameterSets,
            configuration.pictureParameterSets,
        ]
        for unit in sets.joined() { together.add(unit.span, to: &parameterSets) }
        together.flush(to: &parameterSets)
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
        var isRandomAccess = false
        var hasSets = false
        try NALUnits.checked(accessUnit) { unit in
            let type = HEVCNALUnitType.rawValue(header: unit[0])
            if HEVCNALUnitType.randomAccess.contains(type) { isRandomAccess = true }
            if type == HEVCNALUnitType.sequenceParameterSet { hasSets = true }
        }
        if isRandomAccess, !hasSets { run.append(parameterSets) }
        try NALUnits.checked(accessUnit) { unit in
            let type = HEVCNALUnitType.rawValue(header: unit[0])
            if !HEVCNALUnitType.structural.contains(type) { together.add(unit, to: &run) }
        }
        together.flush(to: &run)
    }
}
