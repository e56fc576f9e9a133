import FoundationEssentials
import HTTPServing
import Lifecycle
import Postgres
import Reactor
import Redis
import Sockets
import Telemetry
import TestSupport

@testable import Catalog

/// A running catalog with a database and a Redis of its own.
struct CatalogFixture: Sendable {
    let service: CatalogService
    let router = HTTPRouter()
    let database: PostgresServer.Database
    let redis: RedisServer
    let bus: RedisClient
    let loop: EventLoop

    /// Runs `body` beside a catalog that is ready.
    static func run(
        _ change: (inout CatalogSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (CatalogFixture) async throws -> Void
    ) async throws {
        let database = try PostgresServer.shared().makeDatabase()
        let redis = try RedisServer()
        var settings = CatalogSettings(
            databaseURL: database.address(for: "martlet_catalog"),
            databaseConnections: 4,
            controlRedisURL: redis.url,
            busRedisURL: redis.url,
            site: "http://site",
            undo: .seconds(30),
            sweepInterval: .milliseconds(50),
            sweepMargin: .milliseconds(300)
        )
        change(&settings)
        let loop = EventLoop(name: "catalog")
        let logger = Logger(level: .error) { _ in }
        let service = try CatalogService(
            settings,
            loop: loop,
            logger: logger,
            metrics: MetricRegistry(service: "catalog")
        )
        let bus = try RedisClient(.init(url: redis.url), loop: loop, logger: logger)
        let fixture = CatalogFixture(
            service: service,
            database: database,
            redis: redis,
            bus: bus,
            loop: loop
        )
        service.routes.add(to: fixture.router)
        try await running(Parts(services: service.services + [bus])) {
            try await service.upkeep.ready()
            try await body(fixture)
        }
        loop.stop()
    }

    /// Asks the catalog as somebody.
    func ask(
        _ method: String,
        _ target: String,
        as role: String = "admin",
        streams: String = "*",
        headers: HTTPFields = [:],
        _ body: String = ""
    ) async throws -> Answer {
        var fields = headers
        fields["x-martlet-subject"] = "somebody"
        fields["x-martlet-role"] = role
        fields["x-martlet-grant"] = "grant-1"
        fields["x-martlet-streams"] = streams
        let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
        let pairs = parts.count > 1 ? parts[1].split(separator: "&") : []
        let request = HTTPRequest(
            method: method,
            path: parts[0],
            query: pairs.map { pair in
                let sides = pair.split(separator: "=", maxSplits: 1).map(String.init)
                return (sides[0], sides.count > 1 ? sides[1] : "")
            },
            headers: fields,
            body: HTTPRequestBody(bytes: Array(body.utf8)),
            peer: PeerAddress(host: "127.0.0.1", port: 1)
        )
        do {
            return Answer(try await router.respond(to: request))
        } catch let problem as HTTPProblem {
            return Answer(problem.response())
        }
    }

    /// Makes a stream and returns its ID.
    func makeStream(_ slug: String) async throws -> String {
        try await ask("POST", "/api/v1/streams", #"{"slug":"\#(slug)","title":"Title of \#(slug)"}"#)
            .decoded(StreamShape.self).id
    }

    /// Runs a statement as another service's role.
    func asRole(_ role: String, _ sql: String, _ values: [PostgresValue] = []) async throws -> [PostgresRow] {
        let configuration = PostgresConfiguration(
            address: database.address(for: role),
            applicationName: "test"
        )
        let connection = try await PostgresConnection.open(configuration, on: loop)
        let rows: Result<[PostgresRow], any Error>
        do { rows = .success(try await connection.query(sql, values)) } catch { rows = .failure(error) }
        await connection.close()
        return try rows.get()
    }

    /// Opens a session as ingest does.
    func openSession(_ stream: String, grace: Int = 15) async throws -> PostgresRow? {
        try await asRole(
            "martlet_ingest",
            "SELECT * FROM catalog.v1_open_session($1, 'rtmp', 'obs', '127.0.0.1', $2)",
            [.text(stream), .int(Int64(grace))]
        ).first
    }

    /// Waits until `condition` holds, looking again whenever something may have changed.
    func eventually(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await loop.sleep(for: .milliseconds(20)) }
    }
}

/// What a request was answered.
struct Answer: Sendable {
    var status: Int
    var headers: HTTPFields
    var text: String
    var content: HTTPResponse.Content

    init(_ response: HTTPResponse) {
        status = response.status
        headers = response.headers
        content = response.content
        if case .bytes(let bytes) = response.content {
            text = String(decoding: bytes, as: UTF8.self)
        } else {
            text = ""
        }
    }

    func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    /// The `code` of a problem document.
    var code: String? { try? decoded(ProblemShape.self).code }
}

struct ProblemShape: Decodable { var code: String }
struct StreamShape: Decodable {
    var id: String
    var slug: String
    var title: String
    var state: String
    var record: Bool
}
struct RecordingShape: Decodable {
    var id: String
    var streamId: String
    var sessionId: String
    var state: String
    var failure: String?
    var title: String
    var duration: Double
    var bytes: Int
    var watchUrl: String
    var fileUrl: String
}
struct SessionShape: Decodable {
    var id: String
    var state: String
    var duration: Double
}
struct WatchShape: Decodable {
    var streamId: String
    var state: String
    var session: SessionShape?
    var hlsUrl: String
    var recordings: [RecordingShape]
}
struct ListShape<Item: Decodable>: Decodable {
    var items: [Item]
    var next: String?
}

/// Several services as one.
private struct Parts: Service {
    let services: [any Service]
    let name = "parts"

    func run(until shutdown: Shutdown) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run(until: shutdown) } }
            try await group.waitForAll()
        }
    }
}
