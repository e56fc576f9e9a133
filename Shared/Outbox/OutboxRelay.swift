import Contracts
import Events
public import Postgres
public import Reactor
public import Redis
public import Telemetry

/// Hands committed facts from the table `outbox` of one schema on to the stream of events, in order, at least once.
///
/// The table has the columns `id`, `type`, `subject`, `data`, `created_at` and `relayed_at`.
public final class OutboxRelay: Sendable {
    /// Rows that one transaction relays.
    static let batchLimit = 200
    /// How long a row may wait whose notification was lost.
    private static let interval: Duration = .seconds(1)

    private let schema: String
    private let pool: PostgresPool
    private let redis: RedisClient
    private let relayed: Counter
    private let loop: EventLoop
    private let logger: Logger
    private let (signals, signal) = AsyncStream.makeStream(
        of: Void.self,
        bufferingPolicy: .bufferingNewest(1)
    )

    /// - Parameters:
    ///   - schema: whose outbox it is; a trusted name, not a peer's.
    ///   - relayed: counts the events that Redis took.
    public init(
        schema: String,
        pool: PostgresPool,
        redis: RedisClient,
        relayed: Counter,
        loop: EventLoop,
        logger: Logger
    ) {
        self.schema = schema
        self.pool = pool
        self.redis = redis
        self.relayed = relayed
        self.loop = loop
        self.logger = logger
    }

    /// Says that a row was added.
    public func wake() { signal.yield() }

    /// Relays what is added, until it is cancelled; what cannot be relayed yet is tried again every second.
    public func run() async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { await self.relayOnSignals() }
            group.addTask {
                while true {
                    try await self.loop.sleep(for: Self.interval)
                    self.wake()
                }
            }
            try await group.waitForAll()
        }
    }

    /// Deletes what was relayed longer ago than `days`.
    public func forget(after days: Int) async throws {
        _ = try await pool.query(
            "DELETE FROM \(schema).outbox WHERE relayed_at < now() - interval '\(days) days'"
        )
    }

    private func relayOnSignals() async {
        var isFailing = false
        for await _ in signals {
            do {
                while try await relayBatch() == Self.batchLimit {}
                isFailing = false
            } catch {
                if !isFailing { logger.log(.warning, "events wait in the outbox", [.error: "\(error)"]) }
                isFailing = true
            }
        }
    }

    private func relayBatch() async throws -> Int {
        try await pool.transaction { connection in
            // One replica at a time, so that the order holds.
            let lock = try await connection.query(
                "SELECT pg_try_advisory_xact_lock(hashtextextended('\(schema).outbox', 0)) AS held"
            )
            guard try lock.first?.bool("held") ?? false else { return 0 }
            let rows = try await connection.query(
                """
                SELECT id, type, subject, data, created_at FROM \(schema).outbox
                WHERE relayed_at IS NULL ORDER BY id LIMIT \(Self.batchLimit)
                """
            )
            guard !rows.isEmpty else { return 0 }
            for reply in try await redis.pipeline(try rows.map(command)) {
                if case .error(let message) = reply { throw RedisError(.refused, message) }
            }
            // Exactly these: a transaction that began earlier may yet commit a lower ID.
            _ = try await connection.query(
                "UPDATE \(schema).outbox SET relayed_at = now() WHERE id = ANY ($1::bigint[])",
                [.texts(try rows.map { try $0.string("id") })]
            )
            relayed.increment(by: UInt64(rows.count))
            return rows.count
        }
    }

    private func command(_ row: PostgresRow) throws -> RedisCommand {
        SuiteEvent(
            id: "\(schema)-\(try row.string("id"))",
            type: try row.string("type"),
            subject: try row.string("subject"),
            data: Array(try row.string("data").utf8),
            time: Timestamp.rfc3339(microseconds: try row.date("created_at"))
        ).command
    }
}
