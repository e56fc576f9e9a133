import Contracts
import Crypto
import Foundation
import Lifecycle
import Media
import MediaBus
import Postgres
import Reactor
import Redis
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Ingest

/// The service in this process, with a Redis and a PostgreSQL of its own, and a reader of the bus.
struct IngestHarness {
    static let streamID = "stream"
    static let key = "main?k=secret"

    let redis: RedisServer
    let postgres: PostgresServer
    let database: PostgresServer.Database
    let pool: PostgresPool
    let loops: EventLoopGroup
    let parts: IngestParts
    let server: RTMPServer
    let received: ReceivedStream
    let commands: RedisClient
    private let stop = Shutdown()
    private let stopped = Shutdown()

    /// Runs `body` against a service that is up.
    static func run(
        _ change: (inout IngestSettings) -> Void = { _ in },
        identity: TLSIdentity? = nil,
        postgres: PostgresServer? = nil,
        _ body: (IngestHarness) async throws -> Void
    ) async throws {
        let harness = try IngestHarness(change, identity: identity, postgres: postgres ?? .shared())
        try await harness.serve(body)
    }

    private init(
        _ change: (inout IngestSettings) -> Void,
        identity: TLSIdentity?,
        postgres: PostgresServer
    ) throws {
        self.postgres = postgres
        redis = try RedisServer()
        database = try postgres.makeDatabase()
        loops = EventLoopGroup(count: 2, name: "test")
        let logger = Logger(level: .error) { print($0.message, $0.fields) }
        pool = PostgresPool(
            PostgresConfiguration(address: database.address(), applicationName: "test"),
            on: loops.next(),
            logger: logger
        )
        var settings = IngestSettings()
        settings.address = "127.0.0.1"
        settings.port = 0
        settings.securePort = 0
        settings.graceSeconds = 2
        change(&settings)
        let bus = BusConfiguration(redis: try RedisClient.Configuration(url: redis.url))
        parts = IngestParts(
            settings,
            authority: PostgresAuthority(pool: pool, logger: logger),
            bus: bus,
            loops: loops,
            metrics: MetricRegistry(service: "ingest"),
            logger: logger
        )
        server = try RTMPServer(context: parts.context, workers: parts.workers, identity: identity)
        received = ReceivedStream(bus, loop: loops.next(), logger: logger)
        commands = RedisClient(bus.redis, name: "test", loop: loops.next(), logger: logger)
    }

    private func serve(_ body: (IngestHarness) async throws -> Void) async throws {
        let revocations = Revocations(
            redis: commands,
            authority: PostgresAuthority(pool: pool, logger: Logger(level: .error) { _ in }),
            registry: parts.context.registry,
            loop: loops.next(),
            logger: Logger(level: .error) { _ in }
        )
        let services: [any Service] =
            [parts.errands, pool, commands] + parts.shards + [
                received, revocations, Stoppable(server: server, stop: stop, stopped: stopped),
            ]
        let (signals, terminate) = AsyncStream.makeStream(of: CInt.self)
        let group = ServiceGroup(services, drainLimit: .seconds(20)) { _ in }
        let running = Task { try await group.run(stoppingOn: signals) }
        defer { loops.stop() }
        do {
            try await pool.ready()
            try await pool.withConnection { try await $0.script(CatalogSchema.sql) }
            try await addKey(Self.key)
            try await eventually("the bus is connected") { parts.shards.allSatisfy(\.isConnected) }
            try await body(self)
        } catch {
            terminate.yield(SIGTERM)
            _ = try? await running.value
            throw error
        }
        terminate.yield(SIGTERM)
        try await running.value
    }

    /// Runs `body` beside another replica of the service, on the same bus and database.
    func withReplica(_ body: (Replica) async throws -> Void) async throws {
        let loops = EventLoopGroup(count: 1, name: "replica")
        let logger = Logger(level: .error) { print($0.message, $0.fields) }
        let parts = IngestParts(
            self.parts.context.settings,
            authority: PostgresAuthority(pool: pool, logger: logger),
            bus: BusConfiguration(redis: try RedisClient.Configuration(url: redis.url)),
            loops: loops,
            metrics: MetricRegistry(service: "replica"),
            logger: logger
        )
        let server = try RTMPServer(context: parts.context, workers: parts.workers, identity: nil)
        let (signals, terminate) = AsyncStream.makeStream(of: CInt.self)
        let services: [any Service] = [parts.errands] + parts.shards + [server]
        let group = ServiceGroup(services, drainLimit: .seconds(20)) { _ in }
        let running = Task { try await group.run(stoppingOn: signals) }
        defer { loops.stop() }
        do {
            try await eventually("the bus is connected") { parts.shards.allSatisfy(\.isConnected) }
            try await body(Replica(parts: parts, server: server))
        } catch {
            terminate.yield(SIGTERM)
            _ = try? await running.value
            throw error
        }
        terminate.yield(SIGTERM)
        try await running.value
    }

