import Hosting
import Lifecycle
import Outbox
import Postgres
import Reactor
import Redis
import Telemetry

/// The parts of this service, put together.
struct AuthService: Sendable {
    let routes: AuthRoutes
    /// In the order in which they depend on each other.
    let services: [any Service]
    let pool: PostgresPool
    let redis: RedisClient
    let upkeep: AuthUpkeep
    let cache: GrantCache

    init(
        _ settings: AuthSettings,
        loop: EventLoop,
        logger: Logger,
        relayed: Counter,
        queryLimit: Duration = .seconds(5)
    ) throws {
        var database = PostgresConfiguration(address: settings.databaseURL, applicationName: "martlet-auth")
        database.queryLimit = queryLimit
        pool = PostgresPool(database, size: settings.databaseConnections, on: loop, logger: logger)
        redis = RedisClient(
            try RedisClient.Configuration(url: settings.controlRedisURL),
            name: "redis-control",
            loop: loop,
            logger: logger
        )
        cache = GrantCache()
        let passwords = try PasswordHasher(cost: settings.passwordCost, threads: settings.passwordThreads)
        let keyring = MediaKeyring(pool: pool, masterKey: settings.masterKey)
        let authenticator = Authenticator(
            store: AuthStore(pool: pool),
            shares: ShareStore(pool: pool),
            cache: cache,
            keyring: keyring,
            passwords: passwords,
            logins: LoginGate(),
            graceSeconds: settings.graceSeconds,
            clock: { Timestamp.nowMicroseconds / 1_000_000 }
        )
        let upkeep = AuthUpkeep(
            store: authenticator.store,
            keyring: keyring,
            cache: cache,
            relay: OutboxRelay(
                schema: "auth",
                pool: pool,
                redis: redis,
                relayed: relayed,
                loop: loop,
                logger: logger
            ),
            passwords: passwords,
            administrator: settings.administrator,
            loop: loop,
            logger: logger
        )
        self.upkeep = upkeep
        routes = AuthRoutes(
            authenticator: authenticator,
            authorizer: RequestAuthorizer(authenticator: authenticator, site: settings.site),
            keys: StreamKeyStore(pool: pool),
            tokens: APITokenStore(pool: pool),
            streams: StreamDirectory(pool: pool),
            keyring: keyring,
            lifetimes: settings.lifetimes,
            isReady: { upkeep.isReady }
        )
        services = [pool, redis, upkeep.listener(on: database), upkeep]
    }
}

extension AuthService {
    /// Adds the routes, what the service needs, and what it counts.
    func addRoutes(to host: ServiceHost) {
        routes.add(to: host.router)
        host.readiness.add("postgres") { [pool] in pool.isReady }
        host.readiness.add("schema") { [upkeep] in upkeep.isReady }
        host.metrics.reading("grants_cached", "Credentials whose meaning is in memory.") { [cache] in
            Double(cache.count)
        }
        host.metrics.reading("database_queries_waiting", "Queries that wait for a connection.") { [pool] in
            Double(pool.depth)
        }
    }
}
