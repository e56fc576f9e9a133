/// The four characters that name a box, a brand or a handler.
public struct BoxType: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    /// The characters as one big-endian number.
    public var rawValue: UInt32

    /// Creates a type from its number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Creates a type from the first four bytes of a literal.
    public init(stringLiteral value: StaticString) {
        // SAFETY: the buffer of a literal is only read inside the closure.
        self.init(value.withUTF8Buffer { unsafe Self.fold($0) })
    }

    /// Creates a type from the first four bytes of `text`.
    public init(_ text: String) {
        self.init(Self.fold(text.utf8))
    }

    /// The characters, with a dot for each that is not printable ASCII.
    public var description: String {
        let bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: rawValue >> $0) }
        return String(decoding: bytes.map { (0x20..<0x7f).contains($0) ? $0 : 0x2e }, as: UTF8.self)
    }

    private init(_ rawValue: UInt32) { self.rawValue = rawValue }

    private static func fold(_ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}
