import Glibc
public import Lifecycle
public import Reactor
public import Sockets
import Synchronization
public import Telemetry

/// Answers HTTP/1.1 on one port, on several loops.
public final class HTTPServer: Service {
    /// Where to listen, and what a client may do at most.
    public struct Configuration: Sendable {
        /// A literal address; `::` takes both families.
        public var address: String
        /// The port, or 0 for any free one.
        public var port: UInt16
        /// Connections at once; one more is answered 503 and closed.
        public var maximumConnections = 10_000
        /// The bytes of a header section; more is answered 431, or 414 where the first line alone is too long.
        public var maximumHeaderByteCount = 16 << 10
        /// The bytes of a request target; more is answered 414.
        public var maximumTargetByteCount = 8 << 10
        /// The fields of a header section; more are answered 431.
        public var maximumFieldCount = 100
        /// The bytes of a body; more is answered 413, and handlers set narrower limits when they read.
        public var maximumBodyByteCount = 16 << 20
        /// How long a header section may take to arrive; then 408.
        public var headerDeadline = Duration.seconds(15)
        /// How long a connection may be silent between requests; then it is closed.
        public var idleTimeout = Duration.seconds(75)
        /// How long a body may stop arriving while its handler waits for it; then 408.
        public var bodyStallDeadline = Duration.seconds(30)
        /// How long a client may take nothing of a response; then it is closed.
        public var writeStallDeadline = Duration.seconds(30)
        /// How long to wait, after the last response, for the client to have read it.
        public var lingerDeadline = Duration.seconds(2)
        /// How long endless responses may go on once the server drains; then their handlers are cancelled.
        public var streamDrain = Duration.seconds(2)
        /// How long requests may take to arrive and be answered once the server drains; then they are answered 503,
        /// and half as long after that what is still open is closed.
        public var requestDrain = Duration.seconds(5)
        /// How long after its beginning a connection may be without its first request once the server drains.
        public var arrivalGrace = Duration.seconds(1)
        /// The bytes of a response that may wait for a slow client before its handler waits too.
        public var outputHighWater: Int64 = 256 << 10
        /// The bytes of a body that may wait for a slow handler before the client waits too.
        public var inputHighWater = 256 << 10
        /// The bytes of a WebSocket message; more is answered by close code 1009.
        public var maximumWebSocketMessageByteCount = 1 << 20
        /// How long a WebSocket may be silent before it is pinged, and then again before it is closed.
        public var webSocketPingInterval = Duration.seconds(20)

        /// Creates a configuration with the limits above.
        public init(address: String = "127.0.0.1", port: UInt16) {
            self.address = address
            self.port = port
        }

        var parserLimits: HTTPMessageParser.Limits {
            var limits = HTTPMessageParser.Limits()
            limits.targetByteCount = maximumTargetByteCount
            limits.headerByteCount = maximumHeaderByteCount
            limits.fieldCount = maximumFieldCount
            limits.bodyByteCount = maximumBodyByteCount
            return limits
        }
    }

    /// The name of the service.
    public let name = "http"
    /// The port that the kernel chose or confirmed.
    public let port: UInt16
    private let workers: [HTTPWorker]
    private let listener: HTTPListener
    private let context: HTTPServerContext

    /// Binds the port; requests are answered once the server runs.
    ///
    /// - Throws: ``SystemCallError`` where the address cannot be listened on.
    public init(
        _ configuration: Configuration,
        router: HTTPRouter,
        loops: EventLoopGroup,
        logger: Logger,
        metrics: MetricRegistry
    ) throws(SystemCallError) {
        // sendfile has no flag that keeps a vanished client from killing the process.
        signal(SIGPIPE, SIG_IGN)
        context = HTTPServerContext(
            configuration: configuration,
            router: router,
            logger: logger,
            metrics: HTTPServerMetrics(metrics)
        )
        let context = context
        workers = loops.loops.map { HTTPWorker(loop: $0, server: context) }
        listener = try HTTPListener(configuration, workers: workers)
        port = listener.port
    }

    /// Answers requests until `shutdown`, then those that are under way on connections made until then.
    public func run(until shutdown: Shutdown) async throws {
        for worker in workers { worker.start() }
        listener.start()
        context.logger.log(
            .info,
            "listening",
            [.address: "\(PeerAddress(host: context.configuration.address, port: port))"]
        )
        do {
            try await shutdown.requested()
            await listener.finish()
            for worker in workers { worker.drain() }
            for worker in workers { try await worker.isDrained.requested() }
        } catch {
            listener.close()
            for worker in workers { worker.stop() }
            throw error
        }
    }
}

/// What all connections of a server share.
final class HTTPServerContext: Sendable {
    /// How often one connection receives before the others have their turn.
    static let receivesPerWakeUp = 8

    let configuration: HTTPServer.Configuration
    let router: HTTPRouter
    let logger: Logger
    let metrics: HTTPServerMetrics
    private let connectionCount = Atomic<Int>(0)

    init(
        configuration: HTTPServer.Configuration,
        router: HTTPRouter,
        logger: Logger,
        metrics: HTTPServerMetrics
    ) {
        self.configuration = configuration
        self.router = router
        self.logger = logger
        self.metrics = metrics
    }

    /// - Returns: `false` where there are too many already.
    func admitConnection() -> Bool {
        let count = connectionCount.wrappingAdd(1, ordering: .relaxed).newValue
        guard count <= configuration.maximumConnections else {
            connectionCount.wrappingSubtract(1, ordering: .relaxed)
            metrics.refused.increment()
            return false
        }
        metrics.connections.add(1)
        return true
    }

    func connectionClosed() {
        connectionCount.wrappingSubtract(1, ordering: .relaxed)
        metrics.connections.add(-1)
    }
}

/// What a server counts.
struct HTTPServerMetrics: Sendable {
    /// The first digit of a status.
    enum StatusClass: String, CaseIterable {
        case informational = "1xx"
        case success = "2xx"
        case redirection = "3xx"
        case clientError = "4xx"
        case serverError = "5xx"
    }

    let responses: CounterFamily<StatusClass>
    let seconds: Histogram
    let connections: Gauge
    let refused: Counter
    let malformed: Counter
    let expired: Counter

    init(_ registry: MetricRegistry) {
        responses = registry.counters(
            "http_responses_total",
            "Responses, by class of status.",
            by: "status",
            StatusClass.self
        )
        seconds = registry.histogram(
            "http_response_seconds",
            "From a request's header to the end of its handler."
        )
        connections = registry.gauge("http_connections", "Open client connections.")
        refused = registry.counter("http_connections_refused_total", "Connections over the limit.")
        malformed = registry.counter("http_requests_malformed_total", "Requests that could not be read.")
        expired = registry.counter("http_deadlines_expired_total", "Deadlines that clients let pass.")
    }

    func count(_ status: Int, since began: UInt64) {
        let classes = StatusClass.allCases
        responses[classes[min(max(status / 100 - 1, 0), classes.count - 1)]].increment()
        seconds.observe(Double(EventLoop.now &- began) / 1e9)
    }
}
