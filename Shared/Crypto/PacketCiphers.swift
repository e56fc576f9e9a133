import COpenSSL

/// A key of AES-128-GCM (NIST SP 800-38D) with 12-byte nonces and 16-byte tags, used packet after packet.
///
/// After `init` nothing is allocated. One key serves one thread.
@safe public struct AES128GCM: ~Copyable, @unchecked Sendable {
    /// The length of a key.
    public static let keyByteCount = 16
    /// The length of a nonce.
    public static let nonceByteCount = 12
    /// The length of a tag.
    public static let tagByteCount = 16

    // SAFETY: the struct owns the context; being ~Copyable it is used by one owner at a time and freed once.
    private let context: OpaquePointer

    /// Creates the cipher for a key of 16 bytes.
    public init(key: [UInt8]) {
        precondition(key.count == Self.keyByteCount, "AES-128 has keys of 16 bytes")
        unsafe context = unsafe CipherContext.make(CipherContext.gcm, key: key)
    }

    deinit {
        // SAFETY: freed once; OpenSSL wipes the key.
        unsafe EVP_CIPHER_CTX_free(context)
    }

    /// Encrypts `body` in place and writes the 16-byte tag over `header` and `body` to `tag`.
    ///
    /// - Parameter nonce: 12 bytes, which must not repeat for another message under this key.
    /// - Returns: `false` where the library refuses, which it has no reason to.
    @inline(__always)
    @unsafe public borrowing func seal(
        _ body: UnsafeMutableRawBufferPointer,
        header: UnsafeRawBufferPointer,
        nonce: UnsafeRawPointer,
        tag: UnsafeMutableRawPointer
    ) -> Bool {
        guard unsafe pass(body, header: header, nonce: nonce, isSealing: 1), end() else { return false }
        let length = CInt(Self.tagByteCount)
        // SAFETY: the tag has room for its length.
        return unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, length, tag) == 1
    }

    /// Decrypts `body` in place; what is in it is worthless unless the result is `true`.
    ///
    /// - Returns: Whether `tag` is that of `header` and `body`.
    @inline(__always)
    @unsafe public borrowing func open(
        _ body: UnsafeMutableRawBufferPointer,
        header: UnsafeRawBufferPointer,
        nonce: UnsafeRawPointer,
        tag: UnsafeMutableRawPointer
    ) -> Bool {
        guard unsafe pass(body, header: header, nonce: nonce, isSealing: 0) else { return false }
        let length = CInt(Self.tagByteCount)
        // SAFETY: the tag has its length.
        return unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, length, tag) == 1 && end()
    }

    /// Authenticates `header` and passes `body` through the cipher, in place.
    @inline(__always)
    private borrowing func pass(
        _ body: UnsafeMutableRawBufferPointer,
        header: UnsafeRawBufferPointer,
        nonce: UnsafeRawPointer,
        isSealing: CInt
    ) -> Bool {
        // SAFETY: every pointer is the caller's and valid for its count; GCM writes as many bytes as it reads.
        let iv = unsafe nonce.assumingMemoryBound(to: UInt8.self)
        let head = unsafe header.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let bytes = unsafe body.baseAddress?.assumingMemoryBound(to: UInt8.self)
        return unsafe EVP_CipherInit_ex(context, nil, nil, nil, iv, isSealing) == 1
            && (header.isEmpty || EVP_Cipher(context, nil, head, CUnsignedInt(clamping: header.count)) >= 0)
            && (body.isEmpty || EVP_Cipher(context, bytes, bytes, CUnsignedInt(clamping: body.count)) >= 0)
    }

    /// Ends a message: makes its tag, or compares it.
    @inline(__always)
    private borrowing func end() -> Bool {
        // SAFETY: without an input the library writes nothing.
        unsafe EVP_Cipher(context, nil, nil, 0) >= 0
    }
}

/// A key of AES-128 in counter mode, used packet after packet.
///
/// After `init` nothing is allocated. One key serves one thread.
@safe public struct AES128CTR: ~Copyable, @unchecked Sendable {
    /// The length of a key.
    public static let keyByteCount = 16
    /// The length of the first counter block.
    public static let counterByteCount = 16

    // SAFETY: the struct owns the context; being ~Copyable it is used by one owner at a time and freed once.
    private let context: OpaquePointer

