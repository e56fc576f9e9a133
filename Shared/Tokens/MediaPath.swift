/// A path under `/live` or `/vod`, taken apart as strictly as rights need it.
///
/// What a server might read in two ways (encoded characters, empty or dotted elements) is no media path.
public struct MediaPath: Sendable, Equatable {
    /// The prefix.
    public var prefix: MediaToken.Prefix
    /// The token of the element `~<token>`, where there is one.
    public var token: String?
    /// The ID of the stream or asset.
    public var object: String
    /// The elements after it.
    public var rest: [String]

    private static let identifierByteCount = 26
    private static let elementLimit = 16

    /// Reads a path without its query, or returns `nil`.
    public init?(_ path: String) {
        guard path.utf8.allSatisfy(Self.isPlain) else { return nil }
        var elements = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)[...]
        guard elements.count <= Self.elementLimit, elements.popFirst() == "" else { return nil }
        switch elements.popFirst() {
        case "live": prefix = .live
        case "vod": prefix = .vod
        default: return nil
        }
        guard elements.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else { return nil }
        if let first = elements.first, first.hasPrefix("~") {
            token = String(first.dropFirst())
            elements.removeFirst()
        }
        guard let object = elements.popFirst(), Self.isIdentifier(object) else { return nil }
        self.object = object
        rest = Array(elements)
    }

    /// Whether `text` has the form of an ID: 26 characters of lower-case base32.
    public static func isIdentifier(_ text: some StringProtocol) -> Bool {
        text.utf8.count == identifierByteCount
            && text.utf8.allSatisfy { (97...122).contains($0) || (50...55).contains($0) }
    }

    private static func isPlain(_ character: UInt8) -> Bool {
        switch character {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
