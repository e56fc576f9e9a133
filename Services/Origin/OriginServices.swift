import Configuration
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
        let mediaLoop = EventLoop(name: "media")
        let controlConfiguration = try RedisClient.Configuration(url: settings.redisControlURL)
        let busConfiguration = try RedisClient.Configuration(url: settings.redisBusURL)
        let control = RedisClient(
            controlConfiguration,
            name: "redis-control",
            loop: mediaLoop,
            logger: logger
        )
        let bus = RedisClient(busConfiguration, name: "redis-bus", loop: mediaLoop, logger: logger)
        let volume = try Volume(root: settings.mediaPath, syncInterval: settings.syncInterval)
        let directory = SessionDirectory(volume: volume)
        let budget = MemoryBudget(byteLimit: settings.memoryByteLimit, loop: mediaLoop)
        let measures = OriginMeasures(host.metrics)
        let pool = settings.databaseURL.map { url in
            PostgresPool(
                PostgresConfiguration(address: url.reveal(), applicationName: "origin"),
                size: 2,
                on: mediaLoop,
                logger: logger
            )
        }
        let reporter = RecordingReporter(pool: pool, loop: mediaLoop, logger: logger)
        let owner = OwnerService(
            .init(address: settings.advertisedAddress),
            control: control,
            bus: bus,
            volume: volume,
            directory: directory,
            budget: budget,
            measures: measures,
            reporter: reporter,
            logger: logger
        )
        let reader = BusReader(
            BusConfiguration(redis: busConfiguration),
            loop: mediaLoop,
            logger: logger,
            found: owner.streamFound
        )
        await owner.setReader(reader)
        let grants = GrantRegistry()
        LiveRoutes(
            directory: directory,
            files: ExtentFiles(),
            grants: grants,
            measures: measures,
            movies: MovieStore(volume: volume),
            proxy: OwnerProxy(
                directory: directory,
                control: control,
                client: HTTPClient(loops: host.loops),
                ownAddress: settings.advertisedAddress
            )
        ).add(to: host.router)
        host.readiness.add("redis-control") { control.isConnected }
        host.readiness.add("redis-bus") { bus.isConnected }
        host.readiness.add("volume") { await volume.isWritable() }
        if let pool { host.readiness.add("postgres") { pool.isReady } }
        let eventClient = RedisClient(
            controlConfiguration,
            name: "redis-events",
            loop: mediaLoop,
            logger: logger
        )
        let events = ControlEvents(
            client: eventClient,
            grants: grants,
            graceLimit: settings.grantGrace,
            logger: logger
        )
        let clock = SessionClock(directory: directory, loop: mediaLoop)
        let retention = RetentionService(
            volume: volume,
            directory: directory,
            retention: settings.retention,
            loop: mediaLoop,
            logger: logger,
            pool: pool
        )
        let purge = pool.map {
            PurgeService(pool: $0, volume: volume, directory: directory, loop: mediaLoop, logger: logger)
        }
        addReadings(to: host.metrics, volume: volume, directory: directory, reader: reader)
        return [control, bus, eventClient] + (pool.map { [$0] } ?? []) + (purge.map { [$0] } ?? [])
            + [reporter, clock, retention, events, reader, owner]
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
        metrics.reading("bus_malformed_entries", "Entries of the bus that were none.") {
            Double(reader.malformed.current)
        }
    }
}

extension MediaSession {
    /// The memory that the session's parts take.
    var memoryByteCount: Int {
        read { state in state.timelines.values.reduce(0) { $0 + $1.memoryByteCount } }
    }
}
