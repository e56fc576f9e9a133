import Contracts
import Crypto
import ICE
import MediaBus
import Reactor
import SDP
import Telemetry
import WebRTC

/// One publisher by WebRTC: its transport, and the way of its media to the bus; confined to the loop of its server.
final class WHIPPublisher: PeerTransportObserver {
    /// What becomes of its transport by itself.
    enum Change {
        /// The peer has proven who it is; said once.
        case connected
        /// Nothing more comes; said once.
        case closed(PeerTransport.CloseReason)
    }

    /// What nobody can guess: the last part of the session's address.
    let id: String
    /// What carries its media to the bus.
    let carrier: PublisherToBus
    /// Changes with every restart of ICE.
    private(set) var entityTag = Randomness.identifier()
    /// The peer's ICE credentials.
    private(set) var remote: ICECredentials?
    /// ICE, DTLS and SRTP; set right after the creation, and gone at the end.
    var transport: PeerTransport?

    private var media: IncomingMedia
    private let section: TrickleFragment.Section?
    private let changed: (Change) -> Void

    /// Creates a publisher of what was negotiated.
    ///
    /// - Parameter changed: Called where the transport connects, and where it closes by itself.
    init(
        id: String,
        _ offer: SDPOffer,
        _ media: IncomingMedia,
        carrier: PublisherToBus,
        changed: @escaping (Change) -> Void
    ) {
        self.id = id
        self.media = media
        self.carrier = carrier
        self.changed = changed
        remote = ICECredentials(fragment: offer.transport?.fragment, password: offer.transport?.password)
        section = offer.media.first.map { TrickleFragment.Section(line: $0.line.fields, mid: $0.mid) }
    }

    // MARK: Media

    func transportDidConnect(_ transport: PeerTransport) {
        changed(.connected)
        if let roundTrip = transport.statistics.roundTrip { media.use(roundTrip: roundTrip) }
    }

    func transport(_ transport: PeerTransport, didReceiveRTP packet: Span<UInt8>, at arrival: UInt64) {
        media.receiveRTP(packet, now: arrival)
        pass(now: arrival)
    }

    func transport(_ transport: PeerTransport, didReceiveRTCP packet: Span<UInt8>, at arrival: UInt64) {
        media.receiveRTCP(packet, now: arrival)
    }

    func transportDidClose(_ transport: PeerTransport, _ reason: PeerTransport.CloseReason) {
        if reason != .closedLocally { changed(.closed(reason)) }
    }

    private func pass(now: UInt64) {
        let frames = media.takeFrames()
        guard !frames.isEmpty else { return }
        let wallClock = Timestamp.nowMicroseconds
        let age = media.age(at: now).map { $0 / 1000 }
        // A frame may be the last, where it makes the carrier end the publisher.
        for frame in frames where transport != nil {
            carrier.assumeIsolated { $0.take(frame, now: now, wallClock: wallClock, age: age) }
        }
    }

    /// Says goodbye to the peer; nothing more goes to the bus.
    func stop() {
        let last = transport
        transport = nil
        last?.close()
    }

    /// Gives up what was waited for too long, and tells the peer how its packets arrive.
    func tick(now: UInt64) {
        for packet in media.takeFeedback(now: now) { transport?.sendRTCP(packet.span) }
        pass(now: now)
    }

    /// Passes the requests of readers for keyframes on to the peer, as soon as that is allowed.
    func ask(_ requests: Set<KeyframeRequest>) { media.ask(requests) }

    // MARK: ICE

    /// Begins ICE anew with the peer's new credentials.
    ///
    /// - Returns: Ours, and the new tag.
    func restart(
        _ fragment: TrickleFragment,
        candidates: [Candidate]
    ) -> (TrickleFragment, entityTag: String)? {
        let remote = ICECredentials(fragment: fragment.fragment, password: fragment.password)
        guard let credentials = transport?.restart(remote: remote) else { return nil }
        self.remote = remote
        entityTag = Randomness.identifier()
        let answer = TrickleFragment(
            fragment: credentials.fragment,
            password: credentials.password,
            candidates: candidates,
            isComplete: true,
            section: section
        )
        return (answer, entityTag)
    }
}

/// How the registry ends a publisher by WebRTC.
final class WHIPHandle: PublisherConnection {
    private let id: String
    private let server: WHIPServer

    init(id: String, server: WHIPServer) {
        self.id = id
        self.server = server
    }

    func end(_ reason: PublisherEnd) async { await server.end(id, reason) }
}
