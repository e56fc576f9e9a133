import CPlatform
public import Configuration
import Glibc
public import HTTPServing
public import Lifecycle
public import Reactor
public import Telemetry

/// What every service stands on: logger, metrics, loops, an HTTP server with health routes, signals, drain.
public struct ServiceHost: Sendable {
    /// The name of the service in lower case.
    public let name: String
    /// Writes the service's events.
    public let logger: Logger
    /// The service's metrics, served at `/metrics`.
    public let metrics: MetricRegistry
    /// The loops that the service runs on.
    public let loops: EventLoopGroup
    /// The routes of the service's HTTP server; the health routes are there already.
    public let router: HTTPRouter
    /// What the service needs, served at `/readyz`.
    public let readiness: Readiness
    /// Requested as soon as the process is told to stop, before the first of its parts is.
    public let shutdown = Shutdown()

    /// Runs a service until a signal stops it, and ends the process where it cannot run.
    ///
    /// - Parameters:
    ///   - name: The name in lower case; the settings begin with it in capitals.
    ///   - port: The HTTP port where `<NAME>_HTTP_PORT` is not set.
    ///   - environment: The variables that hold the settings.
    ///   - settings: Reads the service's own settings; problems are reported together afterwards.
    ///   - services: Makes the parts of the service, in the order in which they depend on each other, and
    ///     adds its routes. The HTTP server comes last, and so stops first.
    public static func run<Settings: Sendable>(
        _ name: String,
        port: UInt16,
        environment: [String: String],
        settings: (inout EnvironmentReader) -> Settings,
        services: (Settings, ServiceHost) async throws -> [any Service]
    ) async {
        let sink = JSONLineSink(service: name)
        let quiet = Logger(level: .info, sink: sink.write)
        do {
            var reader = EnvironmentReader(environment, prefix: name.uppercased() + "_")
            let own = HostSettings(from: &reader, port: port)
            let settings = settings(&reader)
            try reader.finish()
            let host = ServiceHost(name: name, settings: own, sink: sink)
            try await host.run(own, services: await services(settings, host))
        } catch {
            quiet.log(.error, "the service cannot run", [.error: describe(error)])
            exit(1)
        }
    }

    init(name: String, settings: HostSettings, sink: JSONLineSink) {
        self.name = name
        logger = Logger(level: settings.logLevel, sink: sink.write)
        metrics = MetricRegistry(service: name)
        loops = EventLoopGroup(count: settings.loopCount, name: name)
        router = HTTPRouter()
        readiness = Readiness()
        HealthRoutes(readiness: readiness, metrics: metrics, loop: loops.next()).add(to: router)
        metrics.reading("resident_bytes", "Memory of the process in RAM.") {
            Double(cplatform_resident_bytes())
        }
        metrics.reading("cpu_seconds", "Processor time of the process so far.") {
            Double(cplatform_cpu_microseconds()) / 1e6
        }
    }

    private func run(_ settings: HostSettings, services: [any Service]) async throws {
        let server = try HTTPServer(
            settings.http,
            router: router,
            loops: loops,
            logger: logger.with(.component, "http"),
            metrics: metrics
        )
        let parts = services + [server]
        let group = ServiceGroup(parts, drainLimit: settings.drainLimit) { [logger, shutdown] event in
            if case .shutdownRequested = event { shutdown.request() }
            Self.note(event, in: logger)
        }
        try await group.run(stoppingOn: .unixSignals(SIGTERM, SIGINT))
        logger.log(.notice, "stopped")
    }

    private static func note(_ event: ServiceGroup.Event, in logger: Logger) {
        switch event {
        case .started(let service): logger.log(.info, "started", [.component: service])
        case .shutdownRequested(let signal): logger.log(.notice, "stopping", [.signal: signal])
        case .stopping(let service): logger.log(.debug, "stopping a part", [.component: service])
        case .stopped(let service): logger.log(.info, "stopped a part", [.component: service])
        }
    }

    private static func describe(_ error: any Error) -> String {
        guard let error = error as? ConfigurationError else { return "\(error)" }
        return error.problems.map { "\($0.variable) must be \($0.expected)" }.joined(separator: "; ")
    }
}

/// The settings that every service has.
struct HostSettings {
    private enum LevelName: String, CaseIterable {
        case trace, debug, info, notice, warning, error
    }

    var http: HTTPServer.Configuration
    var logLevel: Logger.Level
    var loopCount: Int
    var drainLimit: Duration

    init(from reader: inout EnvironmentReader, port: UInt16) {
        http = .init(
            address: reader.text("HTTP_ADDRESS", default: "127.0.0.1"),
            port: reader.port("HTTP_PORT", default: port)
        )
        http.maximumConnections = reader.integer("HTTP_MAX_CONNECTIONS", in: 1...1_000_000, default: 10_000)
        loopCount = reader.integer("LOOPS", in: 1...64, default: Self.defaultLoopCount)
        drainLimit = reader.seconds("DRAIN_SECONDS", default: .seconds(20), shared: true)
        http.requestDrain = drainLimit / 4
        logLevel =
            switch reader.choice("LOG_LEVEL", default: LevelName.info, shared: true) {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            }
    }

    private static var defaultLoopCount: Int {
        min(max(Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))), 1), 4)
    }
}
