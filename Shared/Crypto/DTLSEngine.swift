import COpenSSL

/// Either side of one DTLS 1.2 handshake for SRTP (RFC 5764), without a socket.
///
/// Datagrams go in by ``receive(_:)``, and every call returns the datagrams to send. The engine's retransmission
/// timer runs on the system's clock: ``timeout`` says when to call ``handleTimeout()``.
@safe public struct DTLSEngine: ~Copyable, @unchecked Sendable {
    /// Which side of the handshake.
    public enum Role: Sendable, Equatable {
        /// Waits for the peer's hello (`a=setup:passive`).
        case server
        /// Says hello (`a=setup:active`).
        case client
    }

    /// Where the connection stands.
    public enum State: Sendable, Equatable {
        /// The handshake goes on.
        case handshaking
        /// The handshake is done; the keys can be asked for.
        case open
        /// The peer said goodbye.
        case closedByPeer
        /// The peer broke the protocol or refused; datagrams still to be sent hold the alert.
        case failed(code: UInt)
    }

    /// The longest datagram that a handshake sends, in bytes.
    public static let datagramByteLimit = 1200
    /// The first retransmission comes after this, each later one after twice the time before, up to the limit.
    public static let firstTimeout = Duration.milliseconds(100)
    /// The longest time between two retransmissions.
    public static let longestTimeout = Duration.seconds(2)

    // SAFETY: the struct owns the SSL, which owns the BIO, which points to `port`, kept alive by the struct; being
    // ~Copyable it is used by one owner at a time and freed once.
    private let connection: OpaquePointer
    private let port: DatagramPort
    private let role: Role
    /// Where the connection stands.
    public private(set) var state = State.handshaking

