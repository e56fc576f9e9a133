/// What a peer says about its transport: ICE and DTLS.
public struct TransportOffer: Equatable, Sendable {
    /// Who begins the DTLS handshake (RFC 4145).
    public enum Setup: String, Equatable, Sendable {
        case active, passive, actpass, holdconn
    }

    /// The digest of a certificate (RFC 8122).
    public struct Fingerprint: Equatable, Hashable, Sendable {
        /// The hash function in lower case, like `sha-256`.
        public var algorithm: String
        /// The digest in upper case, with colons.
        public var value: String

        /// Creates a fingerprint.
        public init(algorithm: String, value: String) {
            self.algorithm = algorithm
            self.value = value
        }
    }

    /// The user name fragment of ICE.
    public var fragment: String?
    /// The password of ICE.
    public var password: String?
    /// The certificate's digests.
    public var fingerprints: [Fingerprint]
    /// Who begins the handshake.
    public var setup: Setup?
    /// The candidates that are known already.
    public var candidates: [Candidate]
    /// Whether no more candidates will come.
    public var isComplete: Bool
    /// The options of ICE, like `trickle`.
    public var options: [String]

    /// The most candidates that are read.
    public static let candidateLimit = 64

    /// The digest by SHA-256.
    public var sha256: String? { fingerprints.first { $0.algorithm == "sha-256" }?.value }
}

extension TransportOffer {
    /// Reads the attributes of a section, and of the session where the section has none.
    init(_ section: [SDPDocument.Attribute], session: [SDPDocument.Attribute]) {
        func value(_ name: String) -> String? { section.value(of: name) ?? session.value(of: name) }
        fragment = value("ice-ufrag").flatMap { Self.credential($0, 4...256) }
        password = value("ice-pwd").flatMap { Self.credential($0, 22...256) }
        setup = value("setup").flatMap { Setup(rawValue: String($0.trimmed)) }
        let own = section.values(of: "fingerprint")
        fingerprints = (own.isEmpty ? session.values(of: "fingerprint") : own).prefix(8)
            .compactMap(Fingerprint.init(value:))
        candidates = section.values(of: "candidate").prefix(Self.candidateLimit).compactMap { Candidate($0) }
        isComplete = section.has("end-of-candidates") || session.has("end-of-candidates")
        options = (value("ice-options") ?? "").words.map(String.init)
    }

    /// A fragment or a password with the length and the characters that RFC 8839 §5.4 asks for.
    static func credential(_ text: String, _ lengths: ClosedRange<Int>) -> String? {
        let text = text.trimmed
        guard lengths.contains(text.utf8.count) else { return nil }
        // Some senders use the alphabet of URLs, or an equals sign at the end.
        let isAllowed = text.utf8.allSatisfy { (33...126).contains($0) && $0 != UInt8(ascii: ":") }
        return isAllowed ? String(text) : nil
    }
}

extension TransportOffer.Fingerprint {
    fileprivate init?(value: String) {
        let fields = value.words
        guard fields.count == 2 else { return nil }
        let isDigest = fields[1].utf8.allSatisfy { byte in
            (48...58).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
        }
        guard isDigest, (59...191).contains(fields[1].utf8.count) else { return nil }
        self.init(algorithm: fields[0].lowercased(), value: fields[1].uppercased())
    }
}