    /// One of several processes of the service.
    struct Replica {
        let parts: IngestParts
        let server: RTMPServer

        /// The URL for encoders.
        var url: String { "rtmp://127.0.0.1:\(server.port)/live/\(IngestHarness.key)" }
    }

    /// The service itself as one of two.
    var own: Replica { Replica(parts: parts, server: server) }

    /// Adds a stream key like `<name>?k=<secret>`.
    func addKey(_ key: String, id: String = "key1", stream: String = streamID) async throws {
        let candidate = try #require(StreamKey(key).candidates.first)
        try await pool.query(
            "INSERT INTO auth.stream_keys (key_id, stream_id, name, secret_hash) VALUES ($1, $2, $3, $4)",
            [.text(id), .text(stream), .text(candidate.name), .bytes(SHA256.digest(of: candidate.secret))]
        )
    }

    /// The states of all sessions, oldest first.
    func sessionStates() async throws -> [String] {
        try await pool.query("SELECT state FROM catalog.sessions ORDER BY started_at").map {
            try $0.string("state")
        }
    }

    /// Stops the RTMP server alone, as the end of the process would begin.
    func stopServing() async {
        stop.request()
        try? await stopped.requested()
    }

    /// A server that a test can stop before everything else.
    private struct Stoppable: Service {
        let server: RTMPServer
        let stop: Shutdown
        let stopped: Shutdown
        var name: String { server.name }

        func run(until shutdown: Shutdown) async throws {
            try await withThrowingTaskGroup { group in
                let inner = Shutdown()
                group.addTask { try await server.run(until: inner) }
                group.addTask {
                    try await Self.first(shutdown, stop)
                    inner.request()
                }
                try await group.waitForAll()
            }
            stopped.request()
            try await shutdown.requested()
        }

        private static func first(_ one: Shutdown, _ other: Shutdown) async throws {
            try await withThrowingTaskGroup { group in
                group.addTask { try await one.requested() }
                group.addTask { try await other.requested() }
                try await group.next()
                group.cancelAll()
            }
        }
    }

    /// Listens on the port of RTMP a second time.
    func listenAgain() throws -> UInt16 {
        let (workers, context) = (parts.workers, parts.context)
        return try RTMPListener(port: server.port, identity: nil, workers: workers, context: context).port
    }

    /// The URL for encoders.
    func url(_ key: String = key) -> String { "rtmp://127.0.0.1:\(server.port)/live/\(key)" }
}

/// What a reader of the bus sees of the one stream.
final class ReceivedStream: Service {
    struct Contents {
        var session: SessionDescription?
        var tracks: [TrackConfiguration] = []
        var entries: [(id: BusEntryID, entry: BusEntry)] = []
        var gapCount = 0
        var end: BusStreamEnd?

        var samples: [BusSample] { entries.flatMap(\.entry.samples) }
        func samples(of track: TrackID) -> [BusSample] { samples.filter { $0.track == track } }
        var flags: BusEntry.Flags { entries.reduce([]) { $0.union($1.entry.flags) } }
    }

    private final class Handler: BusStreamHandler {
        let contents = Mutex(Contents())

        func tracksChanged(_ session: SessionDescription, tracks: [TrackConfiguration]) {
            contents.withLock { contents in
                contents.session = session
                contents.tracks = tracks
            }
        }

        func receive(_ entry: BusEntry, id: BusEntryID) {
            contents.withLock { $0.entries.append((id, entry)) }
        }

        func gap(after last: BusEntryID?, next: BusEntryID) { contents.withLock { $0.gapCount += 1 } }
        func ended(_ reason: BusStreamEnd) { contents.withLock { $0.end = reason } }
    }

    let name = "received"
    private let reader: BusReader
    private let handler: Handler

    init(_ bus: BusConfiguration, loop: EventLoop, logger: Logger) {
        let handler = Handler()
        self.handler = handler
        let shared = Shared()
        reader = BusReader(bus, loop: loop, logger: logger) { streamID in
            shared.follow(streamID, handler)
        }
        shared.set(reader)
    }

    private final class Shared: Sendable {
        private let reader = Mutex<BusReader?>(nil)
        func set(_ new: BusReader) { reader.withLock { $0 = new } }
        func follow(_ streamID: String, _ handler: Handler) {
            let reader = reader.withLock { $0 }
            reader?.assumeIsolated { $0.follow(streamID, handler: handler) }
        }
    }

    var contents: Contents { handler.contents.withLock { $0 } }

    func run(until shutdown: Shutdown) async throws { try await reader.run(until: shutdown) }
}
