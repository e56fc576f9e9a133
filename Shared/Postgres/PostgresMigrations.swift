/// The steps that bring one schema to the form a service needs, each applied once, in order.
public struct PostgresMigrations: Sendable {
    /// One step.
    public struct Step: Sendable {
        /// Its place in the order, from 1 on.
        public var version: Int
        /// What it does, in a few words.
        public var name: String
        /// Statements separated by semicolons, without `BEGIN` and `COMMIT`; never changed once released.
        public var sql: String

        /// Creates a step.
        public init(_ version: Int, _ name: String, _ sql: String) {
            self.version = version
            self.name = name
            self.sql = sql
        }
    }

    private static let stepLimit: Duration = .seconds(300)

    private let schema: String
    private let steps: [Step]

    /// Creates migrations that keep their record in `<schema>.migrations`; the schema must exist.
    public init(schema: String, _ steps: [Step]) {
        self.schema = schema
        self.steps = steps.sorted { $0.version < $1.version }
    }

    /// Applies what is missing; any number of processes may call it at once.
    ///
    /// - Returns: the versions that this call applied.
    /// - Throws: a ``PostgresError``; a step that fails leaves no trace.
    @discardableResult
    public func apply(with pool: PostgresPool) async throws -> [Int] {
        try await pool.withConnection { connection in
            var applied: [Int] = []
            for step in steps where try await apply(step, on: connection) { applied.append(step.version) }
            return applied
        }
    }

    private func apply(_ step: Step, on connection: PostgresConnection) async throws -> Bool {
        try await connection.transaction { connection in
            try await lock(connection)
            let known = try await connection.query(
                """
                SELECT checksum = encode(sha256(convert_to($2, 'UTF8')), 'hex') AS is_same
                FROM "\(schema)".migrations WHERE version = $1
                """,
                [.int(Int64(step.version)), .text(step.sql)]
            )
            if let known = known.first {
                if try known.bool("is_same") { return false }
                throw PostgresError(.migrationChanged(version: step.version), "\(schema): \(step.name)")
            }
            try await connection.script(step.sql, within: Self.stepLimit)
            _ = try await connection.query(
                """
                INSERT INTO "\(schema)".migrations (version, name, checksum)
                VALUES ($1, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'))
                """,
                [.int(Int64(step.version)), .text(step.name), .text(step.sql)]
            )
            return true
        }
    }

    private func lock(_ connection: PostgresConnection) async throws {
        _ = try await connection.query(
            "SELECT pg_advisory_xact_lock(hashtextextended('martlet migrations ' || $1, 0))",
            [.text(schema)],
            within: Self.stepLimit
        )
        try await connection.script(
            """
            CREATE TABLE IF NOT EXISTS "\(schema)".migrations (
                version integer PRIMARY KEY,
                name text NOT NULL,
                checksum text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """
        )
    }
}
