import Crypto
import HTTPServing
import Postgres

/// The share links in PostgreSQL.
struct ShareStore: Sendable {
    /// One link, without its secret.
    struct Share: Sendable {
        var identifier: String
        var stream: String
        var name: String
        var grant: String
        var createdAt: Int64
        var expiresAt: Int64?
        var isRevoked: Bool

        init(_ row: PostgresRow) throws {
            identifier = try row.string("id")
            stream = try row.string("stream_id")
            name = try row.string("name")
            grant = try row.string("grant_id")
            createdAt = try row.date("created_at")
            expiresAt = row["expires_at"].date
            isRevoked = try row.bool("revoked")
        }
    }

    private static let columns = """
        l.id, l.stream_id, l.name, l.grant_id, l.created_at, l.expires_at, g.revoked_at IS NOT NULL AS revoked
        """

    let pool: PostgresPool

    /// Makes a link to one stream.
    func create(
        _ secret: CredentialSecret,
        stream: String,
        name: String,
        by user: String,
        seconds: Int64?
    ) async throws -> Share? {
        let share = Randomness.identifier()
        let rows = try await pool.query(
            """
            WITH g AS (
                INSERT INTO auth.grants (id, kind, subject, role, stream_id, expires_at)
                VALUES ($1, 'share', $2, 'viewer', $3, now() + $4 * interval '1 second')
                RETURNING id, expires_at, revoked_at
            ), l AS (
                INSERT INTO auth.share_links (id, stream_id, name, secret_hash, grant_id, created_by, expires_at)
                SELECT $2::text, $3::text, $5::text, $6::bytea, g.id, $7::text, g.expires_at FROM g
                RETURNING *
            )
            SELECT \(Self.columns) FROM l, g
            """,
            [
                .text(Randomness.identifier()), .text(share), .text(stream),
                PostgresValue(seconds.map(Double.init)),
                .text(name), .bytes(secret.hash), .text(user),
            ]
        )
        return try rows.first.map(Share.init)
    }

    /// The links of a stream, newest first, after `cursor`.
    func list(stream: String, page: HTTPPage) async throws -> [Share] {
        try await pool.query(
            """
            SELECT \(Self.columns) FROM auth.share_links l JOIN auth.grants g ON g.id = l.grant_id
            WHERE l.stream_id = $1 AND g.revoked_at IS NULL AND \(page.condition("l", 2, 3))
            ORDER BY l.created_at DESC, l.id DESC LIMIT $4
            """,
            [.text(stream)] + page.values
        ).map(Share.init)
    }

    /// Revokes a link with all that was got by it.
    ///
    /// - Returns: `false` where the stream has no such link.
    func revoke(_ share: String, stream: String) async throws -> Bool {
        let rows = try await pool.query(
            """
            UPDATE auth.grants g SET revoked_at = now() FROM auth.share_links l
            WHERE l.grant_id = g.id AND l.id = $1 AND l.stream_id = $2 AND g.revoked_at IS NULL
            RETURNING g.id
            """,
            [.text(share), .text(stream)]
        )
        return !rows.isEmpty
    }

    /// The living link that a secret belongs to.
    func share(of secret: CredentialSecret) async throws -> Share? {
        try await pool.query(
            """
            SELECT \(Self.columns) FROM auth.share_links l JOIN auth.grants g ON g.id = l.grant_id
            WHERE l.secret_hash = $1 AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > now())
            """,
            [.bytes(secret.hash)]
        ).first.map(Share.init)
    }

    /// Opens the session of a browser that showed the link's secret.
    func openSession(_ secret: CredentialSecret, of share: Share, seconds: Int64) async throws {
        try await pool.query(
            """
            INSERT INTO auth.sessions (secret_hash, grant_id, expires_at)
            VALUES ($1, $2, now() + $3 * interval '1 second')
            """,
            [.bytes(secret.hash), .text(share.grant), .double(Double(seconds))]
        )
    }
}
