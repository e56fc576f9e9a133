import Hosting
import Lifecycle
import Outbox
import Postgres
import Reactor
import Redis
import Telemetry

/// The parts of this service, put together.
struct CatalogService: Sendable {
    let routes: CatalogRoutes
    /// In the order in which they depend on each other.
    let services: [any Service]
    let pool: PostgresPool
    let control: RedisClient
    let upkeep: CatalogUpkeep
    let feed: EventFeed

    init(_ settings: CatalogSettings, loop: EventLoop, logger: Logger, metrics: MetricRegistry) throws {
        let database = PostgresConfiguration(
            address: settings.databaseURL,
            applicationName: "martlet-catalog"
        )
        let pool = PostgresPool(database, size: settings.databaseConnections, on: loop, logger: logger)
        func redis(_ url: String, _ name: String) throws -> RedisClient {
            try RedisClient(RedisClient.Configuration(url: url), name: name, loop: loop, logger: logger)
        }
        let control = try redis(settings.controlRedisURL, "redis-control")
        let follower = try redis(settings.controlRedisURL, "redis-events")
        let bus = try redis(settings.busRedisURL, "redis-bus")
        let recordings = RecordingStore(pool: pool)
        let creation = IdempotentCreation(pool: pool)
        let upkeep = CatalogUpkeep(
            pool: pool,
            relay: OutboxRelay(
                schema: "catalog",
                pool: pool,
                redis: control,
                relayed: metrics.counter("events_relayed_total", "Events handed on to Redis."),
                loop: loop,
                logger: logger
            ),
            sweeper: SessionSweeper(
                pool: pool,
                bus: bus,
                margin: settings.sweepMargin,
                ended: metrics.counter("sessions_swept_total", "Sessions ended for want of a sign of life.")
            ),
            recordings: recordings,
            creation: creation,
            settings: settings,
            loop: loop,
            logger: logger
        )
        let feed = EventFeed(
            follower: follower,
            redis: control,
            loop: loop,
            logger: logger,
            metrics: metrics
        )
        routes = CatalogRoutes(
            streams: StreamStore(pool: pool),
            recordings: recordings,
            creation: creation,
            feed: feed,
            undo: settings.undo,
            site: settings.site,
            loop: loop,
            isReady: { upkeep.isReady && pool.isReady }
        )
        services = [pool, control, follower, bus, upkeep.listener(on: database), upkeep, feed]
        self.pool = pool
        self.control = control
        self.upkeep = upkeep
        self.feed = feed
    }

    /// Adds the routes, what the service needs, and what it counts.
    func addRoutes(to host: ServiceHost) {
        routes.add(to: host.router)
        host.readiness.add("postgres") { [pool] in pool.isReady }
        host.readiness.add("redis-control") { [control] in control.isConnected }
        host.readiness.add("schema") { [upkeep] in upkeep.isReady }
        host.metrics.reading("event_subscribers", "Open streams of events.") { [feed] in
            Double(feed.subscriberCount)
        }
        host.metrics.reading("database_queries_waiting", "Queries that wait for a connection.") { [pool] in
            Double(pool.depth)
        }
    }
}
