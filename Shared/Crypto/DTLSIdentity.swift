import COpenSSL

/// How SRTP packets are protected (RFC 5764 §4.1.2, RFC 7714 §14.2).
public enum SRTPProfile: UInt16, Sendable, Equatable, CaseIterable {
    /// AES-128 in counter mode with HMAC-SHA-1 cut to 80 bits.
    case aes128CounterSHA1 = 0x0001
    /// AES-128-GCM with 16-byte tags.
    case aes128GCM = 0x0007

    /// The length of a master salt.
    public var saltByteCount: Int { self == .aes128GCM ? 12 : 14 }

    var opensslName: String {
        switch self {
        case .aes128CounterSHA1: "SRTP_AES128_CM_SHA1_80"
        case .aes128GCM: "SRTP_AEAD_AES_128_GCM"
        }
    }
}

/// The SHA-256 of a certificate, as session descriptions carry it (RFC 8122 §5).
public struct CertificateFingerprint: Sendable, Hashable, CustomStringConvertible {
    /// The 32 bytes.
    public let bytes: [UInt8]

    /// Creates a fingerprint from its 32 bytes; `nil` for another length.
    public init?(bytes: [UInt8]) {
        guard bytes.count == SHA256.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Reads `AB:CD:…` with 32 pairs of either case.
    public init?(_ text: some StringProtocol) {
        let pairs = text.split(separator: ":", omittingEmptySubsequences: false)
        guard pairs.count == SHA256.byteCount, pairs.allSatisfy({ $0.utf8.count == 2 }) else { return nil }
        let bytes = pairs.compactMap { $0.contains("+") ? nil : UInt8($0, radix: 16) }
        self.init(bytes: bytes)
    }

    /// The fingerprint as `AB:CD:…`.
    public var description: String {
        let digits = Array("0123456789ABCDEF".utf8)
        let pairs = bytes.map { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: Array(pairs.joined(separator: [UInt8(ascii: ":")])), as: UTF8.self)
    }
}

/// A self-signed certificate (ECDSA, P-256) with its key, made for this process and shared by its DTLS connections.
@safe public final class DTLSIdentity: @unchecked Sendable {
    // SAFETY: an SSL_CTX is not changed after `init`, and making connections from it is thread-safe.
    let context: OpaquePointer
    /// What the peer is told to expect.
    public let fingerprint: CertificateFingerprint

    // The peer never checks the dates, since it knows the certificate by its fingerprint; a process may run long.
    private static let validitySeconds = 10 * 365 * 86_400
    private static let ciphers = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ].joined(separator: ":")

    /// Makes a certificate; connections offer or choose `profiles`, the best first.
    public init(profiles: [SRTPProfile] = [.aes128GCM, .aes128CounterSHA1]) throws(TLSSetupFailure) {
        // SAFETY: the context is owned by this object; key and certificate are freed here, the context holds
        // references of its own.
        guard let context = unsafe SSL_CTX_new(DTLS_method()), let key = unsafe martlet_p256_key(),
            let certificate = unsafe Self.makeCertificate(for: key)
        else { throw .noContext }
        defer {
            unsafe EVP_PKEY_free(key)
            unsafe X509_free(certificate)
        }
        unsafe self.context = unsafe context
        guard let fingerprint = unsafe Self.fingerprint(of: certificate) else { throw .noContext }
        self.fingerprint = fingerprint
        guard unsafe martlet_dtls_restrict(context) == 1,
            unsafe SSL_CTX_use_certificate(context, certificate) == 1,
            unsafe SSL_CTX_use_PrivateKey(context, key) == 1,
            unsafe SSL_CTX_set_cipher_list(context, Self.ciphers) == 1
        else { throw .noContext }
        // Unlike its siblings this function answers 0 for success.
        let names = profiles.map(\.opensslName).joined(separator: ":")
        guard unsafe SSL_CTX_set_tlsext_use_srtp(context, names) == 0 else { throw .noContext }
        // Any certificate passes the handshake: the caller compares the fingerprint before it gets the keys.
        let mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        unsafe SSL_CTX_set_verify(context, mode) { _, _ in 1 }
    }

    deinit {
        // SAFETY: freed once; connections hold a reference of their own.
        unsafe SSL_CTX_free(context)
    }

    /// The SHA-256 of a certificate's DER.
    static func fingerprint(of certificate: OpaquePointer) -> CertificateFingerprint? {
        var digest = [UInt8](repeating: 0, count: SHA256.byteCount)
        var count = CUnsignedInt(digest.count)
        // SAFETY: the digest has the 32 bytes that SHA-256 gives.
        guard unsafe X509_digest(certificate, EVP_sha256(), &digest, &count) == 1 else { return nil }
        return CertificateFingerprint(bytes: digest)
    }

    private static func makeCertificate(for key: OpaquePointer) -> OpaquePointer? {
        // SAFETY: the certificate is living; the calls copy what they are given.
        guard let certificate = unsafe X509_new() else { return nil }
        let version = 2  // X.509 version 3
        let serial = Int.random(in: 1...Int(Int32.max))
        let name = unsafe X509_get_subject_name(certificate)
        guard unsafe X509_set_version(certificate, version) == 1,
            unsafe ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial) == 1,
            unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), -86_400) != nil,
            unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), validitySeconds) != nil,
            unsafe X509_set_pubkey(certificate, key) == 1,
            unsafe X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, "WebRTC", -1, -1, 0) == 1,
            unsafe X509_set_issuer_name(certificate, name) == 1,
            unsafe X509_sign(certificate, key, EVP_sha256()) > 0
        else {
            unsafe X509_free(certificate)
            return nil
        }
        return unsafe certificate
    }
}
