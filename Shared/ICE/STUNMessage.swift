import Bytes
import Crypto

/// A message of STUN (RFC 8489) with what ICE puts into it (RFC 8445 §7.1).
public struct STUNMessage: Equatable, Sendable {
    /// What kind of message it is.
    public enum Kind: UInt8, Sendable {
        case request, indication, success, failure
    }

    /// The 96 bits that tie an answer to its question.
    public struct TransactionID: Hashable, Sendable {
        /// The first four bytes.
        public var high: UInt32
        /// The last eight bytes.
        public var low: UInt64

        /// Creates an ID.
        public init(high: UInt32, low: UInt64) {
            self.high = high
            self.low = low
        }
    }

    /// One attribute.
    public enum Attribute: Equatable, Sendable {
        case username(String)
        case priority(UInt32)
        case useCandidate
        case controlling(tieBreaker: UInt64)
        case controlled(tieBreaker: UInt64)
        case mappedAddress(TransportAddress)
        case xorMappedAddress(TransportAddress)
        case errorCode(Int, reason: String)
        case unknownAttributes([UInt16])
        case software(String)
        /// An attribute that this module does not read, and its length.
        case other(UInt16, byteCount: Int)
    }

    /// The method of connectivity checks.
    public static let binding: UInt16 = 1

    /// What kind of message it is.
    public var kind: Kind
    /// The method, 12 bits; ``binding`` in ICE.
    public var method: UInt16
    /// The transaction.
    public var transactionID: TransactionID
    /// The attributes in order, MESSAGE-INTEGRITY and FINGERPRINT excepted.
    public var attributes: [Attribute]
    /// Where MESSAGE-INTEGRITY begins in the bytes that were read.
    var integrityOffset: Int?

    /// Creates a message.
    public init(
        _ kind: Kind,
        method: UInt16 = Self.binding,
        transactionID: TransactionID,
        attributes: [Attribute] = []
    ) {
        self.kind = kind
        self.method = method
        self.transactionID = transactionID
        self.attributes = attributes
    }

    static let headerByteCount = 20
    static let magicCookie: UInt32 = 0x2112_A442
    static let fingerprintMask: UInt32 = 0x5354_554E
    static let integrityByteCount = 24
    static let fingerprintByteCount = 8

    /// The numbers of attributes that are read or written.
    enum Code {
        static let mappedAddress: UInt16 = 0x0001
        static let username: UInt16 = 0x0006
        static let messageIntegrity: UInt16 = 0x0008
        static let errorCode: UInt16 = 0x0009
        static let unknownAttributes: UInt16 = 0x000A
        static let xorMappedAddress: UInt16 = 0x0020
        static let priority: UInt16 = 0x0024
        static let useCandidate: UInt16 = 0x0025
        static let software: UInt16 = 0x8022
        static let fingerprint: UInt16 = 0x8028
        static let controlled: UInt16 = 0x8029
        static let controlling: UInt16 = 0x802A
        /// From here on, who does not know an attribute may ignore it.
        static let firstOptional: UInt16 = 0x8000
    }
}

extension STUNMessage {
    /// Whether the message proves that its sender knows `key` (short-term credentials, RFC 8489 §14.5).
    ///
    /// - Parameter bytes: The bytes that the message was read from.
    public func isAuthentic(_ bytes: Span<UInt8>, key: [UInt8]) -> Bool {
        guard let offset = integrityOffset, offset + Self.integrityByteCount <= bytes.count else {
            return false
        }
        let code = Self.integrity(of: bytes.extracting(0..<offset), key: key)
        let given = [UInt8](copying: bytes.extracting(offset + 4..<offset + Self.integrityByteCount))
        return ConstantTime.equal(code, given)
    }

    /// The user name of a check, `<fragment of the receiver>:<fragment of the sender>`.
    public var username: String? {
        for case .username(let name) in attributes { return name }
        return nil
    }

    /// The fragment of the receiver in ``username``: the key by which a check finds its session.
    public var receiverFragment: Substring? {
        guard let username, let colon = username.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        return username[..<colon]
    }

    /// The address that a success response reports.
    public var mappedAddress: TransportAddress? {
        for case .xorMappedAddress(let address) in attributes { return address }
        for case .mappedAddress(let address) in attributes { return address }
        return nil
    }

    /// The attributes that the receiver would have to know and does not.
    var unknownRequired: [UInt16] {
        attributes.compactMap {
            guard case .other(let code, _) = $0, code < Code.firstOptional else { return nil }
            return code
        }
    }

    /// Whether a datagram that begins with `byte` can be STUN (RFC 7983).
    public static func canBegin(with byte: UInt8) -> Bool { byte < 4 }
}
