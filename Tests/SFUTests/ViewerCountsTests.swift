import Contracts
import Foundation
import Lifecycle
import Reactor
import Redis
import Replicas
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import SFU

@Suite(.timeLimit(.minutes(1))) struct ViewerCountsTests {
    /// What was told of a stream, by a slot.
    private struct Told: Decodable, Equatable {
        var streamId: String
        var replica: Int
        var viewers: Int
    }

    /// One replica with a slot, whose viewers the test sets.
    private final class Replica: Sendable {
        let lease: SlotLease
        private let watching = Counts()
        private let shutdown = Shutdown()
        private let leaseShutdown = Shutdown()
        private let telling: Task<Void, any Error>
        private let leasing: Task<Void, any Error>

        init(_ address: String, _ client: RedisClient) {
            let logger = Logger(level: .error) { _ in }
            let lease = SlotLease(
                of: "sfu",
                address: address,
                limit: 4,
                client: client,
                logger: logger,
                occupy: { _ in true }
            )
            let counts = ViewerCounts(client: client, slots: lease, logger: logger) { [watching] in
                watching.value
            }
            self.lease = lease
            leasing = Task { [leaseShutdown] in try await lease.run(until: leaseShutdown) }
            telling = Task { [shutdown] in try await counts.run(until: shutdown) }
        }

        func watch(_ counts: [String: Int]) { watching.value = counts }

        /// Ends as a drain does: the counts tell their last before the slot is given back.
        func stop() async {
            shutdown.request()
            try? await telling.value
            leaseShutdown.request()
            try? await leasing.value
        }

        /// Ends without another word, as who is killed; its slot is free then.
        func kill() async {
            telling.cancel()
            await stop()
        }
    }

    private final class Counts: Sendable {
        private let counts = Mutex<[String: Int]>([:])
        var value: [String: Int] {
            get { counts.withLock { $0 } }
            set { counts.withLock { $0 = newValue } }
        }
    }

    /// Runs `body` beside a Redis of its own.
    private func withRedis(_ body: (RedisClient) async throws -> Void) async throws {
        let server = try RedisServer()
        let loop = EventLoop(name: "test")
        let client = RedisClient(
            try .init(url: server.url),
            loop: loop,
            logger: Logger(level: .error) { _ in }
        )
        defer { loop.stop() }
        try await running(client) { try await body(client) }
    }

    private func told(_ client: RedisClient) async throws -> [Told] {
        let entries = try await client.command("XRANGE", EventStream.key, "-", "+").array ?? []
        return try entries.compactMap { entry in
            let fields = entry.array?.last?.pairs ?? []
            guard let data = fields.first(where: { $0.name == "data" })?.value.bytes else { return nil }
            return try JSONDecoder().decode(Told.self, from: Data(data))
        }
    }

    @Test func `who stops tells that nobody watches there any more`() async throws {
        try await withRedis { client in
            let replica = Replica("a:1", client)
            replica.watch(["stream": 3])
            try await eventually("the viewers are told of") {
                try await told(client).last == Told(streamId: "stream", replica: 0, viewers: 3)
            }
            await replica.stop()
            #expect(try await told(client).last == Told(streamId: "stream", replica: 0, viewers: 0))
        }
    }

    @Test func `who comes into the slot of one that was killed corrects what that has told`() async throws {
        try await withRedis { client in
            let killed = Replica("a:1", client)
            killed.watch(["one": 3, "two": 1])
            try await eventually("the viewers are told of") { try await told(client).count == 2 }
            await killed.kill()
            #expect(try await told(client).count == 2)
            let next = Replica("b:1", client)
            next.watch(["two": 1])
            try await eventually("the other stream has nobody") {
                try await told(client).dropFirst(2) == [Told(streamId: "one", replica: 0, viewers: 0)]
            }
            await next.kill()
        }
    }

    @Test func `where nobody comes into its slot, another replica does`() async throws {
        try await withRedis { client in
            let killed = Replica("a:1", client)
            try await eventually("it has a slot") { killed.lease.slot == 0 }
            let other = Replica("b:1", client)
            killed.watch(["stream": 3])
            try await eventually("the viewers are told of") { try await told(client).count == 1 }
            await killed.kill()
            try await eventually("they are counted no more") {
                try await told(client).last == Told(streamId: "stream", replica: 0, viewers: 0)
            }
            await other.stop()
        }
    }

    @Test func `what was taken back from one that lives is told again`() async throws {
        try await withRedis { client in
            let replica = Replica("a:1", client)
            replica.watch(["stream": 3])
            try await eventually("the viewers are told of") { try await told(client).count == 1 }
            try await client.command("DEL", "sfu:told:0")
            try await eventually("they are told of again") { try await told(client).count == 2 }
            await replica.stop()
        }
    }
}
