import Crypto
import Foundation
import HTTPServing
import Lifecycle
import Postgres
import Reactor
import Redis
import Sockets
import Telemetry
import TestSupport
import Testing

@testable import Auth

/// The service on a database and a Redis of its own, asked without a socket.
struct AuthStack: Sendable {
    static let password = "correct horse battery"

    /// What an answer held.
    struct Answer {
        var status: Int
        var headers: HTTPFields
        var body: [UInt8]

        var json: [String: any Sendable] {
            (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: any Sendable] ?? [:]
        }

        func text(_ member: String) -> String { json[member] as? String ?? "" }

        var items: [[String: any Sendable]] { json["items"] as? [[String: any Sendable]] ?? [] }

        /// The value of a cookie that the answer sets.
        func cookie(_ name: String) -> String? {
            for field in headers.values(of: "set-cookie") where field.hasPrefix(name + "=") {
                return field.prefix { $0 != ";" }.dropFirst(name.count + 1).description
            }
            return nil
        }
    }

    let service: AuthService
    let router = HTTPRouter()
    let loop: EventLoop

    init(
        database: String,
        redis: String,
        graceSeconds: Int64 = 60,
        queryLimit: Duration = .seconds(30)
    ) throws {
        loop = EventLoop(name: "auth-test")
        let settings = AuthSettings(
            databaseURL: database,
            databaseConnections: 3,
            controlRedisURL: redis,
            site: "http://martlet.test",
            administrator: .init(name: "admin", password: Self.password),
            masterKey: Array("a master key".utf8),
            lifetimes: .init(session: 3600, shareSession: 3600, mediaCookie: 600),
            graceSeconds: graceSeconds,
            passwordCost: Argon2id(memoryKibibytes: 64, passes: 1, lanes: 1),
            passwordThreads: 2
        )
        service = try AuthService(
            settings,
            loop: loop,
            logger: Logger(level: .error) { _ in },
            relayed: Counter(),
            queryLimit: queryLimit
        )
        service.routes.add(to: router)
    }

    /// Runs the service while `body` runs.
    static func run(_ body: (AuthStack) async throws -> Void) async throws {
        let redis = try RedisServer()
        let database = try PostgresServer.shared().makeDatabase().address(for: "martlet_auth")
        try await AuthStack(database: database, redis: redis.url).run(body)
    }

    func run(_ body: (AuthStack) async throws -> Void) async throws {
        try await running(Together(services: service.services)) {
            try await service.upkeep.ready()
            try await body(self)
        }
    }

    // MARK: Asking

    func send(
        _ method: String,
        _ path: String,
        _ json: [String: any Sendable]? = nil,
        headers: HTTPFields = [:]
    ) async throws -> Answer {
        var headers = headers
        var body: [UInt8] = []
        if let json {
            body = [UInt8](try JSONSerialization.data(withJSONObject: json))
            headers["content-type"] = "application/json"
        }
        let parts = path.split(separator: "?", maxSplits: 1)
        let query = parts.count < 2 ? [] : parts[1].split(separator: "&")
        let request = HTTPRequest(
            method: method,
            path: String(parts[0]),
            query: query.map { pair in
                let sides = pair.split(separator: "=", maxSplits: 1).map(String.init)
                return (name: sides[0], value: sides.last ?? "")
            },
            headers: headers,
            body: HTTPRequestBody(bytes: body),
            peer: PeerAddress(host: "127.0.0.1", port: 1)
        )
        return try await answer(to: request)
    }

    private func answer(to request: HTTPRequest) async throws -> Answer {
        let response: HTTPResponse
        do {
            response = try await router.respond(to: request)
        } catch let problem as HTTPProblem {
            response = problem.response()
        }
        guard case .bytes(let body) = response.content else {
            return Answer(status: response.status, headers: response.headers, body: [])
        }
        return Answer(status: response.status, headers: response.headers, body: body)
    }

    /// Asks as nginx does, on behalf of a request for `uri`.
    func authorize(_ method: String = "GET", _ uri: String, headers: HTTPFields = [:]) async throws -> Answer
    {
        var headers = headers
        headers["x-original-uri"] = uri
        headers["x-original-method"] = method
        return try await send("GET", "/internal/authorize", headers: headers)
    }

    // MARK: Frequent steps

    static var basic: HTTPFields {
        ["authorization": "Basic " + Data("admin:\(password)".utf8).base64EncodedString()]
    }

    /// Logs the administrator in and returns the fields of a page of our own.
    func login() async throws -> HTTPFields {
        let answer = try await send("POST", "/api/v1/login", ["user": "admin", "password": Self.password])
        try #require(answer.status == 200)
        let cookie = try #require(answer.cookie("martlet_session"))
        return ["cookie": "martlet_session=\(cookie)", "sec-fetch-site": "same-origin"]
    }

    /// Makes a share link and returns its ID and secret.
    func makeShare(
        _ stream: String,
        ttl: Int? = nil
    ) async throws -> (identifier: String, secret: String) {
        let body: [String: any Sendable] = ttl.map { ["ttl": $0] } ?? [:]
        let answer = try await send("POST", "/api/v1/streams/\(stream)/shares", body, headers: Self.basic)
        try #require(answer.status == 201)
        return (answer.text("id"), answer.text("secret"))
    }

    /// Exchanges a share link's secret as a browser that has `cookies`.
    func exchange(_ secret: String, cookie: String? = nil) async throws -> Answer {
        var headers: HTTPFields = ["sec-fetch-site": "same-origin"]
        headers["cookie"] = cookie
        return try await send("POST", "/api/v1/share/exchange", ["secret": secret], headers: headers)
    }

    /// A path token for a stream, for the administrator.
    func mediaToken(_ stream: String) async throws -> String {
        let path = "/api/v1/streams/\(stream)/media-token"
        let answer = try await send("POST", path, ["ttl": 600], headers: Self.basic)
        try #require(answer.status == 200)
        return answer.text("token")
    }

    /// Asks again until the answer has `status`, since a revocation arrives by way of the database.
    func eventually(_ status: Int, _ ask: () async throws -> Answer) async throws {
        while try await ask().status != status { try await loop.sleep(for: .milliseconds(5)) }
    }
}

/// Several services as one.
private struct Together: Service {
    let name = "together"
    let services: [any Service]

    func run(until shutdown: Shutdown) async throws {
        try await withThrowingTaskGroup { group in
            for service in services { group.addTask { try await service.run(until: shutdown) } }
            try await group.waitForAll()
        }
    }
}
