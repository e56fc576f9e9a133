import Bytes

extension STUNMessage {
    /// Returns the message as it goes over the network.
    ///
    /// - Parameters:
    ///   - key: The password that MESSAGE-INTEGRITY is made with; without one there is none.
    ///   - fingerprint: Whether FINGERPRINT ends the message, as ICE wants it.
    public func encoded(key: [UInt8]?, fingerprint: Bool = true) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 128)
        writer.write(type)
        writer.write(UInt16(0))
        writer.write(Self.magicCookie)
        writer.write(transactionID.high)
        writer.write(transactionID.low)
        for attribute in attributes { write(attribute, to: &writer) }
        var bytes = writer.bytes
        if let key { Self.appendIntegrity(to: &bytes, key: key) }
        if fingerprint { Self.appendFingerprint(to: &bytes) }
        Self.setLength(of: &bytes, to: bytes.count - Self.headerByteCount)
        return bytes
    }

    private var type: UInt16 {
        let kind = UInt16(kind.rawValue)
        let method = method & 0xF | (method & 0x70) << 1 | (method & 0xF80) << 2
        return method | (kind & 1) << 4 | (kind & 2) << 7
    }

    private static func appendIntegrity(to bytes: inout [UInt8], key: [UInt8]) {
        let code = integrity(of: bytes.span, key: key)
        append(Code.messageIntegrity, code, to: &bytes)
    }

    private static func appendFingerprint(to bytes: inout [UInt8]) {
        setLength(of: &bytes, to: bytes.count - headerByteCount + fingerprintByteCount)
        var value = ByteWriter(reservingCapacity: 4)
        value.write(fingerprint(of: bytes.span))
        append(Code.fingerprint, value.bytes, to: &bytes)
    }

    private static func append(_ code: UInt16, _ value: [UInt8], to bytes: inout [UInt8]) {
        var writer = ByteWriter(reservingCapacity: value.count + 4)
        write(code, value, to: &writer)
        bytes += writer.bytes
    }

    private static func write(_ code: UInt16, _ value: [UInt8], to writer: inout ByteWriter) {
        writer.write(code)
        writer.write(UInt16(clamping: value.count))
        writer.write(contentsOf: value)
        writer.writeZeros((4 - value.count % 4) % 4)
    }

    private func write(_ attribute: Attribute, to writer: inout ByteWriter) {
        var value = ByteWriter(reservingCapacity: 24)
        let code: UInt16
        switch attribute {
        case .username(let name): (code, _) = (Code.username, value.write(contentsOf: name.utf8))
        case .software(let name): (code, _) = (Code.software, value.write(contentsOf: name.utf8))
        case .priority(let priority): (code, _) = (Code.priority, value.write(priority))
        case .useCandidate: code = Code.useCandidate
        case .controlling(let tieBreaker): (code, _) = (Code.controlling, value.write(tieBreaker))
        case .controlled(let tieBreaker): (code, _) = (Code.controlled, value.write(tieBreaker))
        case .mappedAddress(let address): (code, _) = (Code.mappedAddress, value.write(address))
        case .xorMappedAddress(let address):
            (code, _) = (Code.xorMappedAddress, value.write(address.masked(for: self)))
        case .errorCode(let number, let reason):
            (code, _) = (Code.errorCode, value.write(errorCode: number, reason: reason))
        case .unknownAttributes(let codes):
            code = Code.unknownAttributes
            for code in codes { value.write(code) }
        case .other(let number, let byteCount):
            code = number
            value.writeZeros(max(0, byteCount))
        }
        Self.write(code, value.bytes, to: &writer)
    }
}

extension ByteWriter {
    fileprivate mutating func write(_ address: TransportAddress) {
        switch address.ip {
        case .v4(let bits):
            write(UInt16(1))
            write(address.port)
            write(bits)
        case .v6(let high, let low):
            write(UInt16(2))
            write(address.port)
            write(high)
            write(low)
        }
    }

    fileprivate mutating func write(errorCode: Int, reason: String) {
        write(UInt16(0))
        write(UInt8(truncatingIfNeeded: errorCode / 100 & 7))
        write(UInt8(truncatingIfNeeded: errorCode % 100))
        write(contentsOf: reason.utf8)
    }
}
