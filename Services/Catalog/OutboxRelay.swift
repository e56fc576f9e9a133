import Postgres
import Redis
import Telemetry

/// Hands committed facts from `catalog.outbox` on to the Redis stream `events`, in order, at least once.
struct OutboxRelay: Sendable {
    /// The stream on the control Redis.
    static let stream = "events"
    /// What the stream keeps, about.
    static let streamLength = 100_000
    /// Rows that one transaction relays.
    static let batchLimit = 200

    let pool: PostgresPool
    let redis: RedisClient
    let relayed: Counter

    /// Relays all that waits.
    ///
    /// - Throws: where PostgreSQL or Redis is away; what was not relayed waits on.
    func relayAll() async throws {
        while try await relayBatch() == Self.batchLimit {}
    }

    /// Forgets what was relayed a day ago, and what idempotent clients no longer ask for.
    func forgetOld() async throws {
        _ = try await pool.query("DELETE FROM catalog.outbox WHERE relayed_at < now() - interval '1 day'")
        _ = try await pool.query(
            "DELETE FROM catalog.idempotency WHERE created_at < now() - interval '1 day'"
        )
    }

    private func relayBatch() async throws -> Int {
        try await pool.transaction { connection in
            // One replica at a time, so that the order holds.
            let lock = try await connection.query(
                "SELECT pg_try_advisory_xact_lock(hashtextextended('catalog.outbox', 0)) AS held"
            )
            guard try lock.first?.bool("held") ?? false else { return 0 }
            let rows = try await connection.query(
                """
                SELECT id, type, subject, data, created_at FROM catalog.outbox
                WHERE relayed_at IS NULL ORDER BY id LIMIT \(Self.batchLimit)
                """
            )
            guard !rows.isEmpty else { return 0 }
            for reply in try await redis.pipeline(try rows.map(Self.command)) {
                if case .error(let message) = reply { throw RedisError(.refused, message) }
            }
            // Exactly these: a transaction that began earlier may yet commit a lower ID.
            _ = try await connection.query(
                "UPDATE catalog.outbox SET relayed_at = now() WHERE id = ANY ($1::bigint[])",
                [.texts(try rows.map { try $0.string("id") })]
            )
            relayed.increment(by: UInt64(rows.count))
            return rows.count
        }
    }

    private static func command(_ row: PostgresRow) throws -> RedisCommand {
        RedisCommand(
            "XADD",
            stream,
            "MAXLEN",
            "~",
            "\(streamLength)",
            "*",
            "id",
            "catalog-\(try row.string("id"))",
            "type",
            try row.string("type"),
            "subject",
            try row.string("subject"),
            "data",
            try row.string("data"),
            "time",
            Timestamp.rfc3339(microseconds: try row.date("created_at"))
        )
    }
}
