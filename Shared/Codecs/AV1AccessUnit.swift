import Bytes

/// One AV1 temporal unit as it goes on the bus: without temporal delimiters and padding, each unit with its size.
public struct AV1AccessUnit: Sendable, Equatable {
    /// The units that are kept; empty where there was no frame.
    public var payload: [UInt8] = []
    /// Whether its first frame is a shown key frame.
    public var isKeyframe = false
    /// The highest temporal layer in it.
    public var temporalLayer: UInt8 = 0
    /// A sequence header unit found in it, with header and size.
    public var sequenceHeaderUnit: [UInt8] = []

    /// Reads the units of a low-overhead bitstream.
    public init(temporalUnit bytes: Span<UInt8>) throws(CodecFailure) {
        var frameCount = 0
        var writer = ByteWriter(reservingCapacity: bytes.count + 8)
        for unit in try AV1Units.list(bytes) {
            switch unit.type {
            case .temporalDelimiter, .padding, .tileList: continue
            case .sequenceHeader: sequenceHeaderUnit = Self.sized(unit, in: bytes)
            case .frame, .frameHeader:
                if frameCount == 0 { isKeyframe = Self.isKeyframe(unit, in: bytes) }
                frameCount += 1
                temporalLayer = max(temporalLayer, unit.temporalLayer)
            default: break
            }
            if unit.hasSize {
                writer.write(copying: bytes.extracting(unit.range))
            } else {
                writer.write(contentsOf: Self.sized(unit, in: bytes))
            }
        }
        if frameCount > 0 { payload = writer.bytes }
    }

    /// Looks at `show_existing_frame`, `frame_type` and `show_frame` (AV1 §5.9.2).
    private static func isKeyframe(_ unit: AV1Units.Unit, in bytes: Span<UInt8>) -> Bool {
        guard unit.payloadOffset < unit.range.upperBound else { return false }
        return bytes[unit.payloadOffset] & 0xf0 == 0x10
    }

    /// Copies `unit` so that it states its own size.
    static func sized(_ unit: AV1Units.Unit, in bytes: Span<UInt8>) -> [UInt8] {
        if unit.hasSize { return [UInt8](copying: bytes.extracting(unit.range)) }
        var writer = ByteWriter(reservingCapacity: unit.range.count + 4)
        writer.write(bytes[unit.range.lowerBound] | 2)
        if unit.payloadOffset - unit.range.lowerBound > 1 { writer.write(bytes[unit.range.lowerBound + 1]) }
        var size = unit.range.upperBound - unit.payloadOffset
        while size > 0x7f {
            writer.write(UInt8(size & 0x7f | 0x80))
            size >>= 7
        }
        writer.write(UInt8(size))
        writer.write(copying: bytes.extracting(unit.payloadOffset..<unit.range.upperBound))
        return writer.bytes
    }
}
