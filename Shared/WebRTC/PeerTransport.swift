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
    private static let addressLimit = 16
    /// Reports of the peer that are listened to; browsers send fewer than fifty a second.
    private static let reportsPerSecond = 500

    /// Where the transport stands.
    public private(set) var state = State.checking
    /// What has been counted.
    public internal(set) var statistics = PeerStatistics()
    /// When the transport was made, in nanoseconds of the loop's clock.
    public let created: UInt64

    let endpoint: WebRTCEndpoint
    private var agent: ICEAgent
    private var engine: DTLSEngine
    private let configuration: Configuration
    private var observer: (any PeerTransportObserver)?
    private var sender: SRTPSender?
    private var receiver: SRTPReceiver?
    /// Where datagrams go, unless they go by `connection`.
    private var address: DatagramAddress?
    private var connection: FrameConnection?
    private var knownAddresses: [DatagramAddress] = []
    private var handshakeBegan: UInt64 = 0
    private var flightSent: UInt64 = 0
    private var reports = RateBudget(perSecond: reportsPerSecond, burst: 2 * reportsPerSecond)

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
            remoteFragment: configuration.remoteFragment,
            limits: configuration.iceLimits,
            now: created
        )
    }

    /// The newest local ICE credentials, for our description.
    public var credentials: ICECredentials { agent.credentials }

    /// The way that packets go, once one is known.
    public var selectedPair: CandidatePair? { agent.selectedPair }

    /// Begins an ICE restart; media go on over the old way until the peer has chosen a new one.
    ///
    /// - Returns: The new local credentials.
    public func restart(remoteFragment: String?) -> ICECredentials {
        let credentials = ICECredentials(random: Randomness.bytes(ICECredentials.randomByteCount))
        perform(agent.restart(local: credentials, remoteFragment: remoteFragment))
        endpoint.register(self, fragment: credentials.fragment)
        return credentials
    }

    /// Says goodbye and closes.
    public func close() {
        close(.closedLocally)
    }

    // MARK: Sending

    /// What protection adds to an RTP packet; zero before the connection.
    public var rtpOverheadByteCount: Int { sender?.rtpOverheadByteCount ?? 0 }

    /// The longest plain packet that can be sent.
    public static let packetByteLimit = DatagramOutbox.datagramByteLimit - SRTPSender.rtcpOverheadByteLimit

    /// Sends one RTP packet of `byteCount` bytes that `write` writes.
    ///
    /// Packets of one length for one peer that follow each other leave as one run; they leave at the end of the
    /// loop's turn, or at ``WebRTCEndpoint/flush()``.
    ///
    /// - Returns: `false` where the transport is not connected, or the bytes are no RTP packet.
    @discardableResult
    public func sendRTP(byteCount: Int, _ write: (inout MutableSpan<UInt8>) -> Void) -> Bool {
        guard state == .connected, byteCount > 0, byteCount <= Self.packetByteLimit else { return false }
        let room = unsafe endpoint.room(for: address)
        // SAFETY: the room is longer than the limit and is used by this call alone.
        var span = unsafe MutableSpan<UInt8>(
            _unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: room[..<byteCount])
        )
        write(&span)
        guard let count = unsafe sender?.protectRTP(room, count: byteCount) else { return false }
        unsafe commit(room, count)
        return true
    }

    /// Sends one RTP packet.
    @discardableResult
    public func sendRTP(_ packet: Span<UInt8>) -> Bool {
        sendRTP(byteCount: packet.count) { room in
            for index in packet.indices { room[index] = packet[index] }
        }
    }

    /// Sends one compound RTCP packet.
    @discardableResult
    public func sendRTCP(_ packet: Span<UInt8>) -> Bool {
        guard state == .connected, !packet.isEmpty, packet.count <= Self.packetByteLimit else { return false }
        let room = unsafe endpoint.room(for: address)
        // SAFETY: the room is longer than the limit.
        unsafe packet.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
        guard let count = unsafe sender?.protectRTCP(room, count: packet.count) else { return false }
        unsafe commit(room, count)
        return true
    }

    private func commit(_ room: UnsafeMutableRawBufferPointer, _ count: Int) {
        statistics.packetsSent &+= 1
        statistics.bytesSent &+= UInt64(count)
        if let address {
            endpoint.commit(count, to: address)
        } else {
            unsafe connection?.send(UnsafeRawBufferPointer(rebasing: room[..<count]))
        }
    }

    private func sendDTLS(_ datagrams: [[UInt8]]) {
        guard !datagrams.isEmpty else { return }
        flightSent = EventLoop.now
        for datagram in datagrams { send(datagram) }
    }

    private func send(_ bytes: [UInt8]) {
        if let address {
            endpoint.send(bytes, to: address)
        } else {
            unsafe bytes.withUnsafeBytes { unsafe connection?.send($0) }
        }
    }

    // MARK: Receiving

    /// Takes a STUN request whose user name is this peer's.
    func receive(
        _ message: STUNMessage,
        _ bytes: Span<UInt8>,
        on pair: CandidatePair,
        by connection: FrameConnection?,
        now: UInt64
    ) {
        let refused = agent.refusedCount
        let actions = agent.receive(message, bytes, on: pair, now: now)
        endpoint.counted.checksRefused &+= agent.refusedCount &- refused
        if agent.isChecked(pair) { learn(pair, connection) }
        perform(actions)
    }

    func receiveDTLS(_ bytes: UnsafeMutableRawBufferPointer, on pair: CandidatePair, now: UInt64) {
        guard state == .handshaking || state == .connected, agent.isChecked(pair) else {
            endpoint.counted.packetsUnproven &+= 1
            return
        }
        if state == .handshaking, flightSent > 0 { statistics.note(roundTrip: now &- flightSent) }
        unsafe sendDTLS(engine.receive(UnsafeRawBufferPointer(bytes)))
        noteEngine()
    }

    func receiveRTP(_ bytes: UnsafeMutableRawBufferPointer, now: UInt64) {
        guard let outcome = unsafe receiver?.unprotectRTP(bytes) else { return statistics.noteEarly() }
        guard let count = statistics.note(outcome, in: &endpoint.counted) else { return }
        // SAFETY: the plain packet is the beginning of the bytes, which live for the call.
        let packet = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<count])
        unsafe observer?.transport(self, didReceiveRTP: Span(_unsafeBytes: packet), at: now)
    }

    func receiveRTCP(_ bytes: UnsafeMutableRawBufferPointer, now: UInt64) {
        guard let outcome = unsafe receiver?.unprotectRTCP(bytes) else { return statistics.noteEarly() }
        guard let count = statistics.note(outcome, in: &endpoint.counted) else { return }
        // Only genuine ones count, so that forged ones take nothing from the peer.
        guard reports.allows(at: now) else { return statistics.reportsIgnored &+= 1 }
        // SAFETY: the plain packet is the beginning of the bytes, which live for the call.
        let packet = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<count])
        unsafe observer?.transport(self, didReceiveRTCP: Span(_unsafeBytes: packet), at: now)
    }

    // MARK: ICE

    /// Whether a check has proven `pair` to be a way to this peer, and it is remembered.
    func knows(_ pair: CandidatePair) -> Bool { agent.isChecked(pair) }

    private func perform(_ actions: [ICEAgent.Action]) {
        for action in actions {
            switch action {
            case .send(let bytes, let pair): endpoint.send(bytes, on: pair)
            case .selected(let pair): select(pair)
            case .retired(let fragment): endpoint.unregister(self, fragment: fragment)
            case .lost(.neverConnected): close(.neverConnected)
            case .lost(.consentExpired): close(.consentExpired)
            }
        }
    }

    /// Lets packets of a checked way find this peer.
    private func learn(_ pair: CandidatePair, _ connection: FrameConnection?) {
        if let connection {
            connection.peer = self
            return
        }
        let address = pair.remote.datagramAddress
        endpoint.register(self, address: address)
        guard !knownAddresses.contains(address) else { return }
        knownAddresses.append(address)
        guard knownAddresses.count > Self.addressLimit else { return }
        let checked = Set(agent.checkedPairs.map(\.remote.datagramAddress))
        for stale in knownAddresses where !checked.contains(stale) {
            endpoint.unregister(self, address: stale)
        }
        knownAddresses.removeAll { !checked.contains($0) }
    }

    private func select(_ pair: CandidatePair) {
        switch pair.transport {
        case .udp:
            address = pair.remote.datagramAddress
            connection = nil
        case .tcp:
            address = nil
            connection = endpoint.connections[pair.remote]
        }
        statistics.selectedPairChanges &+= 1
        guard state == .checking else { return }
        state = .handshaking
        handshakeBegan = EventLoop.now
        endpoint.watchHandshake(of: self)
        sendDTLS(engine.start())
    }

    /// A connection of this peer is gone; ICE falls back to another way, or waits for the peer to make a new one.
    func lost(_ connection: FrameConnection) {
        agent.forget(connection.pair)
        guard self.connection === connection else { return }
        self.connection = nil
        if let pair = agent.selectedPair { select(pair) }
    }

    // MARK: DTLS

    private func noteEngine() {
        switch engine.state {
        case .handshaking: break
        case .open: if state == .handshaking { connect() }
        case .closedByPeer: close(.closedByPeer)
        case .failed(let code):
            if state == .handshaking { close(.handshakeFailed(code: code)) }
        }
    }

    /// No packet is opened or protected before the peer's certificate is known to be the right one.
    private func connect() {
        guard let keys = engine.keys(ifPeerIs: configuration.remoteFingerprints) else {
            return close(.wrongCertificate)
        }
        sender = SRTPSender(keys.local, profile: keys.profile)
        receiver = SRTPReceiver(keys.remote, profile: keys.profile)
        state = .connected
        statistics.profile = keys.profile
        statistics.connected = EventLoop.now
        observer?.transportDidConnect(self)
    }

    // MARK: Time

    /// Whether the handshake still needs ``tickHandshake(now:)``.
    var isHandshaking: Bool { state == .handshaking }

    func tickHandshake(now: UInt64) {
        guard state == .handshaking else { return }
        if now &- handshakeBegan > configuration.handshakeTimeout.nanoseconds {
            return close(.handshakeTimedOut)
        }
        guard let timeout = engine.timeout, timeout <= .zero else { return }
        sendDTLS(engine.handleTimeout())
        noteEngine()
    }

    func tick(now: UInt64) {
        perform(agent.tick(now: now))
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
        endpoint.forget(self, reason)
        observer?.transportDidClose(self, reason)
    }
}
