import Crypto
import Events
import HTTPServing
import Hosting
import Lifecycle
import MediaBus
import Reactor
import Redis
import Replicas
import Telemetry

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
        host.metrics.reading("bus_outages", "Times that the media bus did not answer for seconds.") {
            Double(reader.outages.current)
        }
        let identity = try DTLSIdentity()
        let viewers = ViewerDirectory(limit: settings.viewerLimit)
        let service = ViewerService(
            viewers: viewers,
            settings: settings,
            identity: identity,
            loops: host.loops.loops,
            hub: hub,
            measures: measures,
            logger: logger
        )
        let slots = SlotLease(
            of: host.name,
            address: settings.internalAddress,
            limit: settings.slotLimit,
            client: control,
            logger: logger,
            occupy: service.open
        )
        let proxy = SlotProxy(slots: slots, client: HTTPClient(loops: host.loops))
        WHEPRoutes(
            hub: hub,
            liveness: StreamLiveness(bus: bus),
            viewers: viewers,
            slots: slots,
            proxy: proxy,
            identity: identity,
            iceServers: settings.iceServers,
            shutdown: host.shutdown,
            measures: measures,
            logger: logger
        ).add(to: host.router)
        ViewerRoutes(viewers: viewers, proxy: proxy).add(to: host.router)
        host.readiness.add("redis-control") { control.isConnected }
        host.readiness.add("redis-bus") { bus.isConnected }
        host.readiness.add("slot") { slots.held != nil }
        let grants = GrantEvents(
            client: events,
            grants: viewers,
            graceLimit: settings.grantGrace,
            logger: logger
        )
        let counts = ViewerCounts(client: control, slots: slots, logger: logger) { viewers.counts }
        let measurements = ViewerMeasurements(client: control, viewers: viewers, slots: slots)
        // The last stops first. The viewers wait for nobody who waits for Redis; the counts can say that nobody is left.
        return [control, events, bus, reader, hub, slots, counts, grants, service, measurements]
    }

    private static func redis(
        _ url: String,
        _ name: String,
        _ loop: EventLoop,
        _ logger: Logger
    ) throws -> RedisClient {
        RedisClient(try .init(url: url), name: name, loop: loop, logger: logger)
    }
}
