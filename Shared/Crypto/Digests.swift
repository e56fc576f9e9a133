import Bytes
import COpenSSL

/// The hash SHA-256 (FIPS 180-4).
public enum SHA256 {
    /// The length of a digest.
    public static let byteCount = 32

    /// Returns the 32 bytes of the digest of `bytes`.
    public static func digest(of bytes: [UInt8]) -> [UInt8] {
        digest(of: bytes.span)
    }

    /// Returns the 32 bytes of the digest of `bytes`.
    public static func digest(of bytes: Span<UInt8>) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: byteCount)
        // SAFETY: the digest has the 32 bytes that COpenSSL writes; the input is only read during the call.
        unsafe bytes.withUnsafeBufferPointer { input in
            _ = unsafe COpenSSL.SHA256(input.baseAddress, input.count, &digest)
        }
        return digest
    }

    /// Returns the digest of the UTF-8 of `text`.
    public static func digest(of text: String) -> [UInt8] {
        digest(of: Array(text.utf8))
    }
}

/// The keyed hash HMAC-SHA-256 (RFC 2104).
public enum HMACSHA256 {
    /// Returns the 32 bytes of the code of `message` under `key`.
    public static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        // SAFETY: the hash is a constant of the library.
        unsafe KeyedHash.code(EVP_sha256(), byteCount: SHA256.byteCount, of: message, key: key)
    }
}

/// The keyed hash HMAC-SHA-1 (RFC 2104), as STUN and SRTP have it.
public enum HMACSHA1 {
    /// The length of a code.
    public static let byteCount = 20

    /// Returns the 20 bytes of the code of `message` under `key`.
    public static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        // SAFETY: the hash is a constant of the library.
        unsafe KeyedHash.code(EVP_sha1(), byteCount: byteCount, of: message, key: key)
    }
}

private enum KeyedHash {
    static func code(_ hash: OpaquePointer?, byteCount: Int, of message: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: byteCount)
        var count: CUnsignedInt = 0
        // SAFETY: the code has as many bytes as the hash gives; key and message are read during the call.
        let result = unsafe HMAC(hash, key, CInt(clamping: key.count), message, message.count, &code, &count)
        unsafe precondition(result != nil && Int(count) == byteCount, "every OpenSSL has this keyed hash")
        return code
    }
}

/// Comparison whose time tells nothing about where two secrets differ.
public enum ConstantTime {
    /// Whether both have the same bytes; only the lengths influence the time.
    public static func equal(_ first: [UInt8], _ second: [UInt8]) -> Bool {
        guard first.count == second.count else { return false }
        // SAFETY: both arrays hold as many bytes as are compared.
        return unsafe CRYPTO_memcmp(first, second, first.count) == 0
    }
}

/// The answer that proves a WebSocket handshake was understood (RFC 6455 §4.2.2).
public enum WebSocketAccept {
    private static let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// Returns the `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`.
    public static func value(forKey key: String) -> String {
        let message = Array((key + suffix).utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        // SAFETY: the digest has the 20 bytes that SHA-1 gives; the message is only read during the call.
        _ = unsafe SHA1(message, message.count, &digest)
        return Base64.encode(digest)
    }
}
