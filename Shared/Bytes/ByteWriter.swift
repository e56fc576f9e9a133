/// Appends fixed-width fields to a growing array of bytes.
public struct ByteWriter: Sendable, Equatable {
    /// What has been written so far.
    public private(set) var bytes: [UInt8] = []

    /// Creates an empty writer with room for `capacity` bytes.
    public init(reservingCapacity capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    /// The number of bytes written so far.
    public var count: Int { bytes.count }

    /// Appends `value` in big-endian order.
    public mutating func write<T: FixedWidthInteger>(_ value: T) {
        for shift in stride(from: T.bitWidth - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> T(shift)))
        }
    }

    /// Appends `value` in little-endian order.
    public mutating func writeLittleEndian<T: FixedWidthInteger>(_ value: T) {
        for shift in stride(from: 0, to: T.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> T(shift)))
        }
    }

    /// Appends the low 24 bits of `value` in big-endian order.
    public mutating func writeUInt24(_ value: UInt32) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 16))
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    /// Appends `more` as it is.
    public mutating func write(contentsOf more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
    }

    /// Appends the bytes of `span` as they are.
    public mutating func write(copying span: Span<UInt8>) {
        unsafe span.withUnsafeBufferPointer { buffer in
            // SAFETY: the buffer is read only inside the closure.
            unsafe bytes.append(contentsOf: buffer)
        }
    }

    /// Appends the ASCII of `text`, for box types and signatures.
    public mutating func write(ascii text: StaticString) {
        text.withUTF8Buffer { buffer in
            // SAFETY: the buffer is read only inside the closure.
            unsafe bytes.append(contentsOf: buffer)
        }
    }

    /// Appends `count` zeros.
    public mutating func writeZeros(_ count: Int) {
        bytes.append(contentsOf: repeatElement(0, count: count))
    }

    /// Replaces four bytes at `offset` by `value` in big-endian order.
    ///
    /// - Precondition: the four bytes have been written.
    public mutating func overwrite(at offset: Int, with value: UInt32) {
        for index in 0..<4 {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index))
        }
    }
}
