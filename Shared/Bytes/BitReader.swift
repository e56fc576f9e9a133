/// A cursor over borrowed bytes that reads single bits, most significant first.
public struct BitReader: ~Escapable {
    /// The ways a read can fail.
    public enum Failure: Error, Equatable {
        /// The input ended before the field did.
        case truncated
        /// An Exp-Golomb code was longer than 32 bits.
        case codeTooLong
    }

    private let bytes: Span<UInt8>
    /// The number of bits read so far.
    public private(set) var bitOffset = 0

    /// Creates a reader positioned at the first bit of `bytes`.
    @_lifetime(copy bytes)
    public init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
    }

    /// The number of bits not read yet.
    public var remaining: Int { bytes.count * 8 - bitOffset }

    /// Reads one bit.
    @_lifetime(self: copy self)
    public mutating func readFlag() throws(Failure) -> Bool {
        try read(1) == 1
    }

    /// Reads an unsigned field of up to 32 bits.
    @_lifetime(self: copy self)
    public mutating func read(_ bitCount: Int) throws(Failure) -> UInt32 {
        guard bitCount >= 0, bitCount <= 32, remaining >= bitCount else { throw .truncated }
        var value: UInt32 = 0
        for _ in 0..<bitCount {
            let bit = bytes[bitOffset >> 3] >> UInt8(7 - bitOffset & 7) & 1
            value = value << 1 | UInt32(bit)
            bitOffset += 1
        }
        return value
    }

    /// Moves past `bitCount` bits.
    @_lifetime(self: copy self)
    public mutating func skip(_ bitCount: Int) throws(Failure) {
        guard bitCount >= 0, remaining >= bitCount else { throw .truncated }
        bitOffset += bitCount
    }

    /// Reads an unsigned Exp-Golomb code (H.264 §9.1).
    @_lifetime(self: copy self)
    public mutating func readUnsignedExpGolomb() throws(Failure) -> UInt32 {
        var zeros = 0
        while try read(1) == 0 {
            zeros += 1
            guard zeros < 32 else { throw .codeTooLong }
        }
        let suffix = try read(zeros)
        return (UInt32(1) << UInt32(zeros)) - 1 &+ suffix
    }

    /// Reads a signed Exp-Golomb code (H.264 §9.1.1).
    @_lifetime(self: copy self)
    public mutating func readSignedExpGolomb() throws(Failure) -> Int32 {
        let code = try readUnsignedExpGolomb()
        let magnitude = Int32(truncatingIfNeeded: code / 2 + code % 2)
        return code % 2 == 1 ? magnitude : 0 &- magnitude
    }
}
