import Crypto
import HTTPServing
import Postgres

/// The bearer tokens of scripts in PostgreSQL.
struct APITokenStore: Sendable {
    /// One token, without its secret.
    struct Token: Sendable {
        var identifier: String
        var name: String
        var createdAt: Int64
        var expiresAt: Int64?

        init(_ row: PostgresRow) throws {
            identifier = try row.string("id")
            name = try row.string("name")
            createdAt = try row.date("created_at")
            expiresAt = row["expires_at"].date
        }
    }

    let pool: PostgresPool

    /// Makes a token that may do what its user may.
    func create(
        _ secret: CredentialSecret,
        name: String,
        for user: Principal,
        seconds: Int64?
    ) async throws -> Token? {
        try await pool.query(
            """
            WITH g AS (
                INSERT INTO auth.grants (id, kind, subject, role, expires_at)
                VALUES ($1, 'token', $2, $3, now() + $4 * interval '1 second') RETURNING id, expires_at
            ), t AS (
                INSERT INTO auth.api_tokens (id, user_id, name, secret_hash, grant_id)
                SELECT $5::text, $2::text, $6::text, $7::bytea, g.id FROM g RETURNING *
            )
            SELECT t.id, t.name, t.created_at, g.expires_at FROM t, g
            """,
            [
                .text(Randomness.identifier()), .text(user.subject), .text(user.role.rawValue),
                PostgresValue(seconds.map(Double.init)), .text(Randomness.identifier()), .text(name),
                .bytes(secret.hash),
            ]
        ).first.map(Token.init)
    }

    /// The living tokens of a user, newest first.
    func list(user: String, page: HTTPPage) async throws -> [Token] {
        try await pool.query(
            """
            SELECT t.id, t.name, t.created_at, g.expires_at
            FROM auth.api_tokens t JOIN auth.grants g ON g.id = t.grant_id
            WHERE t.user_id = $1 AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > now())
                AND \(page.condition("t", 2, 3))
            ORDER BY t.created_at DESC, t.id DESC LIMIT $4
            """,
            [.text(user)] + page.values
        ).map(Token.init)
    }

    /// Revokes a token of a user.
    ///
    /// - Returns: `false` where the user has no such token.
    func revoke(_ token: String, user: String) async throws -> Bool {
        let rows = try await pool.query(
            """
            UPDATE auth.grants g SET revoked_at = now() FROM auth.api_tokens t
            WHERE t.grant_id = g.id AND t.id = $1 AND t.user_id = $2 AND g.revoked_at IS NULL
            RETURNING g.id
            """,
            [.text(token), .text(user)]
        )
        return !rows.isEmpty
    }
}
