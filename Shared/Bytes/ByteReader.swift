/// A cursor over borrowed bytes that reads fixed-width fields and never copies.
public struct ByteReader: ~Escapable {
    /// The ways a read can fail.
    public enum Failure: Error, Equatable {
        /// The input ended before the field did.
        case truncated(needed: Int, remaining: Int)
    }

    private let bytes: Span<UInt8>
    /// The number of bytes read so far.
    public private(set) var offset = 0

    /// Creates a reader positioned at the first of `bytes`.
    @_lifetime(copy bytes)
    public init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
    }

    /// The number of bytes not read yet.
    public var remaining: Int { bytes.count - offset }

    /// Whether every byte has been read.
    public var isAtEnd: Bool { remaining == 0 }

    /// Reads one big-endian integer of the width of `T`.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func read<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(Failure) -> T {
        T(truncatingIfNeeded: try readBigEndian(byteCount: T.bitWidth / 8))
    }

    /// Reads one little-endian integer of the width of `T`.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func readLittleEndian<T: FixedWidthInteger>(
        _ type: T.Type = T.self
    ) throws(Failure) -> T {
        T(truncatingIfNeeded: try readLittleEndian(byteCount: T.bitWidth / 8))
    }

    /// Reads a 24-bit big-endian field, as RTMP, FLV and ISO boxes have it.
    @_lifetime(self: copy self)
    public mutating func readUInt24() throws(Failure) -> UInt32 {
        UInt32(truncatingIfNeeded: try readBigEndian(byteCount: 3))
    }

    /// Returns the next `count` bytes and moves past them.
    ///
    /// A negative `count` fails like one that is too large.
    @_lifetime(copy self)
    public mutating func take(_ count: Int) throws(Failure) -> Span<UInt8> {
        try require(count)
        defer { offset += count }
        return bytes.extracting(offset..<offset + count)
    }

    /// Copies the next `count` bytes and moves past them.
    @_lifetime(self: copy self)
    public mutating func takeArray(_ count: Int) throws(Failure) -> [UInt8] {
        [UInt8](copying: try take(count))
    }

    /// Returns everything that is left and moves to the end.
    @_lifetime(copy self)
    public mutating func takeRest() -> Span<UInt8> {
        defer { offset = bytes.count }
        return bytes.extracting(offset..<bytes.count)
    }

    /// Moves past `count` bytes.
    @_lifetime(self: copy self)
    public mutating func skip(_ count: Int) throws(Failure) {
        try require(count)
        offset += count
    }

    // Not generic, so that callers in other modules pay for one call and not for every shift.
    @usableFromInline
    @_lifetime(self: copy self)
    mutating func readLittleEndian(byteCount: Int) throws(Failure) -> UInt64 {
        try require(byteCount)
        var value: UInt64 = 0
        for index in 0..<byteCount {
            value |= UInt64(bytes[offset + index]) << (8 * UInt64(index))
        }
        offset += byteCount
        return value
    }

    @usableFromInline
    @_lifetime(self: copy self)
    mutating func readBigEndian(byteCount: Int) throws(Failure) -> UInt64 {
        try require(byteCount)
        var value: UInt64 = 0
        for index in offset..<offset + byteCount {
            value = value << 8 | UInt64(bytes[index])
        }
        offset += byteCount
        return value
    }

    private func require(_ count: Int) throws(Failure) {
        guard count >= 0, remaining >= count else {
            throw .truncated(needed: count, remaining: remaining)
        }
    }
}

extension Array<UInt8> {
    /// Creates an array with the contents of `span`.
    public init(copying span: Span<UInt8>) {
        self = unsafe span.withUnsafeBufferPointer { buffer in
            // SAFETY: the buffer is read only inside the closure.
            unsafe Array(buffer)
        }
    }
}
