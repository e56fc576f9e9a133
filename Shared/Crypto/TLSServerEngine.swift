import COpenSSL

/// The server's side of one TLS connection (1.2 and 1.3), without a socket.
///
/// Ciphertext goes in by ``receive(_:)``, and every call returns what to deliver and what to send.
@safe public struct TLSServerEngine: ~Copyable, @unchecked Sendable {
    /// How a connection ended.
    public enum End: Sendable, Equatable {
        /// The peer said goodbye.
        case closedByPeer
        /// The peer broke the protocol; the last ciphertext holds the alert.
        case failed(code: UInt)
    }

    /// What one call produced.
    public struct Progress: Sendable, Equatable {
        /// Decrypted bytes, in order.
        public var plaintext: [UInt8] = []
        /// Bytes to send to the peer, in order.
        public var ciphertext: [UInt8] = []
        /// Set once the connection has ended; send `ciphertext`, then close.
        public var end: End?
    }

    // SAFETY: the struct owns the SSL, which owns both memory BIOs; being ~Copyable it is used by one
    // owner at a time and freed once.
    private let connection: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private var end: End?
    private static let readByteCount = 16 * 1024

    /// Creates the side that waits for a client's hello.
    public init(_ identity: TLSIdentity) {
        self.init(identity, isServer: true)
    }

    package init(client identity: TLSIdentity) {
        self.init(identity, isServer: false)
    }

    private init(_ identity: TLSIdentity, isServer: Bool) {
        // SAFETY: all three are checked; the SSL takes over both BIOs.
        guard let connection = unsafe SSL_new(identity.context), let incoming = unsafe BIO_new(BIO_s_mem()),
            let outgoing = unsafe BIO_new(BIO_s_mem())
        else { preconditionFailure("no memory for a TLS connection") }
        unsafe _ = martlet_bio_eof_is_retry(incoming)
        unsafe SSL_set_bio(connection, incoming, outgoing)
        if isServer {
            unsafe SSL_set_accept_state(connection)
        } else {
            unsafe SSL_set_connect_state(connection)
        }
        unsafe self.connection = unsafe connection
        unsafe self.incoming = unsafe incoming
        unsafe self.outgoing = unsafe outgoing
    }

    deinit {
        // SAFETY: frees the BIOs with it.
        unsafe SSL_free(connection)
    }

    /// Whether the handshake is done, so that plaintext can be sent.
    public var isOpen: Bool {
        // SAFETY: reads the state of a living connection.
        unsafe SSL_is_init_finished(connection) == 1 && end == nil
    }

    /// Takes bytes from the peer, of any length.
    public mutating func receive(_ ciphertext: Span<UInt8>) -> Progress {
        guard end == nil else { return Progress(end: end) }
        // SAFETY: the memory BIO copies the bytes during the call.
        unsafe ciphertext.withUnsafeBufferPointer { bytes in
            _ = unsafe BIO_write(incoming, bytes.baseAddress, CInt(clamping: bytes.count))
        }
        return advance()
    }

    /// Starts the handshake of a client; a server's begins with the peer's first bytes.
    package mutating func start() -> Progress { advance() }

    /// Encrypts `plaintext`; it must not be called before ``isOpen``.
    public mutating func send(_ plaintext: Span<UInt8>) -> Progress {
        guard isOpen, !plaintext.isEmpty else { return Progress(end: end) }
        ERR_clear_error()
        var offset = 0
        while offset < plaintext.count {
            // SAFETY: the library reads the plaintext during the call; a memory BIO never blocks.
            let count = unsafe plaintext.extracting(offset...).withUnsafeBufferPointer { rest in
                unsafe SSL_write(connection, rest.baseAddress, CInt(clamping: rest.count))
            }
            guard count > 0 else {
                noteFailure(result: count)
                break
            }
            offset += Int(count)
        }
        return Progress(ciphertext: takeOutgoing(), end: end)
    }

    /// Says goodbye; the connection must be closed once the ciphertext is sent.
    public mutating func close() -> Progress {
        if isOpen {
            ERR_clear_error()
            unsafe _ = SSL_shutdown(connection)
        }
        return Progress(ciphertext: takeOutgoing(), end: end)
    }

    private mutating func advance() -> Progress {
        var progress = Progress()
        var chunk = [UInt8](repeating: 0, count: Self.readByteCount)
        ERR_clear_error()
        while end == nil {
            // SAFETY: the library writes at most as many bytes as the chunk has.
            let count = unsafe SSL_read(connection, &chunk, CInt(chunk.count))
            guard count > 0 else {
                noteFailure(result: count)
                break
            }
            progress.plaintext += chunk[..<Int(count)]
        }
        progress.ciphertext = takeOutgoing()
        progress.end = end
        return progress
    }

    private mutating func noteFailure(result: CInt) {
        // SAFETY: asks a living connection about its last call.
        switch unsafe SSL_get_error(connection, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: break
        case SSL_ERROR_ZERO_RETURN: end = .closedByPeer
        default: end = .failed(code: UInt(ERR_get_error()))
        }
    }

    private func takeOutgoing() -> [UInt8] {
        // SAFETY: the array has room for what is pending, which is what is read.
        let count = unsafe BIO_ctrl_pending(outgoing)
        guard count > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        let read = unsafe BIO_read(outgoing, &bytes, CInt(clamping: count))
        if Int(read) < count { bytes.removeLast(count - max(0, Int(read))) }
        return bytes
    }
}
