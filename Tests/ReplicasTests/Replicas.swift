import Lifecycle
import Reactor
import Redis
import Telemetry
import TestSupport

@testable import Replicas

/// The replicas of one test.
final class Replicas: Sendable {
    /// One that runs.
    struct Replica: Sendable {
        var lease: SlotLease
        var shutdown = Shutdown()
        var run: Task<Void, any Error>

        func stop() async {
            shutdown.request()
            try? await run.value
        }
    }

    let client: RedisClient

    init(client: RedisClient) { self.client = client }

    /// Starts a replica, and returns once it has a slot.
    func start(
        _ address: String,
        occupy: @escaping @Sendable (Int) async -> Bool = { _ in true }
    ) async throws -> Replica {
        let lease = SlotLease(
            of: "test",
            address: address,
            limit: 4,
            client: client,
            logger: Logger(level: .error) { _ in },
            occupy: occupy
        )
        let shutdown = Shutdown()
        let run = Task { try await lease.run(until: shutdown) }
        try await eventually("\(address) has a slot") { lease.slot != nil }
        return Replica(lease: lease, shutdown: shutdown, run: run)
    }
}

/// Runs `body` with replicas beside a Redis of their own.
func withReplicas(_ body: (Replicas) async throws -> Void) async throws {
    let server = try RedisServer()
    let loop = EventLoop(name: "test")
    let client = RedisClient(try .init(url: server.url), loop: loop, logger: Logger(level: .error) { _ in })
    defer { loop.stop() }
    try await running(client) { try await body(Replicas(client: client)) }
}
