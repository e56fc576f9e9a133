import Bytes

/// The payload: version u8, verb u8, prefix u8, kind of subject u8, key u32, expiry i64, object 16 B,
/// subject 16 B, grant 16 B, all big-endian.
extension MediaToken {
    private static let identifierByteCount = 16
    private static let userKind: UInt8 = 1
    private static let shareKind: UInt8 = 2

    func payload(key: UInt32) -> [UInt8]? {
        guard let object = Self.identifier(object), let subject = Self.identifier(subject.identifier),
            let grant = Self.identifier(grant)
        else { return nil }
        let kind = if case .user = self.subject { Self.userKind } else { Self.shareKind }
        return [Self.version, verb.rawValue, prefix.rawValue, kind] + Self.bytes(of: key)
            + Self.bytes(of: expiry)
            + object + subject + grant
    }

    static func read(_ payload: [UInt8]) throws(Failure) -> (token: MediaToken, key: UInt32) {
        do {
            var reader = ByteReader(payload.span)
            let version = try reader.read(UInt8.self)
            guard version == Self.version else { throw Failure.version(version) }
            guard let verb = Verb(rawValue: try reader.read()),
                let prefix = Prefix(rawValue: try reader.read())
            else { throw Failure.field }
            let kind = try reader.read(UInt8.self)
            let key = try reader.read(UInt32.self)
            let expiry = try reader.read(Int64.self)
            let object = Base32.encode(try reader.takeArray(identifierByteCount))
            let holder = Base32.encode(try reader.takeArray(identifierByteCount))
            let grant = Base32.encode(try reader.takeArray(identifierByteCount))
            let subject = try subject(kind: kind, holder)
            return (
                MediaToken(verb, prefix, object: object, subject: subject, grant: grant, expiry: expiry), key
            )
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .field
        }
    }

    private static func subject(kind: UInt8, _ identifier: String) throws(Failure) -> Subject {
        switch kind {
        case userKind: .user(identifier)
        case shareKind: .share(identifier)
        default: throw .field
        }
    }

    private static func identifier(_ text: String) -> [UInt8]? {
        Base32.decode(text).flatMap { $0.count == identifierByteCount ? $0 : nil }
    }

    private static func bytes(of number: some FixedWidthInteger) -> [UInt8] {
        let count = number.bitWidth / 8
        return (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * (count - 1 - $0))) }
    }
}
