import Hosting
import Lifecycle
import Reactor
import Redis
import Telemetry

/// Puts the parts of the service together.
enum SFUServices {
    static func make(_ settings: SFUSettings, _ host: ServiceHost) async throws -> [any Service] {
        let loop = EventLoop(name: "media")
        let control = RedisClient(
            try .init(url: settings.redisControlURL),
            name: "redis-control",
            loop: loop,
            logger: host.logger
        )
        let bus = RedisClient(
            try .init(url: settings.redisBusURL),
            name: "redis-bus",
            loop: loop,
            logger: host.logger
        )
        host.readiness.add("redis-control") { control.isConnected }
        host.readiness.add("redis-bus") { bus.isConnected }
        return [control, bus]
    }
}
