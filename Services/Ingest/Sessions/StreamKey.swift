/// A stream key as people type it, in the three spellings that encoders allow:
/// `<name>?k=<secret>`, `<name>?<secret>` and `<name>_<secret>`.
struct StreamKey: Sendable, Equatable {
    /// One way to read the key.
    struct Candidate: Sendable, Equatable {
        /// The public name.
        var name: String
        /// The secret.
        var secret: String
    }

    /// The longest key that is looked at.
    static let maximumByteCount = 512
    /// The names of the query item that holds the secret.
    private static let itemNames = ["k", "key", "secret"]

    /// The ways to read it; none where no secret is in it.
    let candidates: [Candidate]

    init(_ text: String) {
        guard text.utf8.count <= Self.maximumByteCount else {
            candidates = []
            return
        }
        if let mark = text.firstIndex(of: "?") {
            let secret = Self.secret(inQuery: text[text.index(after: mark)...])
            candidates = [Candidate(name: String(text[..<mark]), secret: secret)].filter(\.isUsable)
        } else if let mark = text.lastIndex(of: "_") {
            let candidate = Candidate(
                name: String(text[..<mark]),
                secret: String(text[text.index(after: mark)...])
            )
            candidates = [candidate].filter(\.isUsable)
        } else {
            candidates = []
        }
    }

    private static func secret(inQuery query: Substring) -> String {
        for item in query.split(separator: "&") {
            let parts = item.split(separator: "=", maxSplits: 1)
            if parts.count == 2, itemNames.contains(String(parts[0])) { return String(parts[1]) }
        }
        return query.contains("=") ? "" : String(query.prefix { $0 != "&" })
    }
}

extension StreamKey.Candidate {
    fileprivate var isUsable: Bool { !name.isEmpty && !secret.isEmpty }
}
