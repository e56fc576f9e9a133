import HTTPServing

/// Login, logout, and who one is.
extension AuthRoutes {
    private struct Login: Decodable {
        var user: String
        var password: String
    }

    private struct Me: Encodable {
        var id: String
        var kind: String
        var name: String?
        var role: String
        /// The streams that may be seen; absent means all.
        var streams: [String]?
    }

    func addSessionRoutes(to router: HTTPRouter) {
        router.post("/api/v1/login", guarded { try await logIn($0) })
        router.post("/api/v1/logout", guarded { try await logOut($0) })
        router.get("/api/v1/me", guarded { try await me($0) })
    }

    private func logIn(_ request: HTTPRequest) async throws -> HTTPResponse {
        try requireJSON(request)
        let login = try await request.object(Login.self)
        guard !login.user.utf8.contains(0), login.user.utf8.count <= DisplayName.byteLimit else {
            throw Self.wrongCredentials
        }
        let address = request.clientAddress
        guard let user = try await authenticator.login(login.user, login.password, from: address) else {
            throw Self.wrongCredentials
        }
        let secret = CredentialSecret(.session)
        try await store.openSession(secret, for: user, seconds: lifetimes.session)
        var response = HTTPResponse.json(try await description(of: user))
        response.headers["cache-control"] = "no-store"
        response.headers.append(
            "set-cookie",
            Cookie.field(Cookie.session, secret.text, path: "/", seconds: lifetimes.session, for: request)
        )
        return response
    }

    private func logOut(_ request: HTTPRequest) async throws -> HTTPResponse {
        let identity = try await identity(of: request)
        // A token or a share link is not ended by one of its users.
        for principal in identity.principals where principal.kind == .session {
            try await store.revoke(grant: principal.grant)
            authenticator.cache.forget(grant: principal.grant)
        }
        var response = HTTPResponse(status: 204)
        response.headers.append(
            "set-cookie",
            Cookie.field(Cookie.session, "", path: "/", seconds: 0, for: request)
        )
        return response
    }

    private func me(_ request: HTTPRequest) async throws -> HTTPResponse {
        let identity = try await identity(of: request)
        guard let first = identity.first else { throw HTTPProblem.loginNeeded }
        var me = try await description(of: first)
        let streams = identity.principals.compactMap(\.stream)
        me.streams = streams.isEmpty ? nil : streams
        var response = HTTPResponse.json(me)
        response.headers["cache-control"] = "no-store"
        return response
    }

    private func description(of principal: Principal) async throws -> Me {
        Me(
            id: principal.subject,
            kind: principal.isShare ? "share" : "user",
            name: principal.isShare ? nil : try await store.userName(principal.subject),
            role: principal.role.rawValue
        )
    }

    private static let wrongCredentials = HTTPProblem(
        401,
        "wrong_credentials",
        "This user and this password do not belong together."
    )
}