    /// Creates the cipher for a key of 16 bytes.
    public init(key: [UInt8]) {
        precondition(key.count == Self.keyByteCount, "AES-128 has keys of 16 bytes")
        unsafe context = unsafe CipherContext.make(CipherContext.counter, key: key)
    }

    deinit {
        // SAFETY: freed once; OpenSSL wipes the key.
        unsafe EVP_CIPHER_CTX_free(context)
    }

    /// Encrypts or decrypts `body` in place, beginning at the 16-byte block `counter`.
    ///
    /// - Returns: `false` where the library refuses, which it has no reason to.
    @inline(__always)
    @unsafe public borrowing func apply(
        to body: UnsafeMutableRawBufferPointer,
        counter: UnsafeRawPointer
    ) -> Bool {
        guard unsafe !body.isEmpty else { return true }
        // SAFETY: every pointer is the caller's; counter mode writes as many bytes as it reads.
        let iv = unsafe counter.assumingMemoryBound(to: UInt8.self)
        let bytes = unsafe body.baseAddress?.assumingMemoryBound(to: UInt8.self)
        var count: CInt = 0
        return unsafe EVP_EncryptInit_ex(context, nil, nil, nil, iv) == 1
            && EVP_EncryptUpdate(context, bytes, &count, bytes, CInt(clamping: body.count)) == 1
    }

    /// Returns the first `count` bytes of the key stream that begins at the 16-byte block `counter`.
    public borrowing func keyStream(count: Int, counter: [UInt8]) -> [UInt8] {
        precondition(counter.count == Self.counterByteCount, "a counter block has 16 bytes")
        var stream = [UInt8](repeating: 0, count: count)
        // SAFETY: both arrays live for the calls.
        let applied = unsafe stream.withUnsafeMutableBytes { stream in
            unsafe counter.withUnsafeBytes { counter in
                guard let first = counter.baseAddress else { return false }
                return unsafe apply(to: stream, counter: first)
            }
        }
        precondition(applied, "AES in counter mode is part of every OpenSSL")
        return stream
    }
}

/// A key of HMAC-SHA-1 (RFC 2104), used packet after packet without allocation.
public struct HMACSHA1Key: Sendable {
    /// The length of a whole code.
    public static let byteCount = 20
    /// The longest key, which is one block of the hash.
    public static let keyByteLimit = 64

    private var state = martlet_hmac_sha1()

    /// Creates the code for a key of at most 64 bytes.
    public init(key: [UInt8]) {
        precondition(key.count <= Self.keyByteLimit, "longer keys are not needed")
        // SAFETY: reads the key within its length and writes the state.
        unsafe martlet_hmac_sha1_begin(&state, key, key.count)
    }

    /// Writes the 20 bytes of the code of `first` followed by `second` to `code`.
    @inline(__always)
    @unsafe public func write(
        to code: UnsafeMutableRawPointer,
        of first: UnsafeRawBufferPointer,
        then second: UnsafeRawBufferPointer
    ) {
        // SAFETY: the library reads within the counts and writes 20 bytes to the caller's memory.
        unsafe withUnsafePointer(to: state) { state in
            let bytes = unsafe code.assumingMemoryBound(to: UInt8.self)
            unsafe martlet_hmac_sha1_code(
                state,
                first.baseAddress,
                first.count,
                second.baseAddress,
                second.count,
                bytes
            )
        }
    }
}

enum CipherContext {
    // SAFETY: made once, never changed and never freed.
    nonisolated(unsafe) static let gcm = unsafe martlet_direct_cipher(EVP_aes_128_gcm())
    nonisolated(unsafe) static let counter = unsafe martlet_direct_cipher(EVP_aes_128_ctr())

    /// Makes a context that keeps its key; only the nonce is set per message.
    static func make(_ cipher: OpaquePointer?, key: [UInt8]) -> OpaquePointer {
        // SAFETY: the key is read during the call; the caller owns the context.
        guard let context = unsafe EVP_CIPHER_CTX_new(),
            unsafe EVP_CipherInit_ex(context, cipher, nil, key, nil, 1) == 1
        else { preconditionFailure("no memory for a cipher") }
        return unsafe context
    }
}
