/// The IDs of streams, sessions, recordings and credentials: 128 random bits in lower-case Base32.
public enum Identifier {
    /// The characters of an ID.
    public static let length = 26

    /// Whether `text` can be an ID; everything else must not reach a key or a path.
    public static func isValid(_ text: some StringProtocol) -> Bool {
        text.utf8.count == length
            && text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x32...0x37).contains($0) }
    }
}
