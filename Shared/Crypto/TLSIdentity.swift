import COpenSSL

/// Why TLS could not be set up.
public enum TLSSetupFailure: Error, Equatable {
    /// OpenSSL gave no context.
    case noContext
    /// The certificate chain could not be read.
    case certificate(file: String)
    /// The private key could not be read.
    case key(file: String)
    /// The key is not the certificate's.
    case mismatch
}

/// A certificate chain with its key, shared by all connections of a listener.
@safe public final class TLSIdentity: @unchecked Sendable {
    // SAFETY: an SSL_CTX is not changed after `init`, and making connections from it is thread-safe.
    let context: OpaquePointer

    /// Reads a certificate chain and its key from PEM files.
    public init(certificateFile: String, keyFile: String) throws(TLSSetupFailure) {
        // SAFETY: the context is owned by this object; the calls read C strings during the call.
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else { throw .noContext }
        unsafe self.context = unsafe context
        guard unsafe martlet_tls_restrict(context) == 1 else { throw .noContext }
        guard unsafe SSL_CTX_use_certificate_chain_file(context, certificateFile) == 1 else {
            throw .certificate(file: certificateFile)
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(context, keyFile, SSL_FILETYPE_PEM) == 1 else {
            throw .key(file: keyFile)
        }
        guard unsafe SSL_CTX_check_private_key(context) == 1 else { throw .mismatch }
    }

    /// Creates the client's side for tests, which trusts any certificate.
    package init(trustingAnyServer: ()) throws(TLSSetupFailure) {
        // SAFETY: the context is owned by this object.
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else { throw .noContext }
        unsafe self.context = unsafe context
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
    }

    deinit {
        // SAFETY: freed once; connections hold a reference of their own.
        unsafe SSL_CTX_free(context)
    }
}
