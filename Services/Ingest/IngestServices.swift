import Configuration
import Crypto
import HTTPServing
import Hosting
import Lifecycle
import MediaBus
import Postgres
import Reactor
import Redis
import Replicas
import Telemetry

/// Puts the parts of the service together.
enum IngestServices {
    /// The connections to PostgreSQL; publishing asks it rarely.
    private static let databaseConnectionCount = 2

    static func make(_ settings: IngestSettings, _ host: ServiceHost) throws -> [any Service] {
        // The loops of many publishers rest between two rounds, which every question would wait for.
        let questions = EventLoop(name: "ingest-questions")
        let pool = PostgresPool(
            PostgresConfiguration(address: settings.database.reveal(), applicationName: host.name),
            size: databaseConnectionCount,
            on: questions,
            logger: host.logger
        )
        let authority = PostgresAuthority(pool: pool, logger: host.logger)
        var bus = BusConfiguration(redis: try RedisClient.Configuration(url: settings.busURL))
        bus.outageByteLimit = settings.outageByteCount
        bus.silenceLimit = settings.silenceLimit
        let parts = IngestParts(
            settings,
            authority: authority,
            bus: bus,
            loops: host.loops,
            metrics: host.metrics,
            logger: host.logger
        )
        let control = RedisClient(
            try RedisClient.Configuration(url: settings.controlURL),
            name: "redis-control",
            loop: questions,
            logger: host.logger
        )
        let revocations = Revocations(
            redis: control,
            authority: authority,
            registry: parts.context.registry,
            loop: questions,
            logger: host.logger
        )
        let whip = try WHIPServer(context: parts.context, shard: parts.shards[0], errands: parts.errands)
        let slots = SlotLease(
            of: host.name,
            address: settings.internalAddress,
            limit: settings.slotLimit,
            client: control,
            logger: host.logger,
            occupy: { await whip.open($0) }
        )
        host.readiness.add("postgres") { pool.isReady }
        host.readiness.add("schema") { await authority.isComplete() }
        host.readiness.add("bus") { parts.shards.allSatisfy(\.isConnected) }
        host.readiness.add("slot") { slots.held != nil }
        addRoutes(to: whip, slots, parts.context, host)
        let server = try RTMPServer(
            context: parts.context,
            workers: parts.workers,
            identity: settings.identity()
        )
        return [parts.errands, pool, control] + parts.shards + [slots, revocations, server, whip]
    }

    private static func addRoutes(
        to server: WHIPServer,
        _ slots: SlotLease,
        _ context: IngestContext,
        _ host: ServiceHost
    ) {
        let proxy = SlotProxy(slots: slots, client: HTTPClient(loops: host.loops))
        PublisherRoutes(registry: context.registry, proxy: proxy).add(to: host.router)
        WHIPRoutes(
            server: server,
            slots: slots,
            proxy: proxy,
            iceServers: context.settings.iceServers,
            shutdown: host.shutdown
        )
        .add(to: host.router)
    }
}

extension IngestSettings {
    /// The certificate for RTMPS, where there is one.
    func identity() throws -> TLSIdentity? {
        guard let certificateFile, let keyFile else { return nil }
        return try TLSIdentity(certificateFile: certificateFile, keyFile: keyFile)
    }
}