    /// Creates one side with the process's certificate.
    public init(_ identity: DTLSIdentity, role: Role) {
        // SAFETY: both are checked; the SSL takes over the BIO, whose data is kept alive by this struct.
        guard let connection = unsafe SSL_new(identity.context), let bio = unsafe BIO_new(DatagramPort.method)
        else {
            preconditionFailure("no memory for a DTLS connection")
        }
        port = DatagramPort()
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(port).toOpaque())
        unsafe SSL_set_bio(connection, bio, bio)
        _ = unsafe martlet_dtls_set_mtu(connection, Self.datagramByteLimit)
        unsafe DTLS_set_timer_cb(connection) { DTLSEngine.nextTimeout(after: $1) }
        switch role {
        case .server: unsafe SSL_set_accept_state(connection)
        case .client: unsafe SSL_set_connect_state(connection)
        }
        unsafe self.connection = unsafe connection
        self.role = role
    }

    deinit {
        // SAFETY: frees the BIO with it.
        unsafe SSL_free(connection)
    }

    /// Says hello as a client; a server waits for the peer's.
    public mutating func start() -> [[UInt8]] {
        guard role == .client, state == .handshaking else { return [] }
        advance()
        return port.take()
    }

    /// Takes one datagram from the peer and returns those to send.
    ///
    /// Application data is dropped: media does not travel in DTLS.
    public mutating func receive(_ datagram: UnsafeRawBufferPointer) -> [[UInt8]] {
        guard state == .handshaking || state == .open, unsafe !datagram.isEmpty else { return [] }
        // SAFETY: the port forgets the pointer before this call returns.
        unsafe port.incoming = unsafe datagram
        if state == .open { unsafe SSL_alloc_buffers(connection) }
        advance()
        unsafe port.incoming = nil
        if state == .open { unsafe SSL_free_buffers(connection) }
        return port.take()
    }

    /// How long until ``handleTimeout()`` must be called, or `nil` where no timer runs.
    public var timeout: Duration? {
        guard state == .handshaking else { return nil }
        // SAFETY: asks a living connection.
        let microseconds = unsafe martlet_dtls_timeout(connection)
        return microseconds < 0 ? nil : .microseconds(microseconds)
    }

    /// Sends the last flight again if its time has come.
    public mutating func handleTimeout() -> [[UInt8]] {
        guard state == .handshaking else { return [] }
        ERR_clear_error()
        // SAFETY: a living connection; it writes to the port only.
        if unsafe martlet_dtls_handle_timeout(connection) < 0 { noteFailure(result: -1) }
        return port.take()
    }

    /// The SHA-256 of the peer's certificate, once it has shown one.
    public var peerFingerprint: CertificateFingerprint? {
        // SAFETY: the certificate is a reference of our own and freed here.
        guard let certificate = unsafe martlet_peer_certificate(connection) else { return nil }
        defer { unsafe X509_free(certificate) }
        return unsafe DTLSIdentity.fingerprint(of: certificate)
    }

    /// Returns the keys for SRTP, but only to who knows the peer's certificate.
    ///
    /// - Returns: `nil` before the handshake is done, where no profile was agreed on, and where the peer's
    ///   certificate is none of `expected`.
    public func keys(ifPeerIs expected: [CertificateFingerprint]) -> SRTPKeyingMaterial? {
        guard state == .open, let profile, let peer = peerFingerprint, expected.contains(peer) else {
            return nil
        }
        let length = SRTPKeyingMaterial.keyByteCount
        let salt = profile.saltByteCount
        var material = [UInt8](repeating: 0, count: 2 * (length + salt))
        let label = "EXTRACTOR-dtls_srtp"
        // SAFETY: the array has as many bytes as are asked for; the label is read within its length.
        let code = unsafe SSL_export_keying_material(
            connection,
            &material,
            material.count,
            label,
            label.utf8.count,
            nil,
            0,
            0
        )
        guard code == 1 else { return nil }
        // RFC 5764 §4.2: client key, server key, client salt, server salt.
        let salts = material[(2 * length)...]
        let client = SRTPMasterKey(key: Array(material[..<length]), salt: Array(salts.prefix(salt)))
        let server = SRTPMasterKey(key: Array(material[length..<2 * length]), salt: Array(salts.suffix(salt)))
        let isServer = role == .server
        return SRTPKeyingMaterial(
            profile: profile,
            local: isServer ? server : client,
            remote: isServer ? client : server
        )
    }

    /// Says goodbye.
    public mutating func close() -> [[UInt8]] {
        guard state == .open else { return [] }
        ERR_clear_error()
        unsafe SSL_alloc_buffers(connection)
        unsafe _ = SSL_shutdown(connection)
        state = .closedByPeer
        return port.take()
    }

    private var profile: SRTPProfile? {
        // SAFETY: the profile lies in a static table of the library.
        guard let selected = unsafe SSL_get_selected_srtp_profile(connection) else { return nil }
        return unsafe SRTPProfile(rawValue: UInt16(clamping: selected.pointee.id))
    }

    private mutating func advance() {
        ERR_clear_error()
        if state == .handshaking {
            // SAFETY: a living connection; it reads and writes the port only.
            let result = unsafe SSL_do_handshake(connection)
            guard result == 1 else { return noteFailure(result: result) }
            state = .open
        }
        drainApplicationData()
    }

    /// Reading also answers a peer that did not get our last flight.
    private mutating func drainApplicationData() {
        // SAFETY: the library writes at most as many bytes as the buffer has.
        unsafe withUnsafeTemporaryAllocation(byteCount: 2048, alignment: 1) { buffer in
            for _ in 0..<8 {
                let count = unsafe SSL_read(connection, buffer.baseAddress, CInt(buffer.count))
                guard count > 0 else { return noteFailure(result: count) }
            }
        }
    }

    private mutating func noteFailure(result: CInt) {
        // SAFETY: asks a living connection about its last call.
        switch unsafe SSL_get_error(connection, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: break
        case SSL_ERROR_ZERO_RETURN: state = .closedByPeer
        default: state = .failed(code: UInt(ERR_get_error()))
        }
    }

    private static func nextTimeout(after last: CUnsignedInt) -> CUnsignedInt {
        let first = CUnsignedInt(firstTimeout / .microseconds(1))
        let longest = CUnsignedInt(longestTimeout / .microseconds(1))
        return last == 0 ? first : min(last &* 2, longest)
    }
}

