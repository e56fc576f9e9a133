public import Crypto
import ICE
import Glibc
public import Reactor
public import Sockets

/// One port for all WebRTC peers of a service: UDP over IPv4 and IPv6, and TCP with frames.
///
/// Bound to one loop: everything but `init` is called there.
public final class WebRTCEndpoint {
    /// How often handshakes are looked at while there are any.
    static let handshakeTick = Duration.milliseconds(25)
    /// How often everybody is looked at.
    static let slowTick = Duration.milliseconds(500)
    /// How often a free port is looked for that is free everywhere.
    private static let portAttempts = 16

    /// The loop that the endpoint is bound to.
    public let loop: EventLoop
    /// The port of UDP and TCP.
    public let port: UInt16
    /// Where peers can reach the endpoint, the best first.
    public let candidates: [LocalCandidate]
    /// The certificate that peers are told to expect.
    public let identity: DTLSIdentity
    /// Is given datagrams that belong to no peer here: another loop may have bound the same port.
    public var foreignDatagram: ((Span<UInt8>, DatagramAddress) -> Void)?
    /// Is given connections whose first check is for no peer here: another loop may have bound the same port.
    public var foreignConnection: ((ForeignConnection) -> Void)?
    /// Is told when a turn has been worked off, before its packets leave: the moment to send what came together.
    public var willFlush: (() -> Void)?

    let ports: [DatagramPort]
    private var listener: TCPListener?
    private(set) var peersByFragment: [String: PeerTransport] = [:]
    private var peersByAddress: [DatagramAddress: PeerTransport] = [:]
    private var peers: [ObjectIdentifier: PeerTransport] = [:]
    private var handshaking: [PeerTransport] = []
    var connections: FrameConnections
    private var budgets: SourceBudgets
    var counted = EndpointCounters()
    private let metrics: EndpointMetrics?
    private var measured = EndpointCounters()
    private var isFlushPlanned = false
    private(set) var isOpen = true

    /// Binds the port; packets arrive after ``start()``.
    ///
    /// - Throws: `SystemCallError` where the port is taken or no address is ours.
    public init(
        _ configuration: EndpointConfiguration,
        identity: DTLSIdentity,
        loop: EventLoop
    ) throws(SystemCallError) {
        connections = FrameConnections(configuration)
        metrics = configuration.metrics
        self.identity = identity
        self.loop = loop
        budgets = SourceBudgets(perSecond: configuration.answersPerSecondAndSource)
        let bound = try BoundPorts(configuration, loop: loop, attempts: Self.portAttempts)
        ports = bound.datagrams
        listener = bound.listener
        port = bound.port
        candidates = LocalCandidate.all(of: configuration, port: port, acceptsTCP: bound.listener != nil)
        for port in ports { port.endpoint = self }
        bound.accept.body = { [weak self] accepted in self?.accept(accepted) }
    }

    /// Begins to receive.
    public func start() {
        for port in ports { port.start() }
        listener?.start()
        tickSlowly()
    }

    /// Closes all transports and sockets.
    public func close() {
        guard isOpen else { return }
        for peer in Array(peers.values) { peer.close() }
        flush()
        isOpen = false
        for connection in connections.all { connection.close() }
        measure()
        listener?.close()
        listener = nil
        for port in ports { port.close() }
        foreignDatagram = nil
        foreignConnection = nil
        willFlush = nil
    }

    /// The transports that are not closed.
    public var peerCount: Int { peers.count }

    /// The TCP connections.
    public var connectionCount: Int { connections.count }

    /// What has been counted.
    public var counters: EndpointCounters {
        var counters = counted
        for port in ports {
            counters.packetsDropped &+= port.outbox.droppedDatagramCount
            counters.datagramsSent &+= port.outbox.sentDatagramCount
            counters.sendCalls &+= port.outbox.callCount
        }
        return counters
    }

    /// Makes the transport for a new peer, whose description has been read; ours must carry its credentials.
    public func makeTransport(
        _ configuration: PeerTransport.Configuration,
        observer: any PeerTransportObserver
    ) -> PeerTransport {
        precondition(loop.isInLoop)
        let credentials = ICECredentials(random: Randomness.bytes(ICECredentials.randomByteCount))
        let peer = PeerTransport(configuration, credentials: credentials, endpoint: self, observer: observer)
        peers[ObjectIdentifier(peer)] = peer
        peersByFragment[credentials.fragment] = peer
        return peer
    }

    // MARK: Receiving

    /// Takes a datagram that another endpoint of the same port has received.
    public func adopt(_ datagram: Span<UInt8>, from source: DatagramAddress) {
        guard isOpen else { return }
        var bytes = unsafe datagram.withUnsafeBytes { unsafe Array($0) }
        unsafe bytes.withUnsafeMutableBytes {
            unsafe receive($0, from: source, now: EventLoop.now, isAdopted: true)
        }
    }

