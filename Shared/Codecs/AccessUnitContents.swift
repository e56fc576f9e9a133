import Bytes

/// What one pass over the NAL units of an access unit finds, whatever its codec.
protocol AccessUnitContents {
    /// How many slices there are; without one the access unit holds no picture.
    var sliceCount: Int { get }
    /// Whether a unit was found that does not stay in the sample.
    var hasDropped: Bool { get }

    init()

    /// Whether a unit of at least one byte stays in the sample.
    static func keeps(_ unit: Span<UInt8>) -> Bool

    /// Takes note of a unit of at least one byte.
    mutating func look(at unit: Span<UInt8>)
}

extension AccessUnitContents {
    /// Reads units behind length fields of `lengthSize` bytes.
    ///
    /// - Returns: what they are, and those that are kept, each behind four bytes of length; none where there was no slice.
    static func read(
        lengthPrefixed bytes: Span<UInt8>,
        lengthSize: Int
    ) throws(CodecFailure) -> (contents: Self, payload: [UInt8]) {
        var contents = Self()
        try NALUnits.forEach(lengthPrefixed: bytes, lengthSize: lengthSize) { contents.look(at: $0) }
        guard contents.sliceCount > 0 else { return (contents, []) }
        if lengthSize == 4, !contents.hasDropped { return (contents, [UInt8](copying: bytes)) }
        var writer = ByteWriter(reservingCapacity: bytes.count)
        try NALUnits.forEach(lengthPrefixed: bytes, lengthSize: lengthSize) { unit in
            if Self.keeps(unit) { writer.write(nalUnit: unit) }
        }
        return (contents, writer.bytes)
    }

    /// Reads units between start codes; returns the same.
    static func read(annexB bytes: Span<UInt8>) throws(CodecFailure) -> (contents: Self, payload: [UInt8]) {
        var contents = Self()
        var writer = ByteWriter(reservingCapacity: bytes.count)
        try NALUnits.forEach(annexB: bytes) { unit in
            contents.look(at: unit)
            if Self.keeps(unit) { writer.write(nalUnit: unit) }
        }
        return (contents, contents.sliceCount > 0 ? writer.bytes : [])
    }
}
