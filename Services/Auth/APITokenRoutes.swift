import HTTPServing
import Telemetry

/// Bearer tokens for scripts.
extension AuthRoutes {
    private struct NewToken: Decodable {
        var name: String?
        var ttl: Double?
    }

    private struct APITokenAnswer: Encodable {
        var id: String
        var name: String
        var createdAt: String
        var expiresAt: String?
        /// Only in the answer that made it.
        var token: String?

        init(_ token: APITokenStore.Token, secret: CredentialSecret? = nil) {
            id = token.identifier
            name = token.name
            createdAt = Timestamp.rfc3339(microseconds: token.createdAt)
            expiresAt = token.expiresAt.map(Timestamp.rfc3339(microseconds:))
            self.token = secret?.text
        }
    }

    func addAPITokenRoutes(to router: HTTPRouter) {
        router.get("/api/v1/tokens", guarded { try await listTokens($0) })
        router.post("/api/v1/tokens", guarded { try await makeToken($0) })
        router.delete("/api/v1/tokens/:token", guarded { try await revokeToken($0) })
    }

    private func listTokens(_ request: HTTPRequest) async throws -> HTTPResponse {
        let user = try await member(request)
        let page = try HTTPPage(request)
        let found = try await tokens.list(user: user.subject, page: page)
        let list = page.cut(found) { .init(time: $0.createdAt, identifier: $0.identifier) }
        return .json(list.map { APITokenAnswer($0) })
    }

    private func makeToken(_ request: HTTPRequest) async throws -> HTTPResponse {
        let user = try await member(request)
        let asked = try await request.object(NewToken.self)
        let secret = CredentialSecret(.apiToken)
        let token = try await tokens.create(
            secret,
            name: try DisplayName.checked(asked.name),
            for: user,
            seconds: try Lifetime.checked(asked.ttl)
        )
        guard let token else { throw HTTPProblem.databaseAway }
        var response = HTTPResponse.json(APITokenAnswer(token, secret: secret), status: 201)
        response.headers["location"] = "/api/v1/tokens/\(token.identifier)"
        response.headers["cache-control"] = "no-store"
        return response
    }

    private func revokeToken(_ request: HTTPRequest) async throws -> HTTPResponse {
        let user = try await member(request)
        let token = request.parameters["token"] ?? ""
        guard try await tokens.revoke(token, user: user.subject) else { throw HTTPProblem.notFound }
        return HTTPResponse(status: 204)
    }
}
