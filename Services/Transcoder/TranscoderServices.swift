import CPlatform
import Contracts
import Glibc
import Hosting
import Lifecycle
import MediaBus
import Reactor
import Redis
import Telemetry

/// Puts the parts of the service together.
enum TranscoderServices {
    /// Why the service cannot run.
    enum Failure: Error { case cannotConfine(CInt) }

    /// The renditions that are made here.
    private static let renditions: [RenditionName] = [.opus, .aac, .withoutBFrames]

    static func make(_ settings: TranscoderSettings, _ host: ServiceHost) throws -> [any Service] {
        guard cplatform_confine(settings.memoryByteLimit) == 0 else { throw Failure.cannotConfine(errno) }
        let redis = try RedisClient.Configuration(url: settings.redisBusURL)
        let bus = BusConfiguration(redis: redis)
        let budget = OutageBudget(byteLimit: bus.outageByteLimit)
        let places = host.loops.loops.map { loop in
            place(on: loop, bus: bus, budget: budget, logger: host.logger)
        }
        let loop = host.loops.next()
        let client = RedisClient(redis, name: "redis-bus", loop: loop, logger: host.logger)
        let waiting = RedisClient(redis, name: "redis-wants", loop: loop, logger: host.logger)
        let worker = RenditionWorker(
            holder: holder,
            settings: settings,
            wants: BusWants(client, waitingOn: waiting),
            loop: loop,
            places: places,
            metrics: TranscoderMetrics(host.metrics),
            logger: host.logger
        )
        host.readiness.add("redis-bus") {
            client.isConnected && places.allSatisfy(\.shard.isConnected)
        }
        return [client, waiting] + places.map(\.shard) + [worker]
    }

    static func place(
        on loop: EventLoop,
        bus: BusConfiguration,
        budget: OutageBudget,
        logger: Logger
    ) -> RenditionMaker.Place {
        let readers = renditions.map { rendition in
            (rendition, BusReader(bus, loop: loop, logger: logger) { _ in })
        }
        return RenditionMaker.Place(
            loop: loop,
            shard: BusShard(bus, budget: budget, loop: loop, logger: logger),
            readers: Dictionary(uniqueKeysWithValues: readers),
            rest: LoopRest(loop)
        )
    }

    /// What the leases say: the machine and the process.
    private static var holder: String {
        var name = [CChar](repeating: 0, count: 256)
        // SAFETY: the name has the room that the call is told, but for the last byte, which stays 0.
        _ = unsafe gethostname(&name, name.count - 1)
        let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(host.filter { $0 != "|" })/\(getpid())"
    }
}
