import Bytes
import Crypto

extension STUNMessage {
    /// The code over a message that ends where MESSAGE-INTEGRITY begins.
    ///
    /// The length in the header counts as if the message ended after MESSAGE-INTEGRITY.
    static func integrity(of message: Span<UInt8>, key: [UInt8]) -> [UInt8] {
        var text = [UInt8](copying: message)
        setLength(of: &text, to: text.count - headerByteCount + integrityByteCount)
        return HMACSHA1.code(of: text, key: key)
    }

    /// Sets the length field of a message that has its whole header.
    static func setLength(of message: inout [UInt8], to length: Int) {
        message[2] = UInt8(truncatingIfNeeded: length >> 8)
        message[3] = UInt8(truncatingIfNeeded: length)
    }

    /// The fingerprint of a message that ends where FINGERPRINT begins.
    static func fingerprint(of message: Span<UInt8>) -> UInt32 {
        var remainder: UInt32 = 0xFFFF_FFFF
        for index in message.indices {
            let place = UInt8(truncatingIfNeeded: remainder) ^ message[index]
            remainder = table[Int(place)] ^ remainder >> 8
        }
        return ~remainder ^ fingerprintMask
    }

    /// The remainders of CRC-32 (ITU V.42), one for each byte.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { remainder, _ in
            remainder & 1 == 1 ? 0xEDB8_8320 ^ remainder >> 1 : remainder >> 1
        }
    }
}
