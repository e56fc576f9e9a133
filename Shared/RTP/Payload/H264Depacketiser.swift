import Codecs

/// Puts H.264 access units together from RTP payloads of every packetization mode (RFC 6184 §5).
///
/// Payloads come in sending order, so decoding order numbers are skipped; MTAPs, which nobody sends without
/// interleaving, are refused.
public struct H264Depacketiser: Depacketising {
    private var unit: UnitBuffer

    /// Creates a depacketiser for access units of at most `maximumByteCount` bytes.
    public init(maximumByteCount: Int = Depacketiser.maximumAccessUnitByteCount) {
        unit = UnitBuffer(limit: maximumByteCount)
    }

    /// Adds the next payload of the access unit.
    public mutating func add(_ payload: Span<UInt8>) throws(PayloadFailure) {
        guard !payload.isEmpty else { return }
        switch payload[0] & 0x1f {
        case 1...23: try unit.append(payload)
        case H264PayloadType.stapA: try unit.append(aggregate: payload, from: 1)
        case H264PayloadType.stapB: try unit.append(aggregate: payload, from: 3)
        case H264PayloadType.fuA: try addFragment(payload, from: 2)
        case H264PayloadType.fuB: try addFragment(payload, from: 4)
        case let type: throw .unsupported(Int(type))
        }
    }

    private mutating func addFragment(_ payload: Span<UInt8>, from start: Int) throws(PayloadFailure) {
        guard payload.count > start else { throw .truncated }
        let header = payload[1]
        if header & 0x80 != 0 {
            try unit.begin()
            unit.add(payload[0] & 0xe0 | header & 0x1f)
        }
        try unit.add(payload.extracting(start..<payload.count))
        if header & 0x40 != 0 { unit.end() }
    }

    /// Hands out the access unit, with lengths of four bytes, and begins anew; it is empty where nothing came.
    public mutating func takeAccessUnit() throws(PayloadFailure) -> [UInt8] { try unit.take() }

    /// Throws away what is there.
    public mutating func reset() { unit.reset() }

    /// Whether an access unit can begin with `payload`: a delimiter, a parameter set, supplemental information, or
    /// the first slice of a picture.
    public func canBegin(with payload: Span<UInt8>) -> Bool {
        guard payload.count >= 2 else { return false }
        switch payload[0] & 0x1f {
        // The first field of a slice is the number of its first macroblock, 0 in a single bit that is set.
        case 1, 5: return payload[1] & 0x80 != 0
        case 6...9: return true
        case H264PayloadType.stapA:
            guard payload.count > 4, payload[3] & 0x1f != H264PayloadType.stapA else { return false }
            return canBegin(with: payload.extracting(3..<payload.count))
        case H264PayloadType.fuA:
            return payload.count > 2 && payload[1] & 0x80 != 0 && payload[2] & 0x80 != 0
        default: return false
        }
    }
}