/// One direction's secret from which session keys are derived.
public struct SRTPMasterKey: Sendable, Equatable {
    /// 16 bytes.
    public var key: [UInt8]
    /// As many bytes as the profile says.
    public var salt: [UInt8]

    /// Creates a master key from its parts.
    public init(key: [UInt8], salt: [UInt8]) {
        self.key = key
        self.salt = salt
    }
}

/// What a handshake agreed on for SRTP.
public struct SRTPKeyingMaterial: Sendable, Equatable {
    /// The length of a master key.
    public static let keyByteCount = 16
    /// How packets are protected.
    public var profile: SRTPProfile
    /// For what we send.
    public var local: SRTPMasterKey
    /// For what the peer sends.
    public var remote: SRTPMasterKey

    /// Creates keying material from its parts.
    public init(profile: SRTPProfile, local: SRTPMasterKey, remote: SRTPMasterKey) {
        self.profile = profile
        self.local = local
        self.remote = remote
    }
}

/// Where a DTLS connection reads and writes: one read is one datagram and one write is one datagram.
///
/// A memory BIO would glue the datagrams of a flight together.
@safe private final class DatagramPort {
    var incoming: UnsafeRawBufferPointer?
    private var outgoing: [[UInt8]] = []

    /// What a flight may hold before the rest is dropped, which the peer's timer repairs.
    private static let datagramLimit = 16
    // BIO_TYPE_SOURCE_SINK and the commands of BIO_ctrl, which are macros that take part in expressions.
    private static let sourceSink: CInt = 0x0400
    private static let flush: CInt = 11
    private static let queryMTU: CInt = 40
    private static let setNextTimeout: CInt = 45
    private static let fallbackMTU: CInt = 47
    private static let overhead: CInt = 49

    func take() -> [[UInt8]] {
        defer { outgoing = [] }
        return outgoing
    }

    private func write(_ bytes: UnsafeRawBufferPointer) {
        if outgoing.count < Self.datagramLimit { unsafe outgoing.append(Array(bytes)) }
    }

    private func read(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        // SAFETY: both buffers are valid for the call, and no more is copied than either holds.
        guard let datagram = unsafe incoming else { return nil }
        unsafe incoming = nil
        let count = min(datagram.count, buffer.count)
        unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: datagram[..<count]))
        return count
    }

    private static func of(_ bio: OpaquePointer?) -> DatagramPort? {
        // SAFETY: the data is the port that the engine set and keeps alive.
        unsafe BIO_get_data(bio).map { unsafe Unmanaged<DatagramPort>.fromOpaque($0).takeUnretainedValue() }
    }

    // SAFETY: the table is made once, before any connection, and never changed; the C functions below pass
    // the pointers and counts of the library on.
    nonisolated(unsafe) static let method: OpaquePointer? = {
        guard let method = unsafe BIO_meth_new(BIO_get_new_index() | sourceSink, "datagram port") else {
            return nil
        }
        unsafe BIO_meth_set_create(method) { bio in
            unsafe BIO_set_init(bio, 1)
            return 1
        }
        unsafe BIO_meth_set_destroy(method) { _ in 1 }
        unsafe BIO_meth_set_write(method) { bio, bytes, count in
            unsafe of(bio)?.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
            return count
        }
        unsafe BIO_meth_set_read(method) { bio, bytes, count in
            unsafe martlet_bio_clear_retry(bio)
            let buffer = unsafe UnsafeMutableRawBufferPointer(start: bytes, count: Int(count))
            guard let read = unsafe of(bio)?.read(into: buffer) else {
                unsafe martlet_bio_retry_read(bio)
                return -1
            }
            return CInt(clamping: read)
        }
        unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in
            switch command {
            case flush, setNextTimeout: 1
            case queryMTU, fallbackMTU: DTLSEngine.datagramByteLimit
            case overhead: 28
            default: 0
            }
        }
        return unsafe method
    }()
}
