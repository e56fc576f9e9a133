public import Crypto
import Glibc
import ICE
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
    /// Is told when a turn has been worked off, before its packets leave: the moment to send what came together.
    public var willFlush: (() -> Void)?

    let ports: [DatagramPort]
    private var listener: TCPListener?
    let group: EndpointGroup
    /// What the other endpoints of the group know of this one.
    let member: GroupMember
    /// The number of this one in the group.
    let number: Int
    private(set) var peersByFragment: [String: PeerTransport] = [:]
    private(set) var peersByAddress: [DatagramAddress: PeerTransport] = [:]
    private var peers: [ObjectIdentifier: PeerTransport] = [:]
    private var handshaking: [PeerTransport] = []
    var connections: FrameConnections
    var budgets: SourceBudgets
    var counted = EndpointCounters()
    private let metrics: EndpointMetrics?
    private var measured = EndpointCounters()
    private var measuredBacklog = EndpointBacklog()
    var isFlushPlanned = false
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
        budgets = SourceBudgets(perSecond: configuration.strangersPerSecondAndSource)
        let bound = try BoundPorts(configuration, loop: loop, attempts: Self.portAttempts)
        ports = bound.datagrams
        listener = bound.listener
        port = bound.port
        candidates = LocalCandidate.all(of: configuration, port: port, acceptsTCP: bound.listener != nil)
        group = configuration.group ?? EndpointGroup()
        member = GroupMember(loop: loop)
        number = group.join(member)
        member.endpoint = self
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
        willFlush = nil
    }

    /// The transports that are not closed.
    public var peerCount: Int { peers.count }

    /// The TCP connections.
    public var connectionCount: Int { connections.count }

    /// What has been counted.
    public var counters: EndpointCounters {
        var counters = counted
        for connection in connections.all { counters.add(framesDropped: connection.droppedCount) }
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
        register(peer, fragment: credentials.fragment)
        return peer
    }

    // MARK: Peers

    func register(_ peer: PeerTransport, fragment: String) {
        peersByFragment[fragment] = peer
        group.register(fragment, of: number)
    }

    func unregister(_ peer: PeerTransport, fragment: String) {
        guard peersByFragment[fragment] === peer else { return }
        peersByFragment[fragment] = nil
        group.unregister(fragment)
    }

    /// Takes note of a valid check of a peer from an address, which is the peer's from now on unless it is the proven
    /// one of another.
    func register(_ peer: PeerTransport, address: DatagramAddress, isProven: Bool, now: UInt64) {
        guard group.claim(address, for: resident(peer), isProven: isProven, now: now) else { return }
        peersByAddress[address] = peer
    }

    func unregister(_ peer: PeerTransport, address: DatagramAddress) {
        group.release(address, by: resident(peer))
        if peersByAddress[address] === peer { peersByAddress[address] = nil }
    }

    /// Packets from an address are another endpoint's, unless they have become this one's again.
    func lose(_ address: DatagramAddress) {
        if group.member(at: address) !== member { peersByAddress[address] = nil }
    }

    func resident(_ peer: PeerTransport) -> EndpointGroup.Resident {
        EndpointGroup.Resident(endpoint: number, peer: ObjectIdentifier(peer))
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

    /// Bytes that wait for the kernel to take them.
    public var backlog: EndpointBacklog {
        EndpointBacklog(
            datagrams: ports.reduce(0) { $0 + $1.outbox.backlogByteCount },
            frames: connections.all.reduce(0) { $0 + $1.backlogByteCount }
        )
    }

    /// Tells the metrics what has been counted since the last time, and what waits.
    private func measure() {
        guard let metrics else { return }
        let (counters, backlog) = (counters, isOpen ? backlog : EndpointBacklog())
        metrics.add(counters, since: measured)
        metrics.note(backlog, instead: measuredBacklog)
        (measured, measuredBacklog) = (counters, backlog)
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
