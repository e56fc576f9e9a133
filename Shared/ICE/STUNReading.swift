import Bytes

extension STUNMessage {
    /// Why bytes are not a message.
    public enum Failure: Error, Equatable {
        /// Shorter than the header, or the length in it is not that of the bytes.
        case wrongLength(Int)
        /// The first two bits, the magic cookie or the padding of the length are not those of STUN.
        case notSTUN
        /// An attribute reaches beyond the message or has a length that it cannot have.
        case malformedAttribute(UInt16)
        /// FINGERPRINT is not that of the bytes.
        case wrongFingerprint
        /// More than ``STUNMessage/maximumByteCount`` bytes.
        case tooLong(Int)
    }

    /// The largest message that is read; a check of ICE has about a hundred bytes.
    public static let maximumByteCount = 1280

    /// Reads one message, which is all of `bytes`.
    public init(_ bytes: Span<UInt8>) throws(Failure) {
        guard bytes.count <= Self.maximumByteCount else { throw .tooLong(bytes.count) }
        guard bytes.count >= Self.headerByteCount else { throw .wrongLength(bytes.count) }
        var header = ByteReader(bytes)
        let type = header.field(UInt16.self)
        let length = Int(header.field(UInt16.self))
        guard type < 0x4000, header.field(UInt32.self) == Self.magicCookie, length % 4 == 0 else {
            throw .notSTUN
        }
        guard length == bytes.count - Self.headerByteCount else { throw .wrongLength(bytes.count) }
        transactionID = .init(high: header.field(), low: header.field())
        (kind, method) = Self.split(type)
        attributes = []
        try readAttributes(bytes)
    }

    /// The two bits of the class stand between the twelve of the method (RFC 8489 §5).
    private static func split(_ type: UInt16) -> (Kind, method: UInt16) {
        let kinds: [Kind] = [.request, .indication, .success, .failure]
        let kind = kinds[Int(type >> 7 & 2 | type >> 4 & 1)]
        return (kind, type & 0xF | type >> 1 & 0x70 | type >> 2 & 0xF80)
    }

    private mutating func readAttributes(_ bytes: Span<UInt8>) throws(Failure) {
        var offset = Self.headerByteCount
        while offset + 4 <= bytes.count {
            var head = ByteReader(bytes.extracting(offset..<offset + 4))
            let code = head.field(UInt16.self)
            let length = Int(head.field(UInt16.self))
            let padded = (length + 3) & ~3
            guard offset + 4 + padded <= bytes.count else { throw .malformedAttribute(code) }
            let value = bytes.extracting(offset + 4..<offset + 4 + length)
            switch code {
            case Code.fingerprint:
                try checkFingerprint(value, of: bytes.extracting(0..<offset))
                return
            case Code.messageIntegrity:
                guard length == Self.integrityByteCount - 4 else { throw .malformedAttribute(code) }
                if integrityOffset == nil { integrityOffset = offset }
            default:
                // What follows the integrity is not covered by it and does not count (RFC 8489 §14.5).
                if integrityOffset == nil { attributes.append(try attribute(code, value)) }
            }
            offset += 4 + padded
        }
    }

    private func checkFingerprint(_ value: Span<UInt8>, of message: Span<UInt8>) throws(Failure) {
        guard value.count == 4 else { throw .malformedAttribute(Code.fingerprint) }
        var reader = ByteReader(value)
        guard reader.field(UInt32.self) == Self.fingerprint(of: message) else { throw .wrongFingerprint }
    }

    private func attribute(_ code: UInt16, _ value: Span<UInt8>) throws(Failure) -> Attribute {
        guard Self.lengths(of: code).contains(value.count) else { throw .malformedAttribute(code) }
        var reader = ByteReader(value)
        switch code {
        case Code.username: return .username(Self.text(value))
        case Code.software: return .software(Self.text(value))
        case Code.priority: return .priority(reader.field())
        case Code.useCandidate: return .useCandidate
        case Code.controlling: return .controlling(tieBreaker: reader.field())
        case Code.controlled: return .controlled(tieBreaker: reader.field())
        case Code.errorCode: return Self.errorCode(value)
        case Code.unknownAttributes: return .unknownAttributes(Self.codes(value))
        case Code.mappedAddress: return .mappedAddress(try address(value, code: code))
        case Code.xorMappedAddress: return .xorMappedAddress(try address(value, code: code).masked(for: self))
        default: return .other(code, byteCount: value.count)
        }
    }

    private static func lengths(of code: UInt16) -> ClosedRange<Int> {
        switch code {
        case Code.username: 0...513
        case Code.software: 0...763
        case Code.priority: 4...4
        case Code.useCandidate: 0...0
        case Code.controlling, Code.controlled: 8...8
        case Code.errorCode: 4...767
        case Code.mappedAddress, Code.xorMappedAddress: 8...20
        default: 0...maximumByteCount
        }
    }

    private static func text(_ value: Span<UInt8>) -> String {
        String(decoding: [UInt8](copying: value), as: UTF8.self)
    }

    private static func errorCode(_ value: Span<UInt8>) -> Attribute {
        let code = Int(value[2] & 7) * 100 + Int(value[3])
        return .errorCode(code, reason: text(value.extracting(4..<value.count)))
    }

    private static func codes(_ value: Span<UInt8>) -> [UInt16] {
        stride(from: 0, to: value.count - value.count % 2, by: 2).map {
            UInt16(value[$0]) << 8 | UInt16(value[$0 + 1])
        }
    }

    /// Reads a family, a port and an address, as they stand.
    private func address(_ value: Span<UInt8>, code: UInt16) throws(Failure) -> TransportAddress {
        var reader = ByteReader(value)
        let family = reader.field(UInt16.self) & 0xFF
        let port = reader.field(UInt16.self)
        switch (family, value.count) {
        case (1, 8): return TransportAddress(.v4(reader.field()), port: port)
        case (2, 20): return TransportAddress(.v6(high: reader.field(), low: reader.field()), port: port)
        default: throw .malformedAttribute(code)
        }
    }
}

extension TransportAddress {
    /// The address with the mask of XOR-MAPPED-ADDRESS (RFC 8489 §14.2) put on or taken off.
    func masked(for message: STUNMessage) -> TransportAddress {
        let cookie = STUNMessage.magicCookie
        let port = port ^ UInt16(truncatingIfNeeded: cookie >> 16)
        switch ip {
        case .v4(let bits): return TransportAddress(.v4(bits ^ cookie), port: port)
        case .v6(let high, let low):
            let id = message.transactionID
            let mask = UInt64(cookie) << 32 | UInt64(id.high)
            return TransportAddress(.v6(high: high ^ mask, low: low ^ id.low), port: port)
        }
    }
}

extension ByteReader {
    /// Reads a field whose length has been checked; zero where that was wrong.
    @_lifetime(self: copy self)
    mutating func field<T: FixedWidthInteger>(_ type: T.Type = T.self) -> T {
        (try? read(T.self)) ?? 0
    }
}
