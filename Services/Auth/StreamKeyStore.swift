import Crypto
import HTTPServing
import Postgres

/// The stream keys in PostgreSQL; ingest reads them by the view `auth.v1_stream_keys`.
struct StreamKeyStore: Sendable {
    /// One key, without its secret.
    struct Key: Sendable {
        var identifier: String
        var stream: String
        var name: String
        var createdAt: Int64
        var rotatedAt: Int64?
        var isRevoked: Bool

        init(_ row: PostgresRow) throws {
            identifier = try row.string("id")
            stream = try row.string("stream_id")
            name = try row.string("name")
            createdAt = try row.date("created_at")
            rotatedAt = row["rotated_at"].date
            isRevoked = !row["revoked_at"].isNull
        }
    }

    private static let columns = "k.id, k.stream_id, k.name, k.created_at, k.rotated_at, k.revoked_at"

    let pool: PostgresPool

    /// Makes a key.
    ///
    /// - Throws: a ``PostgresError`` that is a duplicate where a living key has the name.
    func create(_ secret: String, stream: String, name: String, by user: String) async throws -> Key? {
        try await pool.query(
            """
            INSERT INTO auth.stream_keys AS k (id, stream_id, name, secret_hash, created_by)
            VALUES ($1, $2, $3, $4, $5) RETURNING \(Self.columns)
            """,
            [
                .text(Randomness.identifier()), .text(stream), .text(name), .bytes(SHA256.digest(of: secret)),
                .text(user),
            ]
        ).first.map(Key.init)
    }

    /// The keys of a stream, revoked ones too, newest first.
    func list(stream: String, page: HTTPPage) async throws -> [Key] {
        try await pool.query(
            """
            SELECT \(Self.columns) FROM auth.stream_keys k
            WHERE k.stream_id = $1 AND \(page.condition("k", 2, 3))
            ORDER BY k.created_at DESC, k.id DESC LIMIT $4
            """,
            [.text(stream)] + page.values
        ).map(Key.init)
    }

    /// Gives a living key another secret; whoever publishes with the old one is put off.
    func rotate(_ key: String, stream: String, to secret: String) async throws -> Key? {
        try await pool.query(
            """
            UPDATE auth.stream_keys k SET secret_hash = $3, rotated_at = now()
            WHERE k.id = $1 AND k.stream_id = $2 AND k.revoked_at IS NULL RETURNING \(Self.columns)
            """,
            [.text(key), .text(stream), .bytes(SHA256.digest(of: secret))]
        ).first.map(Key.init)
    }

    /// Revokes a living key.
    ///
    /// - Returns: `false` where the stream has no such key.
    func revoke(_ key: String, stream: String) async throws -> Bool {
        let rows = try await pool.query(
            """
            UPDATE auth.stream_keys SET revoked_at = now()
            WHERE id = $1 AND stream_id = $2 AND revoked_at IS NULL RETURNING id
            """,
            [.text(key), .text(stream)]
        )
        return !rows.isEmpty
    }
}
