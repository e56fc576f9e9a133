import Crypto
import Postgres
import Synchronization
import Tokens

/// The keys that sign media tokens: the newest signs, the newest two are accepted.
///
/// The database holds a salt for each; the key itself is derived by the master key, so that who reads the
/// database alone signs nothing.
final class MediaKeyring: Sendable {
    /// A key signs for a day and is accepted for one more, as long as the longest token lives.
    static let signingSeconds: Int64 = 86_400
    /// An unknown key is looked for in the database at most once in this many seconds.
    static let reloadSeconds: Int64 = 1

    private struct State {
        var keys: [(number: UInt32, key: [UInt8])] = []
        var loadedAt: Int64 = 0
    }

    private let pool: PostgresPool
    private let masterKey: [UInt8]
    private let state = Mutex(State())

    init(pool: PostgresPool, masterKey: [UInt8]) {
        self.pool = pool
        self.masterKey = masterKey
    }

    /// Whether tokens can be signed.
    var isReady: Bool { state.withLock { !$0.keys.isEmpty } }

    /// Signs a token, or returns `nil` without keys.
    func sign(_ token: MediaToken) -> String? {
        guard let newest = state.withLock({ $0.keys.first }) else { return nil }
        return token.signed(key: newest.number) { HMACSHA256.code(of: $0, key: newest.key) }
    }

    /// Checks a token, but for its grant.
    func open(_ text: String, now: Int64) throws(MediaToken.Failure) -> MediaToken {
        let keys = state.withLock { $0.keys }
        return try MediaToken(text, now: now) { payload, number in
            keys.first { $0.number == number }.map { HMACSHA256.code(of: payload, key: $0.key) }
        }
    }

    /// Checks a token; reads the keys again where another replica may have made the token's.
    func openReloading(_ text: String, now: Int64) async -> MediaToken? {
        do {
            return try open(text, now: now)
        } catch .unknownKey {
            let mayReload = state.withLock { state in
                guard now - state.loadedAt >= Self.reloadSeconds else { return false }
                state.loadedAt = now
                return true
            }
            guard mayReload, (try? await load()) != nil else { return nil }
            return try? open(text, now: now)
        } catch {
            return nil
        }
    }

    /// Reads the newest two keys.
    func load() async throws {
        let rows = try await pool.query("SELECT id, salt FROM auth.hmac_keys ORDER BY id DESC LIMIT 2")
        let keys = try rows.map { row in
            let salt = try row.bytes("salt")
            let key = HMACSHA256.code(of: Array("martlet media token".utf8) + salt, key: masterKey)
            return (number: UInt32(clamping: try row.int("id")), key: key)
        }
        state.withLock { $0.keys = keys }
    }

    /// Adds a key where the newest has signed for its day; one replica does it for all.
    func rotate() async throws {
        try await pool.transaction { connection in
            _ = try await connection.query(
                "SELECT pg_advisory_xact_lock(hashtextextended('auth.hmac_keys', 0))"
            )
            _ = try await connection.query(
                """
                INSERT INTO auth.hmac_keys (salt)
                SELECT $1::bytea WHERE NOT EXISTS (
                    SELECT FROM auth.hmac_keys WHERE created_at > now() - $2 * interval '1 second'
                )
                """,
                [.bytes(Randomness.bytes(32)), .double(Double(Self.signingSeconds))]
            )
        }
        try await load()
    }
}
