import COpenSSL

/// The keyed hash HMAC-SHA-1 (RFC 2104), as STUN and SRTP have it.
public enum HMACSHA1 {
    /// The length of a code.
    public static let byteCount = 20

    /// Returns the 20 bytes of the code of `message` under `key`.
    public static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: byteCount)
        var count: CUnsignedInt = 0
        // SAFETY: the code has the 20 bytes that SHA-1 gives; key and message are read during the call.
        let result = unsafe HMAC(
            EVP_sha1(),
            key,
            CInt(clamping: key.count),
            message,
            message.count,
            &code,
            &count
        )
        unsafe precondition(result != nil && count == 20, "HMAC-SHA-1 is part of every OpenSSL")
        return code
    }
}
