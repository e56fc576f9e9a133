/// How packets travel between two addresses.
public enum TransportProtocol: Hashable, Sendable {
    /// Datagrams.
    case udp
    /// A connection with the framing of RFC 4571.
    case tcp
}

/// One way between the two ends: what ICE checks, and what media then go over.
public struct CandidatePair: Hashable, Sendable {
    /// Datagrams or a connection.
    public var transport: TransportProtocol
    /// Our address, as far as it is known; the same for all packets of one way.
    public var local: TransportAddress
    /// The peer's address.
    public var remote: TransportAddress

    /// Creates a pair.
    public init(_ transport: TransportProtocol, local: TransportAddress, remote: TransportAddress) {
        self.transport = transport
        self.local = local
        self.remote = remote
    }
}

/// What proves that a check belongs to a session (RFC 8445 §5.3).
public struct ICECredentials: Hashable, Sendable {
    /// The user name fragment.
    public var fragment: String
    /// The password.
    public var password: String

    /// Creates credentials.
    public init(fragment: String, password: String) {
        self.fragment = fragment
        self.password = password
    }

    /// Creates credentials where both parts are known.
    public init?(fragment: String?, password: String?) {
        guard let fragment, let password else { return nil }
        self.init(fragment: fragment, password: password)
    }

    /// The number of random bytes that ``init(random:)`` needs.
    public static let randomByteCount = 30

    /// Creates credentials of 12 + 28 characters from ``randomByteCount`` bytes that nobody can guess.
    public init(random bytes: [UInt8]) {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var characters: [UInt8] = []
        for start in stride(from: 0, to: bytes.count - 2, by: 3) {
            let bits = UInt32(bytes[start]) << 16 | UInt32(bytes[start + 1]) << 8 | UInt32(bytes[start + 2])
            for shift: UInt32 in [18, 12, 6, 0] { characters.append(alphabet[Int(bits >> shift & 63)]) }
        }
        let fragmentLength = characters.count * 3 / 10
        self.init(
            fragment: String(decoding: characters.prefix(fragmentLength), as: UTF8.self),
            password: String(decoding: characters.dropFirst(fragmentLength), as: UTF8.self)
        )
    }
}
