import Crypto
import Events
import HTTPServing
import Hosting
import ICE
import Lifecycle
import MediaBus
import Reactor
import Redis
import Synchronization
import Telemetry
import WebRTC

/// Puts the parts of the service together.
enum SFUServices {
    static func make(_ settings: SFUSettings, _ host: ServiceHost) async throws -> [any Service] {
        let logger = host.logger
        let loop = EventLoop(name: "media")
        let control = try redis(settings.redisControlURL, "redis-control", loop, logger)
        let events = try redis(settings.redisControlURL, "redis-events", loop, logger)
        let bus = try redis(settings.redisBusURL, "redis-bus", loop, logger)
        let measures = SFUMeasures(host.metrics)
        let hub = FeedHub(
            loop: loop,
            byteLimit: settings.cacheByteLimit,
            replica: settings.internalAddress,
            measures: measures,
            logger: logger
        )
        let reader = BusReader(
            BusConfiguration(redis: try .init(url: settings.redisBusURL)),
            loop: loop,
            logger: logger,
            found: { _ in }
        )
        await hub.setReader(reader)
        let identity = try DTLSIdentity()
        let viewers = try viewers(settings, host, identity, hub, measures)
        let slots = SlotLease(client: control, address: settings.internalAddress, logger: logger)
        let proxy = SlotProxy(slots: slots, client: HTTPClient(loops: host.loops))
        WHEPRoutes(
            hub: hub,
            liveness: StreamLiveness(bus: bus),
            viewers: viewers,
            slots: slots,
            proxy: proxy,
            identity: identity,
            measures: measures,
            logger: logger
        ).add(to: host.router)
        let client = HTTPClient(loops: host.loops)
        ViewerRoutes(viewers: viewers, slots: slots, proxy: proxy, client: client).add(to: host.router)
        host.readiness.add("redis-control") { control.isConnected }
        host.readiness.add("redis-bus") { bus.isConnected }
        host.readiness.add("slot") { slots.slot != nil }
        let grants = GrantEvents(
            client: events,
            grants: viewers,
            graceLimit: settings.grantGrace,
            logger: logger
        )
        let counts = ViewerCounts(client: control, viewers: viewers, slots: slots)
        return [control, events, bus, reader, hub, slots, ViewerService(viewers: viewers), counts, grants]
    }

    private static func redis(
        _ url: String,
        _ name: String,
        _ loop: EventLoop,
        _ logger: Logger
    ) throws -> RedisClient {
        RedisClient(try .init(url: url), name: name, loop: loop, logger: logger)
    }

    /// One shard of viewers for each loop, all of them on one port.
    private static func viewers(
        _ settings: SFUSettings,
        _ host: ServiceHost,
        _ identity: DTLSIdentity,
        _ hub: FeedHub,
        _ measures: SFUMeasures
    ) throws -> ViewerDirectory {
        let closing = ClosedViewers()
        var configuration = EndpointConfiguration()
        configuration.metrics = measures.endpoint
        if !settings.webRTCAddress.isEmpty { configuration.addresses = [settings.webRTCAddress] }
        configuration.port = settings.webRTCPort
        configuration.advertisedAddresses = settings.advertisedAddresses.compactMap { IPAddress($0) }
        configuration.reusesPort = host.loops.loops.count > 1
        let shards = try host.loops.loops.map { loop in
            let shard = try ViewerShard(
                configuration,
                identity: identity,
                loop: loop,
                hub: hub,
                byteLimit: settings.cacheByteLimit,
                measures: measures,
                closed: closing.forget
            )
            // Port 0 lets the kernel choose for the first, and the others follow it.
            configuration.port = shard.port
            return shard
        }
        let viewers = ViewerDirectory(shards: shards, limit: settings.viewerLimit)
        closing.use(viewers)
        return viewers
    }
}

/// Tells the directory of sessions that are over; the shards are made before it.
private final class ClosedViewers: Sendable {
    private let directory = Mutex<ViewerDirectory?>(nil)

    func use(_ viewers: ViewerDirectory) { directory.withLock { $0 = viewers } }

    @Sendable func forget(_ viewer: ClosedViewer) { directory.withLock { $0 }?.forget(viewer) }
}

/// Opens the shards' ports, and says goodbye to all viewers when the service stops.
struct ViewerService: Service {
    let name = "viewers"
    let viewers: ViewerDirectory

    func run(until shutdown: Shutdown) async throws {
        let shards = viewers.shards
        for (index, shard) in shards.enumerated() {
            let others = shards.indices.filter { $0 != index }.map { shards[$0] }
            await shard.perform { $0.start(besides: others) }
        }
        try? await shutdown.requested()
        viewers.drain()
        for shard in shards { await shard.perform { $0.stop() } }
    }
}