    func receive(
        _ bytes: UnsafeMutableRawBufferPointer,
        from source: DatagramAddress,
        now: UInt64,
        isAdopted: Bool = false
    ) {
        counted.packetsReceived &+= 1
        // SAFETY: the bytes live for this call.
        let span = unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(bytes))
        guard let kind = PacketKind(span) else { return counted.packetsUnknown &+= 1 }
        if kind == .stun {
            guard !receiveCheck(span, on: pair(source), by: nil, now: now) else { return }
        } else if let peer = peersByAddress[source] {
            return unsafe deliver(bytes, kind, to: peer, on: pair(source), now: now)
        }
        if let foreignDatagram, !isAdopted {
            foreignDatagram(span, source)
        } else if kind == .stun {
            counted.checksIgnored &+= 1
        } else {
            counted.packetsUnproven &+= 1
        }
    }

    func receive(_ bytes: UnsafeMutableRawBufferPointer, on connection: FrameConnection) {
        counted.packetsReceived &+= 1
        let now = EventLoop.now
        // SAFETY: the bytes live for this call.
        let span = unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(bytes))
        guard let kind = PacketKind(span) else { return counted.packetsUnknown &+= 1 }
        if kind == .stun {
            guard !receiveCheck(span, on: connection.pair, by: connection, now: now) else { return }
            guard connection.peer == nil, pass(on: connection, with: span) else {
                return counted.checksIgnored &+= 1
            }
        } else if let peer = connection.peer {
            unsafe deliver(bytes, kind, to: peer, on: connection.pair, now: now)
        } else {
            counted.packetsUnproven &+= 1
        }
    }

    private func deliver(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ kind: PacketKind,
        to peer: PeerTransport,
        on pair: CandidatePair,
        now: UInt64
    ) {
        switch kind {
        case .rtp: unsafe peer.receiveRTP(bytes, now: now)
        case .rtcp: unsafe peer.receiveRTCP(bytes, now: now)
        case .dtls: unsafe peer.receiveDTLS(bytes, on: pair, now: now)
        case .stun: break
        }
    }

    /// Passes a check on to the peer that it names; `false` where there is none.
    func receiveCheck(
        _ bytes: Span<UInt8>,
        on pair: CandidatePair,
        by connection: FrameConnection?,
        now: UInt64
    ) -> Bool {
        guard let message = try? STUNMessage(bytes), message.kind == .request,
            let fragment = message.receiverFragment, let peer = peersByFragment[String(fragment)]
        else { return false }
        guard budgets.allows(pair.remote.ip, at: now) else {
            counted.checksIgnored &+= 1
            return true
        }
        peer.receive(message, bytes, on: pair, by: connection, now: now)
        return true
    }

    private func pair(_ source: DatagramAddress) -> CandidatePair {
        let local: IPAddress = source.isV4 ? .v4(0) : .v6(high: 0, low: 0)
        return CandidatePair(
            .udp,
            local: TransportAddress(local, port: port),
            remote: source.transportAddress
        )
    }

    // MARK: Sending

    /// Gives the kernel what has been queued.
    public func flush() {
        for port in ports { port.flush() }
    }

    func room(for address: DatagramAddress?) -> UnsafeMutableRawBufferPointer {
        unsafe (address.flatMap(datagramPort) ?? ports[0]).room()
    }

    func commit(_ byteCount: Int, to address: DatagramAddress) {
        datagramPort(for: address)?.outbox.commit(byteCount, to: address)
        planFlush()
    }

    func send(_ bytes: [UInt8], to address: DatagramAddress) {
        guard let port = datagramPort(for: address),
            (1...DatagramOutbox.datagramByteLimit).contains(bytes.count)
        else {
            return
        }
        unsafe bytes.withUnsafeBytes { unsafe port.room().copyMemory(from: $0) }
        commit(bytes.count, to: address)
    }

    func send(_ bytes: [UInt8], on pair: CandidatePair) {
        switch pair.transport {
        case .udp: send(bytes, to: pair.remote.datagramAddress)
        case .tcp: unsafe bytes.withUnsafeBytes { unsafe connections[pair.remote]?.send($0) }
        }
    }

    @inline(__always)
    private func datagramPort(for address: DatagramAddress) -> DatagramPort? {
        for port in ports where port.isV4 == address.isV4 { return port }
        return nil
    }

    private func planFlush() {
        guard !isFlushPlanned else { return }
        isFlushPlanned = true
        nonisolated(unsafe) let endpoint = self
        // SAFETY: the closure runs on the loop that this endpoint is bound to.
        loop.execute { unsafe endpoint.flushPlanned() }
    }

    private func flushPlanned() {
        isFlushPlanned = false
        willFlush?()
        flush()
    }

    // MARK: Peers

    func register(_ peer: PeerTransport, fragment: String) { peersByFragment[fragment] = peer }

    func unregister(_ peer: PeerTransport, fragment: String) {
        if peersByFragment[fragment] === peer { peersByFragment[fragment] = nil }
    }

    func register(_ peer: PeerTransport, address: DatagramAddress) { peersByAddress[address] = peer }

    func unregister(_ peer: PeerTransport, address: DatagramAddress) {
        if peersByAddress[address] === peer { peersByAddress[address] = nil }
    }

    func forget(_ peer: PeerTransport, _ reason: PeerTransport.CloseReason) {
        metrics?.note(reason)
        peers[ObjectIdentifier(peer)] = nil
        for connection in connections.all(of: peer) { connection.close() }
    }

    // MARK: Time

    func watchHandshake(of peer: PeerTransport) {
        handshaking.append(peer)
        if handshaking.count == 1 { tickHandshakes() }
    }

    private func tickHandshakes() {
        let now = EventLoop.now
        for peer in handshaking { peer.tickHandshake(now: now) }
        handshaking.removeAll { !$0.isHandshaking }
        guard !handshaking.isEmpty else { return }
        loop.schedule(after: Self.handshakeTick) { [weak self] in self?.tickHandshakes() }
    }

    /// Tells the metrics what has been counted since the last time.
    private func measure() {
        metrics?.add(counted, since: measured)
        measured = counted
    }

    private func tickSlowly() {
        guard isOpen else { return }
        measure()
        let now = EventLoop.now
        for peer in Array(peers.values) { peer.tick(now: now) }
        for connection in connections.stale(at: now) { connection.close() }
        loop.schedule(after: Self.slowTick) { [weak self] in self?.tickSlowly() }
    }
}
