import Crypto
import Lifecycle
import Reactor
import Replicas
import Sockets
import Telemetry
import WebRTC

/// Opens the port of the replica's slot, one shard of viewers for each loop, and lets all viewers go when it stops.
struct ViewerService: Service {
    let name = "viewers"
    let viewers: ViewerDirectory
    let settings: SFUSettings
    let identity: DTLSIdentity
    let loops: [EventLoop]
    let hub: FeedHub
    let measures: SFUMeasures
    let logger: Logger

    /// Opens the port of a slot.
    ///
    /// - Returns: `false` where it is taken.
    @Sendable func open(_ slot: Int) async -> Bool {
        do throws(SystemCallError) {
            let shards = try shards(slot)
            for shard in shards { await shard.perform { $0.start() } }
            viewers.open(shards)
            return true
        } catch {
            logger.log(.warning, "the port of a slot cannot be opened", [.slot: slot, .error: "\(error)"])
            return false
        }
    }

    private func shards(_ slot: Int) throws(SystemCallError) -> [ViewerShard] {
        var configuration = EndpointConfiguration(
            slot: slot,
            firstPort: settings.webRTCPort,
            address: settings.webRTCAddress,
            advertisedAddresses: settings.advertisedAddresses,
            advertisedPorts: settings.advertisedPorts
        )
        configuration.metrics = measures.endpoint
        configuration.reusesPort = loops.count > 1
        configuration.group = EndpointGroup()
        try Self.check(configuration)
        var shards: [ViewerShard] = []
        for loop in loops {
            let shard = try ViewerShard(
                configuration,
                identity: identity,
                loop: loop,
                hub: hub,
                byteLimit: settings.cacheByteLimit,
                measures: measures,
                connected: viewers.noteConnected,
                closed: viewers.forget
            )
            shards.append(shard)
            // Port 0 lets the kernel choose for the first, and the others follow it.
            configuration.port = shard.port
        }
        return shards
    }

    /// Sockets that share a port would share it with another replica's too.
    private static func check(_ configuration: EndpointConfiguration) throws(SystemCallError) {
        guard let address = configuration.addresses.first, configuration.port > 0 else { return }
        _ = try DatagramSocket(.init(address: address, port: configuration.port))
    }

    func run(until shutdown: Shutdown) async throws {
        try? await shutdown.requested()
        await drain()
        for shard in viewers.shards { await shard.perform { $0.stop() } }
    }

    /// Says goodbye to some viewers after the other.
    private func drain() async {
        for (index, portion) in DrainPlan(viewers.drain(), over: settings.drainTime).portions.enumerated() {
            if index > 0, (try? await loops[0].sleep(for: DrainPlan.interval)) == nil { return }
            for id in portion { viewers.close(id) }
        }
    }
}
