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
    @inlinable
    public mutating func write<T: FixedWidthInteger>(_ value: T) {
        appendBigEndian(UInt64(truncatingIfNeeded: value), byteCount: T.bitWidth / 8)
    }

    /// Appends `value` in little-endian order.
    @inlinable
    public mutating func writeLittleEndian<T: FixedWidthInteger>(_ value: T) {
        appendLittleEndian(UInt64(truncatingIfNeeded: value), byteCount: T.bitWidth / 8)
    }

    // Not generic, so that callers in other modules pay for one call and not for every shift.
    @usableFromInline
    mutating func appendBigEndian(_ value: UInt64, byteCount: Int) {
        for shift in stride(from: 8 * byteCount - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }

    @usableFromInline
    mutating func appendLittleEndian(_ value: UInt64, byteCount: Int) {
        for shift in stride(from: 0, to: 8 * byteCount, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
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
