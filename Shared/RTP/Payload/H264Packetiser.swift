public import Codecs

/// Cuts H.264 access units into RTP payloads of packetization mode 1 (RFC 6184 §5): single NAL units, several small
/// ones together (STAP-A), and large ones in fragments (FU-A).
public struct H264Packetiser: Sendable {
    /// The smallest payload size that is obeyed.
    public static let minimumPayloadByteCount = 64

    /// The most bytes in one payload.
    public let maximumPayloadByteCount: Int

    private var parameterSets = PayloadRun()
    private var together: NALAggregate

    /// Creates a packetiser for payloads of at most `maximumPayloadByteCount` bytes.
    public init(maximumPayloadByteCount: Int) {
        self.maximumPayloadByteCount = max(Self.minimumPayloadByteCount, maximumPayloadByteCount)
        together = NALAggregate(.h264, limit: self.maximumPayloadByteCount)
    }

    /// Takes over the parameter sets that go before every IDR picture from now on.
    public mutating func use(_ configuration: H264Configuration) {
        parameterSets.removeAll()
        for unit in configuration.sequenceParameterSets + configuration.pictureParameterSets
        where !unit.isEmpty {
            together.add(unit.span, to: &parameterSets)
        }
        together.flush(to: &parameterSets)
    }

    /// Appends the payloads of one access unit to `run`; the marker belongs on the last.
    ///
    /// Delimiters and filler are left out. Parameter sets go before an IDR picture that does not bring its own.
    /// - Parameter accessUnit: NAL units behind lengths of four bytes.
    public mutating func packetise(
        _ accessUnit: Span<UInt8>,
        into run: inout PayloadRun
    ) throws(PayloadFailure) {
        var hasIDR = false
        var hasSets = false
        try NALUnits.checked(accessUnit) { unit in
            switch H264NALUnitType(header: unit[0]) {
            case .idrSlice: hasIDR = true
            case .sequenceParameterSet: hasSets = true
            default: break
            }
        }
        if hasIDR, !hasSets { run.append(parameterSets) }
        try NALUnits.checked(accessUnit) { unit in
            if Self.isSent(unit[0]) { together.add(unit, to: &run) }
        }
        together.flush(to: &run)
    }

    private static func isSent(_ header: UInt8) -> Bool {
        switch H264NALUnitType(header: header) {
        case .accessUnitDelimiter, .fillerData, .endOfSequence, .endOfStream: false
        default: true
        }
    }
}

extension NALUnits {
    /// Calls `body` with each NAL unit behind a length of four bytes.
    static func checked(_ bytes: Span<UInt8>, _ body: (Span<UInt8>) -> Void) throws(PayloadFailure) {
        do throws(CodecFailure) {
            try forEach(lengthPrefixed: bytes, lengthSize: 4, body)
        } catch {
            throw .malformed
        }
    }
}
