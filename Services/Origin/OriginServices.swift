import Configuration
import Hosting
import Lifecycle
import MediaBus
import Postgres
import Reactor
import Redis
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
            proxy: OwnerProxy()
        ).add(to: host.router)
        host.readiness.add("redis-control") { control.isConnected }
        host.readiness.add("redis-bus") { bus.isConnected }
        let clock = SessionClock(directory: directory, loop: mediaLoop)
        return [control, bus] + (pool.map { [$0] } ?? []) + [reporter, clock, reader, owner]
    }
}
