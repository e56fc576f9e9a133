import Configuration
import Events
import HTTPServing
import Hosting
import Lifecycle
import MediaBus
import Postgres
import Reactor
import Redis
import Synchronization
import Telemetry

/// Puts the parts of the service together.
enum OriginServices {
    static func make(_ settings: OriginSettings, _ host: ServiceHost) async throws -> [any Service] {
        let logger = host.logger
        let loop = EventLoop(name: "media")
        let connections = try OriginConnections(settings, loop: loop, logger: logger)
        let volume = try Volume(root: settings.mediaPath, syncInterval: settings.syncInterval)
        let directory = SessionDirectory(volume: volume)
        let measures = OriginMeasures(host.metrics)
        let reporter = RecordingReporter(pool: connections.pool, loop: loop, logger: logger)
        let owner = OwnerService(
            .init(address: settings.advertisedAddress),
            control: connections.control,
            bus: connections.bus,
            volume: volume,
            directory: directory,
            budget: MemoryBudget(byteLimit: settings.memoryByteLimit, loop: loop),
            measures: measures,
            reporter: reporter,
            logger: logger
        )
        let reader = BusReader(
            BusConfiguration(redis: connections.busConfiguration),
            loop: loop,
            logger: logger,
            found: owner.streamFound
        )
        await owner.setReader(reader)
        let renditions = RenditionService(loop: loop, replica: "origin/\(settings.advertisedAddress)")
        await renditions.setReader(reader)
        let grants = GrantRegistry()
        LiveRoutes(
            directory: directory,
            files: ExtentFiles(),
            grants: grants,
            measures: measures,
            movies: MovieStore(volume: volume, builds: measures.movieBuilds),
            renditions: renditions,
            proxy: OwnerProxy(
                directory: directory,
                control: connections.control,
                client: HTTPClient(loops: host.loops),
                ownAddress: settings.advertisedAddress
            )
        ).add(to: host.router)
        connections.addChecks(to: host.readiness)
        host.readiness.add("volume") { await volume.isWritable() }
        addReadings(to: host.metrics, volume: volume, directory: directory, reader: reader)
        let unreported = connections.pool.map {
            UnreportedRecordings(
                pool: $0,
                volume: volume,
                directory: directory,
                reporter: reporter,
                loop: loop,
                logger: logger
            )
        }
        let hidden = connections.pool.map {
            HiddenMediaWatch(pool: $0, directory: directory, loop: loop, logger: logger)
        }
        let events = GrantEvents(
            client: connections.events,
            grants: grants,
            graceLimit: settings.grantGrace,
            logger: logger,
            heard: { hidden?.heard(eventOf: $0) }
        )
        var services: [any Service] = connections.services
        services += [reporter, SessionClock(directory: directory, loop: loop)]
        if let unreported { services.append(unreported) }
        if let hidden { services.append(hidden) }
        services += deletions(settings, connections, volume, directory)
        return services + [events, reader, owner, renditions]
    }

    /// What deletes media, for its time is over or because somebody wants it gone.
    private static func deletions(
        _ settings: OriginSettings,
        _ connections: OriginConnections,
        _ volume: Volume,
        _ directory: SessionDirectory
    ) -> [any Service] {
        let (loop, logger) = (connections.loop, connections.logger)
        let retention = RetentionService(
            volume: volume,
            directory: directory,
            retention: settings.retention,
            loop: loop,
            logger: logger,
            pool: connections.pool
        )
        guard let pool = connections.pool else { return [retention] }
        return [
            retention,
            PurgeService(pool: pool, volume: volume, directory: directory, loop: loop, logger: logger),
        ]
    }

    private static func addReadings(
        to metrics: MetricRegistry,
        volume: Volume,
        directory: SessionDirectory,
        reader: BusReader
    ) {
        metrics.reading("sessions_live", "Sessions that are packaged here.") {
            Double(directory.liveSessions.count)
        }
        metrics.reading("memory_parts_bytes", "Memory that parts take.") {
            Double(directory.allSessions.reduce(0) { $0 + $1.memoryByteCount })
        }
        metrics.reading("volume_queue_bytes", "Bytes that wait to be written.") {
            Double(volume.queuedByteCount.load(ordering: .relaxed))
        }
        metrics.reading("volume_written_bytes", "Bytes that were written to track logs.") {
            Double(volume.writtenByteCount.current)
        }
        metrics.reading("volume_refusals", "Parts that the volume did not take.") {
            Double(volume.failures.current)
        }
        metrics.reading("bus_outages", "Times that the media bus did not answer for seconds.") {
            Double(reader.outages.current)
        }
        metrics.reading("bus_malformed_entries", "Entries of the bus that were none.") {
            Double(reader.malformed.current)
        }
    }
}

extension MediaSession {
    /// The memory that the session's parts take.
    var memoryByteCount: Int {
        read { state in
            state.timelines.values.reduce(0) { $0 + $1.memoryByteCount }
                + state.renditions.values.reduce(0) { $0 + $1.media.memoryByteCount }
        }
    }
}

/// The connections to both Redis and, where there is one, to PostgreSQL.
private struct OriginConnections {
    let loop: EventLoop
    let logger: Logger
    let busConfiguration: RedisClient.Configuration
    let control: RedisClient
    let bus: RedisClient
    /// For reading the events, which blocks it.
    let events: RedisClient
    let pool: PostgresPool?

    init(_ settings: OriginSettings, loop: EventLoop, logger: Logger) throws {
        self.loop = loop
        self.logger = logger
        let controlConfiguration = try RedisClient.Configuration(url: settings.redisControlURL)
        busConfiguration = try RedisClient.Configuration(url: settings.redisBusURL)
        control = RedisClient(controlConfiguration, name: "redis-control", loop: loop, logger: logger)
        events = RedisClient(controlConfiguration, name: "redis-events", loop: loop, logger: logger)
        bus = RedisClient(busConfiguration, name: "redis-bus", loop: loop, logger: logger)
        pool = settings.databaseURL.map { url in
            PostgresPool(
                PostgresConfiguration(address: url.reveal(), applicationName: "origin"),
                size: 2,
                on: loop,
                logger: logger
            )
        }
    }

    var services: [any Service] { [control, bus, events] + (pool.map { [$0] } ?? []) }

    func addChecks(to readiness: Readiness) {
        readiness.add("redis-control") { [control] in control.isConnected }
        readiness.add("redis-bus") { [bus] in bus.isConnected }
        if let pool { readiness.add("postgres") { pool.isReady } }
    }
}
