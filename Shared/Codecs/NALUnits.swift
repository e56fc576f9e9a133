import Bytes

/// NAL units as H.264 and HEVC frame them: behind length fields, or between start codes.
public enum NALUnits {
    /// The largest number of NAL units in one access unit; more are refused.
    public static let maximumCount = 4096

    /// Calls `body` with each NAL unit behind a length field of `lengthSize` bytes.
    ///
    /// Empty units, which some encoders send as padding, are left out.
    public static func forEach(
        lengthPrefixed bytes: Span<UInt8>,
        lengthSize: Int,
        _ body: (Span<UInt8>) -> Void
    ) throws(CodecFailure) {
        guard (1...4).contains(lengthSize) else { throw .invalid(field: .nalLengthSize, value: lengthSize) }
        var position = 0
        var count = 0
        while position < bytes.count {
            guard bytes.count - position >= lengthSize else { throw .truncated }
            var length = 0
            for index in 0..<lengthSize { length = length << 8 | Int(bytes[position + index]) }
            position += lengthSize
            guard length <= bytes.count - position else {
                throw .invalid(field: .nalUnitLength, value: length)
            }
            count += 1
            guard count <= maximumCount else { throw .invalid(field: .count, value: count) }
            if length > 0 { body(bytes.extracting(position..<position + length)) }
            position += length
        }
    }

    /// Calls `body` with each NAL unit between start codes of three or four bytes (H.264 annex B).
    ///
    /// Bytes before the first start code and zeros after a unit are left out.
    public static func forEach(
        annexB bytes: Span<UInt8>,
        _ body: (Span<UInt8>) -> Void
    ) throws(CodecFailure) {
        var start: Int?
        var count = 0
        while true {
            let code = startCode(in: bytes, from: start ?? 0)
            if let start {
                var end = code ?? bytes.count
                while end > start, bytes[end - 1] == 0 { end -= 1 }
                count += 1
                guard count <= maximumCount else { throw .invalid(field: .count, value: count) }
                if end > start { body(bytes.extracting(start..<end)) }
            }
            guard let code else { return }
            start = code + 3
        }
    }

    /// Whether `bytes` begin with a start code rather than a length field.
    public static func isAnnexB(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0 else { return false }
        return bytes[2] == 1 || (bytes[2] == 0 && bytes[3] == 1)
    }

    /// Rewrites units between start codes as units behind four-byte lengths.
    public static func lengthPrefixed(annexB bytes: Span<UInt8>) throws(CodecFailure) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: bytes.count + 16)
        try forEach(annexB: bytes) { writer.write(nalUnit: $0) }
        return writer.bytes
    }

    /// Returns the payload of one NAL unit with the emulation prevention bytes removed (H.264 §7.4.1).
    public static func removingEmulationPrevention(_ unit: Span<UInt8>) -> [UInt8] {
        var payload: [UInt8] = []
        payload.reserveCapacity(unit.count)
        var zeros = 0
        for index in unit.indices {
            let byte = unit[index]
            if zeros >= 2, byte == 3 {
                zeros = 0
                continue
            }
            zeros = byte == 0 ? zeros + 1 : 0
            payload.append(byte)
        }
        return payload
    }

    private static func startCode(in bytes: Span<UInt8>, from position: Int) -> Int? {
        var index = position
        while index + 2 < bytes.count {
            let third = bytes[index + 2]
            if third > 1 {
                index += 3
            } else if third == 1, bytes[index] == 0, bytes[index + 1] == 0 {
                return index
            } else {
                index += 1
            }
        }
        return nil
    }
}

extension ByteWriter {
    /// Appends `unit` behind its length in four bytes.
    mutating func write(nalUnit unit: Span<UInt8>) {
        write(UInt32(truncatingIfNeeded: unit.count))
        write(copying: unit)
    }

    /// Appends each parameter set behind its length in two bytes.
    mutating func write(parameterSets: [[UInt8]]) {
        for unit in parameterSets {
            write(UInt16(truncatingIfNeeded: unit.count))
            write(contentsOf: unit)
        }
    }
}
