import Bytes
import COpenSSL

/// Bytes that nobody can guess.
public enum Randomness {
    /// Returns `count` bytes of the process's cryptographic generator.
    public static func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        // SAFETY: the array has room for `count` bytes and outlives the call.
        let code = unsafe RAND_bytes(&bytes, CInt(count))
        precondition(code == 1, "the system gives no random bytes")
        return bytes
    }

    /// Returns a new ID: 128 random bits as 26 characters of lower-case base32.
    public static func identifier() -> String {
        Base32.encode(bytes(16))
    }

    /// Returns a new secret for people to copy: 160 random bits as 32 characters of lower-case base32.
    public static func secret() -> String {
        Base32.encode(bytes(20))
    }
}
