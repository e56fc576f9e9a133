public import Crypto
public import ICE

/// Who is told what happens on a peer's transport; called on the endpoint's loop.
///
/// Packets are borrowed for the call. The transport keeps its observer until it is closed.
public protocol PeerTransportObserver: AnyObject {
    /// Packets can be sent from now on.
    func transportDidConnect(_ transport: PeerTransport)
    /// A genuine RTP packet has arrived, at `arrival` nanoseconds of the loop's clock.
    func transport(_ transport: PeerTransport, didReceiveRTP packet: Span<UInt8>, at arrival: UInt64)
    /// A genuine compound RTCP packet has arrived.
    func transport(_ transport: PeerTransport, didReceiveRTCP packet: Span<UInt8>, at arrival: UInt64)
    /// Nothing more will come or go; said once.
    func transportDidClose(_ transport: PeerTransport, _ reason: PeerTransport.CloseReason)
}

extension PeerTransport {
    /// What is known of a peer.
    public struct Configuration: Sendable {
        /// The peer's ICE credentials.
        public var remote: ICECredentials?
        /// The fingerprints of the peer's description, one of which its certificate must have.
        public var remoteFingerprints: [CertificateFingerprint]
        /// Our side of DTLS: the server, unless the peer insists on it (`a=setup:passive`).
        public var role = DTLSEngine.Role.server
        /// The limits of ICE.
        public var iceLimits = ICEAgent.Limits()
        /// From the first valid check to the end of the handshake.
        public var handshakeTimeout = Duration.seconds(15)

        /// Creates a configuration from a peer's description.
        public init(remote: ICECredentials?, remoteFingerprints: [CertificateFingerprint]) {
            self.remote = remote
            self.remoteFingerprints = remoteFingerprints
        }
    }

    /// Why a transport was closed.
    public enum CloseReason: Sendable, Equatable {
        /// We closed it.
        case closedLocally
        /// The peer said goodbye.
        case closedByPeer
        /// No valid check came: no candidate works, or the peer never tried.
        case neverConnected
        /// The checks have stopped.
        case consentExpired
        /// The handshake did not come to its end in time.
        case handshakeTimedOut
        /// The peer broke the protocol of DTLS or has no cipher in common with us.
        case handshakeFailed(code: UInt)
        /// The peer's certificate is not the one of its description, or it has no SRTP profile in common with us.
        case wrongCertificate
    }

    /// Where a transport stands.
    public enum State: Sendable, Equatable {
        /// No valid check yet.
        case checking
        /// A way is known, and DTLS goes on over it.
        case handshaking
        /// Packets go both ways.
        case connected
        /// The end.
        case closed(CloseReason)
    }
}
