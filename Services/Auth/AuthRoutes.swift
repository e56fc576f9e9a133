import FoundationEssentials
import HTTPServing
import Postgres
import Telemetry
import Tokens

/// What all routes of the service share: who asks, what is ready, and how failures are told.
struct AuthRoutes: Sendable {
    /// How long things last, in seconds.
    struct Lifetimes: Sendable {
        var session: Int64
        var shareSession: Int64
        var mediaCookie: Int64
    }

    let authenticator: Authenticator
    let authorizer: RequestAuthorizer
    let keys: StreamKeyStore
    let tokens: APITokenStore
    let streams: StreamDirectory
    let keyring: MediaKeyring
    let lifetimes: Lifetimes
    let isReady: @Sendable () -> Bool

    var store: AuthStore { authenticator.store }
    var shares: ShareStore { authenticator.shares }
    var now: Int64 { authenticator.clock() }

    /// Adds every route.
    func add(to router: HTTPRouter) {
        router.get("/internal/authorize", guarded { try await authorizer.decide($0).response })
        addSessionRoutes(to: router)
        addShareRoutes(to: router)
        addMediaRoutes(to: router)
        addStreamKeyRoutes(to: router)
        addAPITokenRoutes(to: router)
    }

    /// Tells an outage of the database as a 503 that may be tried again.
    func guarded(_ handler: @escaping HTTPHandler) -> HTTPHandler {
        { request in
            guard isReady() else { throw HTTPProblem.databaseAway }
            do {
                return try await handler(request)
            } catch let error as PostgresError where error.isTransient {
                throw HTTPProblem.databaseAway
            }
        }
    }

    // MARK: Who asks

    /// Who asks, if the policy lets them.
    ///
    /// - Throws: ``HTTPProblem`` 401, 403 or 404.
    func identity(of request: HTTPRequest) async throws -> Identity {
        guard let identity = try await authenticator.identity(of: request) else {
            throw HTTPProblem.loginNeeded
        }
        if identity.isAmbient,
            !SameOrigin.permits(request.method, request.headers, site: authorizer.site)
        {
            throw HTTPProblem.foreignOrigin
        }
        guard case .api(let path) = AccessTarget(uri: request.path),
            AccessPolicy.permits(identity, request.method, path)
        else { throw HTTPProblem.notFound }
        return identity
    }

    /// The user who asks, where members and administrators may.
    func member(_ request: HTTPRequest) async throws -> Principal {
        let identity = try await identity(of: request)
        guard !identity.isShare, identity.role >= .member, let user = identity.first else {
            throw HTTPProblem.notFound
        }
        return user
    }

    /// The stream that the path names.
    func stream(_ request: HTTPRequest) throws -> String {
        guard let stream = request.parameters["stream"], MediaPath.isIdentifier(stream) else {
            throw HTTPProblem.notFound
        }
        return stream
    }

    /// Keeps forms of other sites out, which cannot send JSON.
    func requireJSON(_ request: HTTPRequest) throws {
        let type = request.headers["content-type"]?.prefix { $0 != ";" }.lowercased()
        guard type == "application/json" else {
            throw HTTPProblem(415, "json_needed", "Send the body as application/json.")
        }
        if let relation = request.headers["sec-fetch-site"], relation == "cross-site" {
            throw HTTPProblem.foreignOrigin
        }
    }
}

extension HTTPRequest {
    /// The longest body of this service's routes, in bytes.
    static let authBodyLimit = 16 << 10

    /// Decodes the body as JSON; an empty body counts as an object without members.
    func object<Value: Decodable>(_ type: Value.Type) async throws -> Value {
        let bytes = try await body.collect(upTo: Self.authBodyLimit)
        do {
            return try JSONDecoder().decode(type, from: bytes.isEmpty ? Data("{}".utf8) : Data(bytes))
        } catch {
            throw HTTPProblem(400, "malformed_json", "The body is not JSON of the documented shape.")
        }
    }
}

/// The name that people give to what they make.
enum DisplayName {
    static let byteLimit = 200

    static func checked(_ name: String?) throws(HTTPProblem) -> String {
        let name = name ?? ""
        guard name.utf8.count <= byteLimit, !name.unicodeScalars.contains(where: { $0.value < 32 }) else {
            throw HTTPProblem(400, "invalid_name", "A name has at most 200 bytes and no control characters.")
        }
        return name
    }
}

/// How long something made shall last.
enum Lifetime {
    /// Ten years, in seconds.
    static let longest: Int64 = 315_360_000

    static func checked(_ seconds: Double?, upTo limit: Int64 = longest) throws(HTTPProblem) -> Int64? {
        guard let seconds else { return nil }
        guard seconds >= 1, seconds <= Double(limit) else {
            throw HTTPProblem(400, "invalid_ttl", "ttl is a number of seconds from 1 to \(limit).")
        }
        return Int64(seconds)
    }
}

extension Timestamp {
    static func rfc3339(seconds: Int64) -> String { rfc3339(microseconds: seconds &* 1_000_000) }
}
