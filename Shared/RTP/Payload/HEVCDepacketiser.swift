import Codecs

/// Puts HEVC access units together from RTP payloads without decoding order numbers (RFC 7798 §4.4).
public struct HEVCDepacketiser: Depacketising {
    private var unit: UnitBuffer

    /// Creates a depacketiser for access units of at most `maximumByteCount` bytes.
    public init(maximumByteCount: Int = Depacketiser.maximumAccessUnitByteCount) {
        unit = UnitBuffer(limit: maximumByteCount)
    }

    /// Adds the next payload of the access unit.
    public mutating func add(_ payload: Span<UInt8>) throws(PayloadFailure) {
        guard payload.count > 2 else { throw .truncated }
        switch HEVCNALUnitType.rawValue(header: payload[0]) {
        case HEVCPayloadType.aggregation: try unit.append(aggregate: payload, from: 2)
        case HEVCPayloadType.fragmentation: try addFragment(payload)
        case 0..<HEVCPayloadType.aggregation: try unit.append(payload)
        case let type: throw .unsupported(Int(type))
        }
    }

    private mutating func addFragment(_ payload: Span<UInt8>) throws(PayloadFailure) {
        guard payload.count > 3 else { throw .truncated }
        let header = payload[2]
        if header & 0x80 != 0 {
            try unit.begin()
            unit.add(payload[0] & 0x81 | (header & 0x3f) << 1)
            unit.add(payload[1])
        }
        try unit.add(payload.extracting(3..<payload.count))
        if header & 0x40 != 0 { unit.end() }
    }

    /// Hands out the access unit, with lengths of four bytes, and begins anew; it is empty where nothing came.
    public mutating func takeAccessUnit() throws(PayloadFailure) -> [UInt8] { try unit.take() }

    /// Throws away what is there.
    public mutating func reset() { unit.reset() }

    /// Whether an access unit can begin with `payload`: a parameter set, a delimiter, supplemental information, or
    /// the first slice segment of a picture.
    public func canBegin(with payload: Span<UInt8>) -> Bool {
        guard payload.count > 3 else { return false }
        switch HEVCNALUnitType.rawValue(header: payload[0]) {
        case HEVCNALUnitType.slices: return payload[2] & 0x80 != 0
        case 32...35, 39: return true
        case HEVCPayloadType.aggregation:
            let first = payload.extracting(4..<payload.count)
            return !first.isEmpty && first[0] >> 1 & 0x3f != HEVCPayloadType.aggregation
                && canBegin(with: first)
        case HEVCPayloadType.fragmentation: return payload[2] & 0x80 != 0 && payload[3] & 0x80 != 0
        default: return false
        }
    }
}
