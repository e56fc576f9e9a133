import Crypto
import HTTPServing
import Postgres
import Sockets
import Synchronization
import Tokens

/// Finds out who stands behind a credential, by memory where it can and by the database where it must.
struct Authenticator: Sendable {
    let store: AuthStore
    let shares: ShareStore
    let cache: GrantCache
    let keyring: MediaKeyring
    let passwords: PasswordHasher
    let logins: LoginGate
    let graceSeconds: Int64
    let clock: @Sendable () -> Int64
    private let lookups = SharedLookup()
    /// Makes what the cache keeps of passwords useless elsewhere.
    private let pepper = Randomness.bytes(32)

    /// Who sent a request, by its `Authorization` field, else its login, else its share links.
    ///
    /// - Returns: `nil` where it carries no valid credential.
    /// - Throws: ``HTTPProblem`` 429 for too many guesses, 503 where the database is needed and away.
    func identity(of request: HTTPRequest) async throws -> Identity? {
        if let field = request.headers["authorization"] {
            guard let credential = try? Credential.authorization(field) else { return nil }
            let principal = try await principal(of: credential, from: request.clientAddress)
            return Identity(principal.map { [$0] } ?? [], isAmbient: false)
        }
        if let cookie = request.cookie(Cookie.session), let secret = CredentialSecret(cookie, as: .session) {
            if let principal = try await principal(ofSession: secret) {
                return Identity([principal], isAmbient: true)
            }
        }
        var principals: [Principal] = []
        for secret in Cookie.shares(in: request) {
            if let principal = try await principal(ofSession: secret) { principals.append(principal) }
        }
        return Identity(principals, isAmbient: true)
    }

    /// What a media token stands for, if it and its grant are valid.
    func principal(ofMediaToken text: String) async throws -> (token: MediaToken, principal: Principal)? {
        guard let token = await keyring.openReloading(text, now: clock()) else { return nil }
        let principal = try await cached(.grant(token.grant)) { [store] in
            try await store.principal(ofGrant: token.grant)
        }
        return principal.map { (token, $0) }
    }

    /// Checks a name and a password, at most as often as the throttle allows.
    ///
    /// - Returns: `nil` where they do not belong together, after the same time whether the user exists or not.
    func login(_ user: String, _ password: String, from address: String) async throws -> Principal? {
        try logins.begin(address: address, user: user, now: clock())
        let account = try await store.account(named: user)
        guard try await passwords.verify(password, against: account?.passwordHash) else { return nil }
        logins.succeed(address: address, user: user)
        return account?.principal
    }

    private func principal(of credential: Credential, from address: String) async throws -> Principal? {
        switch credential {
        case .bearer(let text):
            guard let secret = CredentialSecret(text, as: .apiToken) else { return nil }
            return try await cached(.secret(secret.hash)) { [store] in
                try await store.principal(ofToken: secret)
            }
        case .basic(let user, let password):
            let message = Array(user.lowercased().utf8) + [0] + Array(password.utf8)
            return try await cached(.password(HMACSHA256.code(of: message, key: pepper))) {
                try await login(user, password, from: address)
            }
        case .session, .share: return nil
        }
    }

    private func principal(ofSession secret: CredentialSecret) async throws -> Principal? {
        try await cached(.secret(secret.hash)) { [store] in try await store.principal(ofSession: secret) }
    }

    // MARK: Memory before database

    private func cached(
        _ key: GrantCache.Key,
        _ look: () async throws -> Principal?
    ) async throws -> Principal? {
        switch cache.find(key, now: clock()) {
        case .fresh(let principal): return principal
        case .stale(let principal, let lastKnown):
            return try await check(key, principal, lastKnown: lastKnown)
        case .unknown:
            return try await lookups.answer(key) {
                let stamp = cache.stamp()
                guard let principal = try await translatingOutage({ try await look() }) else { return nil }
                cache.remember(key, principal, since: stamp, now: clock())
                return principal
            }
        }
    }

    /// Asks for the grant again; while the database is away, what was last known counts for the grace time.
    private func check(
        _ key: GrantCache.Key,
        _ principal: Principal,
        lastKnown: Int64
    ) async throws -> Principal? {
        let isInGrace = clock() - lastKnown < graceSeconds
        if isInGrace, !store.pool.isReady { return principal }
        let stamp = cache.stamp()
        do {
            guard let found = try await store.principal(ofGrant: principal.grant) else {
                cache.forget(key)
                return nil
            }
            var refreshed = principal
            refreshed.role = found.role
            cache.remember(key, refreshed, since: stamp, now: clock())
            return refreshed
        } catch let error as PostgresError where error.isTransient {
            if isInGrace { return principal }
            throw HTTPProblem.databaseAway
        }
    }

    private func translatingOutage<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as PostgresError where error.isTransient {
            throw HTTPProblem.databaseAway
        }
    }
}

/// The throttle of logins, shared by all connections.
final class LoginGate: Sendable {
    private let throttle = Mutex(LoginThrottle())

    /// Admits one attempt.
    ///
    /// - Throws: ``HTTPProblem`` 429 with the time to wait.
    func begin(address: String, user: String, now: Int64) throws(HTTPProblem) {
        let wait = throttle.withLock { throttle in
            let wait = throttle.wait(address: address, user: user, now: now)
            if wait == 0 { throttle.begin(address: address, user: user, now: now) }
            return wait
        }
        guard wait > 0 else { return }
        throw HTTPProblem(
            429,
            "too_many_attempts",
            "Too many wrong passwords. Try again in \(wait) seconds.",
            headers: [
                "Retry-After": "\(wait)", "RateLimit-Limit": "\(LoginThrottle.freeFailures)",
                "RateLimit-Remaining": "0", "RateLimit-Reset": "\(wait)",
            ]
        )
    }

    /// Forgets the failures of somebody who knew the password.
    func succeed(address: String, user: String) {
        throttle.withLock { $0.succeed(address: address, user: user) }
    }
}

extension HTTPRequest {
    /// Who is behind the gateway, which sets the field itself; without a gateway, who is connected.
    var clientAddress: String { headers["x-forwarded-for"] ?? peer.host }
}

extension HTTPProblem {
    static let databaseAway = HTTPProblem(
        503,
        "rights_unavailable",
        "Rights cannot be checked at this moment. Try again in a second.",
        headers: ["Retry-After": "1"]
    )
    static let loginNeeded = HTTPProblem(401, "login_needed", "Log in, or send a token.")
    static let notFound = HTTPProblem(404, "not_found", "There is nothing here that you may see.")
    static let foreignOrigin = HTTPProblem(
        403,
        "foreign_origin",
        "A change by cookie must come from a page of this site: send Origin or Sec-Fetch-Site, or use a token."
    )
}
