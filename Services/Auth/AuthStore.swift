import Crypto
import Postgres

/// The accounts, grants and sessions in PostgreSQL.
struct AuthStore: Sendable {
    /// What a login needs to know of a user.
    struct Account: Sendable {
        var principal: Principal
        var passwordHash: String
    }

    let pool: PostgresPool

    /// Creates the first user; does nothing where a user of that name exists.
    ///
    /// - Returns: whether it was created.
    func createUser(named name: String, passwordHash: String, role: Principal.Role) async throws -> Bool {
        let rows = try await pool.query(
            """
            WITH new_user AS (
                INSERT INTO auth.users (id, name, password_hash, role) VALUES ($1, $2, $3, $4)
                ON CONFLICT (lower(name)) DO NOTHING
                RETURNING id, role
            )
            INSERT INTO auth.grants (id, kind, subject, role)
            SELECT $5::text, 'password', id, role FROM new_user
            RETURNING id
            """,
            [
                .text(Randomness.identifier()), .text(name), .text(passwordHash), .text(role.rawValue),
                .text(Randomness.identifier()),
            ]
        )
        return !rows.isEmpty
    }

    /// Whether there is any user.
    func hasUsers() async throws -> Bool {
        !(try await pool.query("SELECT id FROM auth.users LIMIT 1")).isEmpty
    }

    /// The user of a name in any case, with the grant that the password gives.
    func account(named name: String) async throws -> Account? {
        let rows = try await pool.query(
            """
            SELECT u.password_hash, u.id AS subject, u.role, g.id AS grant_id, g.kind, g.stream_id,
                NULL::bigint AS expiry
            FROM auth.users u JOIN auth.grants g ON g.subject = u.id AND g.kind = 'password'
            WHERE lower(u.name) = lower($1) AND u.disabled_at IS NULL AND g.revoked_at IS NULL
            """,
            [.text(name)]
        )
        return try rows.first.map { row in
            Account(principal: try Principal(row), passwordHash: try row.string("password_hash"))
        }
    }

    /// The name of a user.
    func userName(_ identifier: String) async throws -> String? {
        try await pool.query("SELECT name FROM auth.users WHERE id = $1", [.text(identifier)]).first?["name"]
            .text
    }

    // MARK: Sessions

    /// Opens a session of a user with a grant of its own.
    func openSession(_ secret: CredentialSecret, for user: Principal, seconds: Int64) async throws {
        try await pool.query(
            """
            WITH new_grant AS (
                INSERT INTO auth.grants (id, kind, subject, role, expires_at)
                VALUES ($1, 'session', $2, $3, now() + $4 * interval '1 second')
                RETURNING id, expires_at
            )
            INSERT INTO auth.sessions (secret_hash, grant_id, expires_at)
            SELECT $5::bytea, id, expires_at FROM new_grant
            """,
            [
                .text(Randomness.identifier()), .text(user.subject), .text(user.role.rawValue),
                .double(Double(seconds)), .bytes(secret.hash),
            ]
        )
    }

    /// What a cookie's secret stands for: a login or an exchanged share link.
    func principal(ofSession secret: CredentialSecret) async throws -> Principal? {
        let rows = try await pool.query(
            """
            SELECT \(Self.principalColumns),
                floor(extract(epoch FROM least(s.expires_at, g.expires_at)))::bigint AS expiry
            FROM auth.sessions s JOIN auth.grants g ON g.id = s.grant_id
            WHERE s.secret_hash = $1 AND s.expires_at > now() AND \(Self.isLiving)
                AND (g.kind = 'share') = $2
            """,
            [.bytes(secret.hash), .bool(secret.kind == .shareSession)]
        )
        return try rows.first.map(Principal.init)
    }

    /// What an API token stands for.
    func principal(ofToken secret: CredentialSecret) async throws -> Principal? {
        let rows = try await pool.query(
            """
            SELECT \(Self.principalColumns), floor(extract(epoch FROM g.expires_at))::bigint AS expiry
            FROM auth.api_tokens t JOIN auth.grants g ON g.id = t.grant_id
            WHERE t.secret_hash = $1 AND \(Self.isLiving)
            """,
            [.bytes(secret.hash)]
        )
        return try rows.first.map(Principal.init)
    }

    // MARK: Grants

    /// A grant that is neither revoked nor expired.
    func principal(ofGrant grant: String) async throws -> Principal? {
        let rows = try await pool.query(
            """
            SELECT \(Self.principalColumns), floor(extract(epoch FROM g.expires_at))::bigint AS expiry
            FROM auth.grants g WHERE g.id = $1 AND \(Self.isLiving)
            """,
            [.text(grant)]
        )
        return try rows.first.map(Principal.init)
    }

    /// Revokes a grant; a trigger tells everybody.
    func revoke(grant: String) async throws {
        try await pool.query(
            "UPDATE auth.grants SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL",
            [.text(grant)]
        )
    }

    /// Deletes what nothing can refer to any more.
    func sweep() async throws {
        try await pool.query("DELETE FROM auth.sessions WHERE expires_at < now() - interval '1 day'")
        try await pool.query(
            """
            DELETE FROM auth.grants
            WHERE kind = 'session' AND (expires_at < now() - interval '2 days' OR revoked_at < now() - interval '2 days')
            """
        )
    }

    /// The columns that ``Principal/init(_:)`` reads but for `expiry`.
    private static let principalColumns = "g.id AS grant_id, g.kind, g.subject, g.role, g.stream_id"
    private static let isLiving = """
        g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > now())
            AND NOT EXISTS (SELECT FROM auth.users u WHERE u.id = g.subject AND u.disabled_at IS NOT NULL)
        """
}

extension Principal {
    init(_ row: PostgresRow) throws {
        guard let kind = Kind(rawValue: try row.string("kind")) else {
            throw PostgresError(.column("kind"), "an unknown kind of grant")
        }
        guard let role = Role(rawValue: try row.string("role")) else {
            throw PostgresError(.column("role"), "an unknown role")
        }
        self.init(
            subject: try row.string("subject"),
            kind: kind,
            role: role,
            grant: try row.string("grant_id"),
            stream: row["stream_id"].text,
            expiry: row["expiry"].int.map(Int64.init)
        )
    }
}
