import Contracts
import Lifecycle
import Outbox
import Postgres
import Reactor
import Redis
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct OutboxRelayTests {
    private static let table = """
        CREATE TABLE auth.outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, type text, subject text, data jsonb,
            created_at timestamptz DEFAULT now(), relayed_at timestamptz)
        """
    private static let insert = "INSERT INTO auth.outbox (type, subject, data) VALUES ('tested', $1, '{}')"

    private let loop = EventLoop(name: "outbox")
    private let logger = Logger(level: .error) { _ in }
    private let server: RedisServer
    private let redis: RedisClient
    private let pool: PostgresPool

    init() throws {
        server = try RedisServer()
        redis = RedisClient(
            try RedisClient.Configuration(url: server.url),
            name: "events",
            loop: loop,
            logger: logger
        )
        let database = PostgresConfiguration(
            address: try PostgresServer.shared().makeDatabase().address(),
            applicationName: "outbox-tests"
        )
        pool = PostgresPool(database, size: 4, on: loop, logger: logger)
    }

    private func relay() -> OutboxRelay {
        OutboxRelay(
            schema: "auth",
            pool: pool,
            redis: redis,
            relayed: Counter(),
            loop: loop,
            logger: logger
        )
    }

    /// The subjects of all events, oldest first.
    private func relayedSubjects() async throws -> [String] {
        guard case .array(let entries) = try await redis.command("XRANGE", EventStream.key, "-", "+") else {
            return []
        }
        return entries.compactMap { entry in
            guard case .array(let parts) = entry, case .array(let fields) = parts.last else { return nil }
            return fields.count > 5 ? fields[5].string : nil
        }
    }

    private func withRelays(_ count: Int, _ body: @Sendable () async throws -> Void) async throws {
        try await running(redis) {
            try await running(pool) {
                try await pool.query(Self.table)
                try await withThrowingTaskGroup { group in
                    for _ in 0..<count {
                        let relay = relay()
                        group.addTask { try await relay.run() }
                    }
                    try await body()
                    group.cancelAll()
                }
            }
        }
    }

    @Test func `two replicas relay more rows than a batch holds once each and in order`() async throws {
        let subjects = (0..<450).map { "s\($0)" }
        try await withRelays(2) {
            try await pool.transaction { connection in
                for subject in subjects { _ = try await connection.query(Self.insert, [.text(subject)]) }
            }
            try await eventually("all are relayed") { try await relayedSubjects().count >= subjects.count }
            #expect(try await relayedSubjects() == subjects)
        }
    }

    @Test func `a row that commits after a younger one is relayed too`() async throws {
        try await withRelays(1) {
            try await pool.transaction { slow in
                _ = try await slow.query(Self.insert, [.text("older")])
                try await pool.query(Self.insert, [.text("younger")])
                try await eventually("the younger is relayed") { try await relayedSubjects() == ["younger"] }
            }
            try await eventually("the older follows") {
                try await relayedSubjects() == ["younger", "older"]
            }
        }
    }
}
