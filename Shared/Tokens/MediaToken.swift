import Bytes

/// The right to one stream or asset that a URL or a cookie carries.
///
/// Its text is `base64url(payload).base64url(code)`, always ``textByteCount`` long: a payload of 64 bytes and
/// its HMAC-SHA-256, which the caller computes.
public struct MediaToken: Sendable, Hashable {
    /// The paths that a token opens.
    public enum Prefix: UInt8, Sendable, CaseIterable {
        /// `/live/<streamID>`
        case live = 1
        /// `/vod/<assetID>`
        case vod = 2
    }

    /// What a token allows to do there.
    public enum Verb: UInt8, Sendable, CaseIterable {
        /// Fetching playlists, segments, parts and feeds.
        case play = 1
    }

    /// Whom a token was given to.
    public enum Subject: Sendable, Hashable {
        /// A user with this ID.
        case user(String)
        /// A share link with this ID.
        case share(String)

        /// The ID of the user or of the share link.
        public var identifier: String {
            switch self {
            case .user(let identifier), .share(let identifier): identifier
            }
        }
    }

    /// The paths that it opens.
    public var prefix: Prefix
    /// The stream or asset under that prefix.
    public var object: String
    /// What it allows.
    public var verb: Verb
    /// Whom it was given to.
    public var subject: Subject
    /// The grant it lives and dies with.
    public var grant: String
    /// The first second since 1970 at which it is no longer valid.
    public var expiry: Int64

    /// The length of every token's text.
    public static let textByteCount = 86 + 1 + 43
    static let payloadByteCount = 64
    private static let codeByteCount = 32
    static let version: UInt8 = 1

    /// Creates a token; object, subject and grant are IDs of 26 characters.
    public init(
        _ verb: Verb,
        _ prefix: Prefix,
        object: String,
        subject: Subject,
        grant: String,
        expiry: Int64
    ) {
        self.verb = verb
        self.prefix = prefix
        self.object = object
        self.subject = subject
        self.grant = grant
        self.expiry = expiry
    }

    /// Returns the text of the token.
    ///
    /// - Parameters:
    ///   - key: The number of the key, which readers find it by.
    ///   - code: Computes the HMAC-SHA-256 of the payload under that key.
    /// - Returns: `nil` if object, subject or grant is not an ID.
    public func signed(key: UInt32, code: (_ payload: [UInt8]) -> [UInt8]) -> String? {
        guard let payload = payload(key: key) else { return nil }
        return Base64.encodeURLSafe(payload) + "." + Base64.encodeURLSafe(code(payload))
    }

    /// Reads a token and checks it.
    ///
    /// - Parameters:
    ///   - text: The text, from anywhere.
    ///   - now: Seconds since 1970.
    ///   - code: Computes the HMAC-SHA-256 of a payload under a key, or returns `nil` for an unknown key.
    public init(
        _ text: some StringProtocol,
        now: Int64,
        code: (_ payload: [UInt8], _ key: UInt32) -> [UInt8]?
    ) throws(Failure) {
        let (payload, given) = try Self.split(text)
        let (token, key) = try Self.read(payload)
        guard let expected = code(payload, key) else { throw .unknownKey(key) }
        guard Self.equal(expected, given) else { throw .forged }
        guard now < token.expiry else { throw .expired }
        self = token
    }

    /// Why a text gives no right.
    public enum Failure: Error, Equatable {
        /// It has another length than tokens have.
        case length(Int)
        /// It is not two texts of URL-safe base64 with a dot between them.
        case encoding
        /// It is of another version of the format.
        case version(UInt8)
        /// A field holds what no token holds.
        case field
        /// It is signed by a key that is not, or no longer, known.
        case unknownKey(UInt32)
        /// The code is not the one of the payload.
        case forged
        /// Its time is over.
        case expired
    }

    private static func split(
        _ text: some StringProtocol
    ) throws(Failure) -> (payload: [UInt8], code: [UInt8]) {
        let count = text.utf8.count
        guard count == textByteCount else { throw .length(count) }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let payload = Base64.decode(parts[0]), let code = Base64.decode(parts[1]),
            payload.count == payloadByteCount, code.count == codeByteCount,
            // One token has one text, so that nobody mints new ones by changing unused bits.
            Base64.encodeURLSafe(payload) == parts[0], Base64.encodeURLSafe(code) == parts[1]
        else { throw .encoding }
        return (payload, code)
    }

    /// Compares without telling by its time where two codes differ.
    private static func equal(_ first: [UInt8], _ second: [UInt8]) -> Bool {
        guard first.count == second.count else { return false }
        return zip(first, second).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
