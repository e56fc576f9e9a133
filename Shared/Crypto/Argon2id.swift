import CArgon2

/// The password hash Argon2id (RFC 9106).
///
/// Both functions block for tens of milliseconds of CPU: call them on a thread of their own, never on a loop.
public struct Argon2id: Sendable, Equatable {
    /// The ways hashing can fail.
    public enum Failure: Error, Equatable {
        /// The library refused with one of its codes, most likely for want of memory.
        case refused(code: CInt)
    }

    /// The memory of one hash.
    public var memoryKibibytes: UInt32
    /// How often the memory is passed over.
    public var passes: UInt32
    /// How many lanes the memory has; all are computed by the calling thread's process.
    public var lanes: UInt32

    /// The second recommended choice of RFC 9106 §4 (64 MiB, three passes), with one lane per hash.
    public static let recommended = Argon2id(memoryKibibytes: 64 * 1024, passes: 3, lanes: 1)

    private static let hashByteCount = 32
    private static let saltByteCount = 16
    /// The longest password that is looked at, in bytes.
    public static let passwordByteLimit = 1024

    /// Creates a hash with its cost.
    public init(memoryKibibytes: UInt32, passes: UInt32, lanes: UInt32) {
        self.memoryKibibytes = memoryKibibytes
        self.passes = passes
        self.lanes = lanes
    }

    /// Returns the hash of `password` with a new salt, in the PHC format `$argon2id$v=19$…`.
    public func hash(_ password: String) throws(Failure) -> String {
        let password = Array(password.utf8.prefix(Self.passwordByteLimit))
        let salt = Randomness.bytes(Self.saltByteCount)
        // SAFETY: the function only computes a length.
        let count = argon2_encodedlen(
            passes,
            memoryKibibytes,
            lanes,
            UInt32(Self.saltByteCount),
            UInt32(Self.hashByteCount),
            Argon2_id
        )
        var encoded = [CChar](repeating: 0, count: Int(count) + 1)
        // SAFETY: inputs are read and `encoded` is written within the lengths given.
        let code = unsafe argon2id_hash_encoded(
            passes,
            memoryKibibytes,
            lanes,
            password,
            password.count,
            salt,
            salt.count,
            Self.hashByteCount,
            &encoded,
            encoded.count
        )
        guard code == ARGON2_OK.rawValue else { throw .refused(code: code) }
        let text = encoded.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether `password` is the one that `hash`, in the PHC format, was made from.
    public static func verify(_ password: String, against hash: String) -> Bool {
        let password = Array(password.utf8.prefix(passwordByteLimit))
        // SAFETY: the hash is a C string and the password is read within its length.
        return unsafe argon2id_verify(hash, password, password.count) == ARGON2_OK.rawValue
    }
}
