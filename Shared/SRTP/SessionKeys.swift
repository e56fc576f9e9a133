package import Crypto

/// The keys of one direction of SRTP or SRTCP, derived from the master key (RFC 3711 §4.3, RFC 7714 §11).
package struct SessionKeys: Equatable {
    /// Which of both protocols the keys are for.
    package enum Purpose: Sendable {
        case rtp
        case rtcp
    }

    private static let authenticationKeyByteCount = 20
    private static let keyDerivationBlockByteCount = 16

    /// 16 bytes for AES.
    package var encryption: [UInt8]
    /// 20 bytes for HMAC-SHA-1.
    package var authentication: [UInt8]
    /// 12 or 14 bytes, as long as the master salt.
    package var salt: [UInt8]

    /// Takes keys that are session keys already, as test vectors give them.
    package init(encryption: [UInt8], authentication: [UInt8], salt: [UInt8]) {
        self.encryption = encryption
        self.authentication = authentication
        self.salt = salt
    }

    /// Derives the keys; the key derivation rate is zero, as everywhere.
    package init(_ master: SRTPMasterKey, purpose: Purpose) {
        let first: UInt8 = purpose == .rtp ? 0 : 3
        let function = AES128CTR(key: master.key)
        func derive(label: UInt8, count: Int) -> [UInt8] {
            var block =
                master.salt
                + [UInt8](
                    repeating: 0,
                    count: Self.keyDerivationBlockByteCount - master.salt.count
                )
            block[7] ^= label
            return function.keyStream(count: count, counter: block)
        }
        encryption = derive(label: first, count: AES128CTR.keyByteCount)
        authentication = derive(label: first + 1, count: Self.authenticationKeyByteCount)
        salt = derive(label: first + 2, count: master.salt.count)
    }
}
