import Bytes
import Crypto
import HTTPServing

/// What a request carries to prove who asks.
enum Credential: Sendable, Equatable {
    case session(String)
    case share(String)
    case bearer(String)
    case basic(user: String, password: String)

    /// What is wrong with an `Authorization` field.
    enum Failure: Error, Equatable {
        case unknownScheme
        case malformed
    }

    /// Reads the field `Authorization` (RFC 7617, RFC 6750).
    static func authorization(_ field: String) throws(Failure) -> Credential {
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { throw .malformed }
        switch parts[0].lowercased() {
        case "bearer": return .bearer(String(parts[1]))
        case "basic":
            guard let bytes = Base64.decode(parts[1]), let text = String(validating: bytes, as: UTF8.self),
                let colon = text.firstIndex(of: ":"), !text.utf8.contains(0)
            else { throw .malformed }
            return .basic(user: String(text[..<colon]), password: String(text[text.index(after: colon)...]))
        default: throw .unknownScheme
        }
    }
}

/// A random text that its holder alone knows; we keep its hash.
///
/// The prefix tells kinds apart, and lets scanners of repositories and logs find what leaked.
struct CredentialSecret: Sendable, Equatable {
    enum Kind: String, Sendable, CaseIterable {
        case session = "mls_"
        case shareSession = "mlv_"
        case apiToken = "mlt_"
        case share = "mlh_"
    }

    private static let bodyByteCount = 32

    var kind: Kind
    var text: String

    /// Makes a new one of 160 random bits.
    init(_ kind: Kind) {
        self.kind = kind
        text = kind.rawValue + Randomness.secret()
    }

    /// Reads what somebody sent, or returns `nil` where it has not even the form.
    init?(_ text: some StringProtocol, as kind: Kind) {
        let count = kind.rawValue.utf8.count + Self.bodyByteCount
        guard text.utf8.count == count, text.hasPrefix(kind.rawValue) else { return nil }
        self.kind = kind
        self.text = String(text)
    }

    var hash: [UInt8] { SHA256.digest(of: text) }
}

/// The cookies of this service.
enum Cookie {
    static let session = "martlet_session"
    static let share = "martlet_share"
    static let media = "martlet_media"

    /// The links that one browser remembers; the oldest is forgotten.
    static let shareLimit = 8

    /// The secrets of a browser's share links, newest first.
    static func shares(in request: HTTPRequest) -> [CredentialSecret] {
        guard let value = request.cookie(share) else { return [] }
        return value.split(separator: ".").prefix(shareLimit).compactMap {
            CredentialSecret($0, as: .shareSession)
        }
    }

    /// The field `Set-Cookie` of a cookie that scripts cannot read.
    static func field(
        _ name: String,
        _ value: String,
        path: String,
        seconds: Int64,
        for request: HTTPRequest
    ) -> String {
        let secure = request.headers["x-forwarded-proto"] == "https" ? "; Secure" : ""
        return "\(name)=\(value); Path=\(path); Max-Age=\(seconds); HttpOnly; SameSite=Lax\(secure)"
    }
}
