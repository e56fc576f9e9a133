import Contracts
import FoundationEssentials
import HTTPServing
import Postgres

// `/api/v1/streams`
extension CatalogRoutes {
    private struct StreamInput: Decodable {
        var slug: String?
        var title: String?
        var record: Bool?
    }

    func addStreamRoutes(to router: HTTPRouter) {
        router.get("/api/v1/streams", guarded(listStreams))
        router.post("/api/v1/streams", guarded(createStream))
        router.get("/api/v1/streams/:id", guarded(showStream))
        router.patch("/api/v1/streams/:id", guarded(updateStream))
        router.delete("/api/v1/streams/:id", guarded(deleteStream))
        router.post("/api/v1/streams/:id/restore", guarded(restoreStream))
    }

    private func listStreams(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        let page = try HTTPPage(request, sortedBy: "createdAt")
        let state = request.query("state")
        guard state.map(["offline", "live", "away", "ended"].contains) ?? true else {
            throw HTTPProblem(400, "invalid_state", "state is offline, live, away or ended.")
        }
        let found = try await streams.list(page, for: viewer, state: state, search: request.query("q"))
        let list = page.cut(found) { .init(time: $0.createdAt, identifier: $0.id) }
        let links = links(request)
        return .json(list.map { StreamAnswer($0, links: links) })
    }

    private func createStream(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        try viewer.requireMember()
        let body = try await request.body.collect(upTo: Self.bodyLimit)
        let changes = try Self.changes(in: body)
        let links = links(request)
        do {
            return try await creation.run(request, body: body, by: viewer.subject) { connection in
                let stream = try await StreamStore.create(changes, by: viewer.subject, on: connection)
                return .init(
                    status: 201,
                    location: "/api/v1/streams/\(stream.id)",
                    entityTag: Self.entityTag(stream.version),
                    body: try Self.text(StreamAnswer(stream, links: links))
                )
            }
        } catch let error as PostgresError where error.isDuplicate {
            throw HTTPProblem.slugTaken
        }
    }

    private func showStream(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        guard let id = Self.identifier(request), viewer.maySee(id), let stream = try await streams.find(id)
        else {
            throw HTTPProblem.notFound
        }
        return answer(stream, to: request)
    }

    private func updateStream(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        try viewer.requireMember()
        guard let id = Self.identifier(request) else { throw HTTPProblem.notFound }
        let changes = try Self.changes(in: try await request.body.collect(upTo: Self.bodyLimit))
        let version = try Self.version(in: request)
        do {
            switch try await streams.update(id, changes, ifVersion: version) {
            case .done(let stream): return answer(stream, to: request)
            case .changedMeanwhile, .isLive: throw HTTPProblem.changedMeanwhile
            case .missing: throw HTTPProblem.notFound
            }
        } catch let error as PostgresError where error.isDuplicate {
            throw HTTPProblem.slugTaken
        }
    }

    private func deleteStream(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        try viewer.requireMember()
        guard let id = Self.identifier(request) else { throw HTTPProblem.notFound }
        switch try await streams.delete(id) {
        case .done: return Self.deletion(id, at: "/api/v1/streams", undo: undo)
        case .isLive: throw HTTPProblem(409, "stream_is_live", "Somebody publishes to it; end that first.")
        case .missing, .changedMeanwhile: throw HTTPProblem.notFound
        }
    }

    private func restoreStream(_ request: HTTPRequest, _ viewer: Viewer) async throws -> HTTPResponse {
        try viewer.requireMember()
        do {
            guard let id = Self.identifier(request), let stream = try await streams.restore(id, within: undo)
            else { throw HTTPProblem.notFound }
            return answer(stream, to: request)
        } catch let error as PostgresError where error.isDuplicate {
            throw HTTPProblem.slugTaken
        }
    }

    private func answer(_ stream: CatalogStream, to request: HTTPRequest) -> HTTPResponse {
        var response = HTTPResponse.json(StreamAnswer(stream, links: links(request)))
        response.headers["etag"] = Self.entityTag(stream.version)
        return response
    }

    /// The ID in the path, where it is one.
    static func identifier(_ request: HTTPRequest) -> String? {
        request.parameters["id"].flatMap { Identifier.isValid($0) ? $0 : nil }
    }

    private static func changes(in body: [UInt8]) throws -> StreamStore.Changes {
        guard let input = try? JSONDecoder().decode(StreamInput.self, from: Data(body)) else {
            throw HTTPProblem(400, "malformed_json", "The body is an object with slug, title and record.")
        }
        if let slug = input.slug, !isSlug(slug) {
            throw HTTPProblem(
                400,
                "invalid_slug",
                "slug has 1 to 64 lower-case letters, digits and hyphens, no hyphen first or last."
            )
        }
        return .init(slug: input.slug, title: try input.title.map(title), record: input.record)
    }

    /// A title without control characters.
    static func title(_ text: String) throws(HTTPProblem) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
        guard text.unicodeScalars.count <= 200, isPlain else {
            throw HTTPProblem(400, "invalid_title", "title has at most 200 characters, in one line.")
        }
        return text
    }

    private static func isSlug(_ text: String) -> Bool {
        let isPlain = text.utf8.allSatisfy {
            (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d
        }
        return isPlain && (1...64).contains(text.utf8.count) && !text.hasPrefix("-") && !text.hasSuffix("-")
    }

    private static func text(_ value: some Encodable) throws -> String {
        guard case .bytes(let bytes) = HTTPResponse.json(value).content else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension HTTPProblem {
    static let slugTaken = HTTPProblem(409, "slug_taken", "Another stream has this slug.")
}
