import Crypto
import HTTPServing
import Postgres
import Telemetry

/// Stream keys: what publishers show to ingest.
extension AuthRoutes {
    private struct NewKey: Decodable {
        var name: String?
    }

    private struct KeyAnswer: Encodable {
        var id: String
        var streamId: String
        var name: String
        var createdAt: String
        var rotatedAt: String?
        var revoked: Bool
        /// The secret, and the key as one types it; only in the answer that made it.
        var secret: String?
        var streamKey: String?

        init(_ key: StreamKeyStore.Key, secret: String? = nil) {
            id = key.identifier
            streamId = key.stream
            name = key.name
            createdAt = Timestamp.rfc3339(microseconds: key.createdAt)
            rotatedAt = key.rotatedAt.map(Timestamp.rfc3339(microseconds:))
            revoked = key.isRevoked
            self.secret = secret
            streamKey = secret.map { "\(key.name)?k=\($0)" }
        }
    }

    private static let nameLengths = 1...64

    func addStreamKeyRoutes(to router: HTTPRouter) {
        router.get("/api/v1/streams/:stream/keys", guarded { try await listKeys($0) })
        router.post("/api/v1/streams/:stream/keys", guarded { try await makeKey($0) })
        router.post("/api/v1/streams/:stream/keys/:key/rotate", guarded { try await rotateKey($0) })
        router.delete("/api/v1/streams/:stream/keys/:key", guarded { try await revokeKey($0) })
    }

    private func listKeys(_ request: HTTPRequest) async throws -> HTTPResponse {
        _ = try await member(request)
        let page = try HTTPPage(request)
        let found = try await keys.list(stream: try stream(request), page: page)
        let list = page.cut(found) { .init(time: $0.createdAt, identifier: $0.identifier) }
        return .json(list.map { KeyAnswer($0) })
    }

    private func makeKey(_ request: HTTPRequest) async throws -> HTTPResponse {
        let user = try await member(request)
        let stream = try stream(request)
        try await streams.require(stream)
        let name = try Self.checkedName(try await request.object(NewKey.self).name)
        let secret = Randomness.secret()
        do {
            let key = try await keys.create(secret, stream: stream, name: name, by: user.subject)
            return try Self.answer(key, secret, status: 201)
        } catch let error as PostgresError where error.isDuplicate {
            throw HTTPProblem(
                409,
                "name_taken",
                "Another key has this name. Names are shared by all streams."
            )
        }
    }

    private func rotateKey(_ request: HTTPRequest) async throws -> HTTPResponse {
        _ = try await member(request)
        let secret = Randomness.secret()
        let key = try await keys.rotate(
            request.parameters["key"] ?? "",
            stream: try stream(request),
            to: secret
        )
        return try Self.answer(key, secret, status: 200)
    }

    private func revokeKey(_ request: HTTPRequest) async throws -> HTTPResponse {
        _ = try await member(request)
        let key = request.parameters["key"] ?? ""
        guard try await keys.revoke(key, stream: try stream(request)) else { throw HTTPProblem.notFound }
        return HTTPResponse(status: 204)
    }

    private static func answer(
        _ key: StreamKeyStore.Key?,
        _ secret: String,
        status: Int
    ) throws -> HTTPResponse {
        guard let key else { throw HTTPProblem.notFound }
        var response = HTTPResponse.json(KeyAnswer(key, secret: secret), status: status)
        response.headers["cache-control"] = "no-store"
        return response
    }

    /// The public name stands in URLs before the secret, so it has plain characters alone.
    private static func checkedName(_ name: String?) throws(HTTPProblem) -> String {
        guard let name else { return "key-" + Randomness.secret().prefix(8) }
        let isPlain = name.utf8.allSatisfy { character in
            switch character {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard isPlain, nameLengths.contains(name.utf8.count), !name.hasPrefix(".") else {
            throw HTTPProblem(
                400,
                "invalid_name",
                "A key's name has 1 to 64 of the characters a-z A-Z 0-9 - _ ."
            )
        }
        return name
    }
}
