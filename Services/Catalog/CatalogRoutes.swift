import HTTPServing
import Postgres
import Reactor
import Telemetry

/// The HTTP side of the catalog.
struct CatalogRoutes: Sendable {
    /// The most bytes of a request's body.
    static let bodyLimit = 64 << 10

    let streams: StreamStore
    let recordings: RecordingStore
    let creation: IdempotentCreation
    let feed: EventFeed
    let undo: Duration
    let site: String?
    let loop: EventLoop
    /// Whether the schema and a connection to it are there.
    let isReady: @Sendable () -> Bool

    func add(to router: HTTPRouter) {
        addStreamRoutes(to: router)
        addRecordingRoutes(to: router)
        addWatchRoutes(to: router)
        addEventRoutes(to: router)
        addAliasRoutes(to: router)
        router.get("/api/v1/openapi.json") { _ in
            .text(OpenAPIDocument.text, contentType: "application/json")
        }
    }

    /// Answers for whoever the gateway says asks, and says plainly when PostgreSQL is away.
    func guarded(
        _ answer: @escaping @Sendable (HTTPRequest, Viewer) async throws -> HTTPResponse
    ) -> HTTPHandler {
        { request in
            let viewer = try Viewer(request)
            // Without a connection there is no use in waiting for one until the query's deadline.
            guard isReady() else { throw HTTPProblem.databaseAway }
            do {
                var response = try await answer(request, viewer)
                response.headers["cache-control"] = response.headers["cache-control"] ?? "no-store"
                return response
            } catch let error as PostgresError where error.isTransient {
                throw HTTPProblem.databaseAway
            }
        }
    }

    func links(_ request: HTTPRequest) -> Links { Links(request, site: site) }

    /// The version that `If-Match` names, or `nil` where it names none or any.
    static func version(in request: HTTPRequest) throws(HTTPProblem) -> Int? {
        guard let field = request.headers["if-match"], field != "*" else { return nil }
        guard field.hasPrefix("\""), field.hasSuffix("\""), let version = Int(field.dropFirst().dropLast())
        else {
            throw HTTPProblem.changedMeanwhile
        }
        return version
    }

    static func entityTag(_ version: Int) -> String { "\"\(version)\"" }

    static func deletion(_ id: String, at path: String, undo: Duration) -> HTTPResponse {
        let until = Timestamp.nowMicroseconds + Int64(undo.inSeconds * 1e6)
        return .json(
            DeletionAnswer(
                id: id,
                undoUntil: Timestamp.rfc3339(microseconds: until),
                undoUrl: "\(path)/\(id)/restore"
            ),
            status: 202
        )
    }
}

extension HTTPProblem {
    static let databaseAway = HTTPProblem(
        503,
        "database_unavailable",
        "The database does not answer at the moment. Try again in a second.",
        headers: ["retry-after": "1"]
    )
    static let notFound = HTTPProblem(404, "not_found", "There is nothing here that you may see.")
    static let changedMeanwhile = HTTPProblem(
        412,
        "changed_meanwhile",
        "It was changed since you read it; read it again."
    )
}
