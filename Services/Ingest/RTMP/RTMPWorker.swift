import Crypto
import Lifecycle
import MediaBus
import Reactor
import Sockets
import Telemetry

/// What all connections of the service share.
final class IngestContext: Sendable {
    let settings: IngestSettings
    let logger: Logger
    let metrics: IngestMetrics
    let registry: PublisherRegistry
    let admission: Admission
    let budget: OutageBudget

    init(
        settings: IngestSettings,
        logger: Logger,
        metrics: IngestMetrics,
        registry: PublisherRegistry,
        admission: Admission,
        budget: OutageBudget
    ) {
        self.settings = settings
        self.logger = logger
        self.metrics = metrics
        self.registry = registry
        self.admission = admission
        self.budget = budget
    }
}

/// The connections of one event loop.
actor RTMPWorker {
    /// How often connections look at the clock.
    private static let tickInterval = Duration.milliseconds(250)

    /// Connections of one loop that are served without any rest.
    private static let unhurriedConnectionCount = 10
    /// The rest of the loop for each connection beyond them, and the longest.
    private static let restPerConnection = Duration.microseconds(500)
    private static let longestRest = Duration.milliseconds(50)

    nonisolated let loop: EventLoop
    nonisolated let context: IngestContext
    nonisolated let shard: BusShard

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    nonisolated let readBuffer = ReadBuffer()
    private var connections: [ObjectIdentifier: RTMPConnection] = [:]
    private var isTicking = false

    init(loop: EventLoop, shard: BusShard, context: IngestContext) {
        self.loop = loop
        self.shard = shard
        self.context = context
    }

    /// Whether so much waits for the bus that publishers must not send more.
    nonisolated var isBackedUp: Bool { context.budget.byteCount > context.settings.backPressureByteCount }

    /// Takes over a descriptor that was accepted.
    nonisolated func adopt(_ descriptor: CInt, from peer: PeerAddress, identity: TLSIdentity?) {
        loop.execute { self.assumeIsolated { $0.serve(descriptor, from: peer, identity) } }
    }

    /// Forgets a connection that has closed.
    nonisolated func forget(_ connection: RTMPConnection) {
        assumeIsolated { worker in
            guard worker.connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
            worker.context.registry.disconnected(connection.peer)
            worker.setRest()
        }
    }

    /// The connections that publish.
    var publishing: [RTMPConnection] {
        connections.values.filter { connection in connection.assumeIsolated { $0.isPublishing } }
    }

    /// Asks every publisher that can to connect anew, and closes who does not publish.
    func drain() {
        for connection in connections.values {
            connection.assumeIsolated { $0.isPublishing ? $0.requestReconnect() : $0.close() }
        }
    }

    /// Ends every connection.
    func stop() {
        for connection in connections.values {
            connection.assumeIsolated { connection in
                connection.end(.draining)
                connection.close()
            }
        }
    }

    private func serve(_ descriptor: CInt, from peer: PeerAddress, _ identity: TLSIdentity?) {
        let connection = RTMPConnection(owning: descriptor, peer: peer, identity: identity, worker: self)
        connections[ObjectIdentifier(connection)] = connection
        connection.assumeIsolated { $0.start() }
        setRest()
        tickLater()
    }

    /// Lets one wake-up of a busy loop serve many connections; the bus flushes no more often anyway.
    private func setRest() {
        let excess = max(0, connections.count - Self.unhurriedConnectionCount)
        loop.rest = min(Self.restPerConnection * excess, Self.longestRest)
    }

    private func tickLater() {
        guard !isTicking, !connections.isEmpty else { return }
        isTicking = true
        loop.schedule(after: Self.tickInterval) { self.assumeIsolated { $0.tick() } }
    }

    private func tick() {
        isTicking = false
        let now = EventLoop.now
        for connection in connections.values { connection.assumeIsolated { $0.tick(at: now) } }
        tickLater()
    }
}
