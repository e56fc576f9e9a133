import Crypto
public import ICE
import Reactor
import SRTP
import Sockets

/// ICE, DTLS and SRTP with one peer: what lies between its packets on the wire and plain RTP.
///
/// Bound to its endpoint's loop. It is made by ``WebRTCEndpoint/makeTransport(_:observer:)`` and lives until it is
/// closed by either side or by a time-out.
public final class PeerTransport {
    /// Ways remembered for the demultiplexer beyond those that ICE remembers.
    static let addressLimit = 16
    /// Reports of the peer that are listened to; browsers send fewer than fifty a second.
    private static let reportsPerSecond = 200

    /// Where the transport stands.
    public internal(set) var state = State.checking
    /// What has been counted.
    public internal(set) var statistics = PeerStatistics()
    /// When the transport was made, in nanoseconds of the loop's clock.
    public let created: UInt64

    let endpoint: WebRTCEndpoint
    var agent: ICEAgent
    var engine: DTLSEngine
    let configuration: Configuration
    var observer: (any PeerTransportObserver)?
    var sender: SRTPSender?
    var receiver: SRTPReceiver?
    /// Where datagrams go, unless they go by `connection`.
    var address: DatagramAddress? { didSet { port = address.flatMap(endpoint.datagramPort) } }
    /// The socket that they leave by; any, where they go by `connection`.
    private(set) var port: DatagramPort?
    var connection: FrameConnection?
    var knownAddresses: [DatagramAddress] = []
    /// The ways by which the peer can have got what its part of the handshake answers.
    var handshakePairs: Set<CandidatePair> = []
    var handshakeBegan: UInt64 = 0
    var flightSent: UInt64 = 0
    var reports = RateBudget(perSecond: reportsPerSecond, burst: 2 * reportsPerSecond)

    init(
        _ configuration: Configuration,
        credentials: ICECredentials,
        endpoint: WebRTCEndpoint,
        observer: any PeerTransportObserver
    ) {
        created = EventLoop.now
        self.configuration = configuration
        self.endpoint = endpoint
        self.observer = observer
        engine = DTLSEngine(endpoint.identity, role: configuration.role)
        agent = ICEAgent(
            local: credentials,
            remote: configuration.remote,
            limits: configuration.iceLimits,
            now: created
        )
    }

    /// The newest local ICE credentials, for our description.
    public var credentials: ICECredentials { agent.credentials }

    /// The way that packets go, once one is known.
    public var selectedPair: CandidatePair? { agent.selectedPair }

    /// Says goodbye and closes.
    public func close() {
        close(.closedLocally)
    }

    // MARK: Time

    /// Whether the handshake still needs ``tickHandshake(now:)``.
    var isHandshaking: Bool { state == .handshaking }

    func tickHandshake(now: UInt64) {
        guard state == .handshaking else { return }
        if now &- handshakeBegan > configuration.handshakeTimeout.nanoseconds {
            return close(.handshakeTimedOut)
        }
        tick(now: now)
        guard let timeout = engine.timeout, timeout <= .zero else { return }
        sendDTLS(engine.handleTimeout())
        noteEngine()
    }

    // MARK: The end

    func close(_ reason: CloseReason) {
        if case .closed = state { return }
        for datagram in engine.close() { send(datagram) }
        state = .closed(reason)
        let observer = observer
        self.observer = nil
        sender = nil
        receiver = nil
        connection = nil
        for fragment in agent.fragments { endpoint.unregister(self, fragment: fragment) }
        for address in knownAddresses { endpoint.unregister(self, address: address) }
        knownAddresses = []
        handshakePairs = []
        endpoint.forget(self, reason)
        observer?.transportDidClose(self, reason)
    }
}
