import Codecs

/// Cuts access units of NAL units into RTP payloads: the way that H.264 and HEVC share.
struct NALPacketiser: Sendable {
    /// The most bytes in one payload.
    let maximumPayloadByteCount: Int

    private let format: NALAggregate.Format
    private var parameterSets = PayloadRun()
    private var together: NALAggregate

    init(_ format: NALAggregate.Format, maximumPayloadByteCount: Int) {
        self.format = format
        self.maximumPayloadByteCount = max(PayloadRun.minimumPayloadByteCount, maximumPayloadByteCount)
        together = NALAggregate(format, limit: self.maximumPayloadByteCount)
    }

    /// Takes over the parameter sets that go before every random access picture from now on.
    mutating func use(_ sets: some Sequence<[UInt8]>) {
        parameterSets.removeAll()
        for unit in sets where !unit.isEmpty { together.add(unit.span, to: &parameterSets) }
        together.flush(to: &parameterSets)
    }

    /// Appends the payloads of one access unit to `run`.
    mutating func packetise(
        _ accessUnit: Span<UInt8>,
        into run: inout PayloadRun
    ) throws(PayloadFailure) {
        var isRandomAccess = false
        var hasSets = false
        try Self.forEach(accessUnit) { unit in
            switch format.role(of: unit[0]) {
            case .randomAccess: isRandomAccess = true
            case .sequenceParameterSet: hasSets = true
            case .structural, .other: break
            }
        }
        if isRandomAccess, !hasSets { run.append(parameterSets) }
        try Self.forEach(accessUnit) { unit in
            if format.role(of: unit[0]) != .structural { together.add(unit, to: &run) }
        }
        together.flush(to: &run)
    }

    /// Calls `body` with each NAL unit behind a length of four bytes.
    private static func forEach(
        _ bytes: Span<UInt8>,
        _ body: (Span<UInt8>) -> Void
    ) throws(PayloadFailure) {
        do throws(CodecFailure) {
            try NALUnits.forEach(lengthPrefixed: bytes, lengthSize: 4, body)
        } catch {
            throw .malformed
        }
    }
}

extension NALAggregate.Format {
    /// What a NAL unit is to who packetises it.
    enum Role {
        /// A slice of a picture that decoding can begin with.
        case randomAccess
        case sequenceParameterSet
        /// Delimiters and filler, which packets have no use for.
        case structural
        case other
    }

    /// The role of the unit that begins with `header`.
    func role(of header: UInt8) -> Role {
        switch self {
        case .h264:
            switch H264NALUnitType(header: header) {
            case .idrSlice: return .randomAccess
            case .sequenceParameterSet: return .sequenceParameterSet
            case .accessUnitDelimiter, .fillerData, .endOfSequence, .endOfStream: return .structural
            default: return .other
            }
        case .hevc:
            let type = HEVCNALUnitType.rawValue(header: header)
            if HEVCNALUnitType.randomAccess.contains(type) { return .randomAccess }
            if type == HEVCNALUnitType.sequenceParameterSet { return .sequenceParameterSet }
            return HEVCNALUnitType.structural.contains(type) ? .structural : .other
        }
    }
}
