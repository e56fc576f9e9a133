/// An offer (RFC 3264) with the meaning that WebRTC gives it.
public struct SDPOffer: Equatable, Sendable {
    /// The sections in order.
    public var media: [MediaOffer]
    /// The tags of the sections that share one transport.
    public var bundle: [String]
    /// Whether the offerer is an ICE-lite agent, which could not reach us.
    public var isLite: Bool

    /// Why a description cannot be offered to us.
    public enum Failure: Error, Equatable {
        /// The text is no description.
        case malformed(SDPDocument.Failure)
        /// It has no section.
        case noMedia
        /// Sections that carry media do not share one transport.
        case notBundled
        /// A section has no credentials of ICE.
        case noCredentials
        /// No fingerprint by SHA-256.
        case noFingerprint
        /// The offerer wants to be the server of DTLS, as we do.
        case wrongSetup
        /// RTCP would need a port of its own.
        case noRTCPMux
        /// The offerer is ICE-lite too.
        case isLite
    }

    /// Reads an offer and checks that its transport can be ours.
    public init(_ text: String) throws(Failure) {
        let document: SDPDocument
        do throws(SDPDocument.Failure) {
            document = try SDPDocument(text)
        } catch {
            throw .malformed(error)
        }
        media = document.media.map { MediaOffer($0, session: document.attributes) }
        bundle = Self.bundle(in: document.attributes)
        isLite = document.attributes.has("ice-lite")
        try checkTransport()
    }

    /// The credentials, the fingerprint and the candidates of the one transport.
    public var transport: TransportOffer? {
        let first = bundle.lazy.compactMap { tag in media.first { $0.mid == tag } }.first
        return (first ?? active.first)?.transport
    }

    /// The sections that the offerer has not switched off.
    private var active: [MediaOffer] { media.filter { !$0.isRejected } }

    private static func bundle(in attributes: [SDPDocument.Attribute]) -> [String] {
        for value in attributes.values(of: "group") {
            let fields = value.words
            if fields.first == "BUNDLE" { return fields.dropFirst().map(String.init) }
        }
        return []
    }

    private func checkTransport() throws(Failure) {
        guard !active.isEmpty, let transport else { throw .noMedia }
        let isBundled = active.count == 1 || active.allSatisfy { $0.mid.map(bundle.contains) ?? false }
        guard isBundled else { throw .notBundled }
        guard !isLite else { throw .isLite }
        guard transport.fragment != nil, transport.password != nil else { throw .noCredentials }
        guard transport.sha256 != nil else { throw .noFingerprint }
        guard transport.setup == .actpass || transport.setup == .active else { throw .wrongSetup }
        guard active.allSatisfy({ $0.allowsRTCPMux || $0.kind == .other }) else { throw .noRTCPMux }
    }
}
