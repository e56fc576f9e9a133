import HTTPServing
import Telemetry
import Tokens

/// Share links: made by members, exchanged for cookies by whoever has one.
extension AuthRoutes {
    private struct Exchange: Decodable {
        var secret: String
    }

    private struct Exchanged: Encodable {
        var streamId: String
        /// Absent until the catalog has told it.
        var slug: String?
        var name: String
    }

    private struct NewShare: Decodable {
        var name: String?
        var ttl: Double?
    }

    private struct ShareAnswer: Encodable {
        var id: String
        var streamId: String
        var name: String
        var createdAt: String
        var expiresAt: String?
        /// Only in the answer that made it.
        var secret: String?

        init(_ share: ShareStore.Share, secret: CredentialSecret? = nil) {
            id = share.identifier
            streamId = share.stream
            name = share.name
            createdAt = Timestamp.rfc3339(microseconds: share.createdAt)
            expiresAt = share.expiresAt.map(Timestamp.rfc3339(microseconds:))
            self.secret = secret?.text
        }
    }

    func addShareRoutes(to router: HTTPRouter) {
        router.post("/api/v1/share/exchange", guarded { try await exchange($0) })
        router.get("/api/v1/streams/:stream/shares", guarded { try await listShares($0) })
        router.post("/api/v1/streams/:stream/shares", guarded { try await makeShare($0) })
        router.delete("/api/v1/streams/:stream/shares/:share", guarded { try await revokeShare($0) })
    }

    // MARK: Exchange

    private func exchange(_ request: HTTPRequest) async throws -> HTTPResponse {
        try requireJSON(request)
        let text = try await request.object(Exchange.self).secret
        guard let secret = CredentialSecret(text, as: .share), let share = try await shares.share(of: secret)
        else { throw HTTPProblem.shareNotFound }
        let finding = try await streams.find(share.stream)
        guard finding != .unknown else { throw HTTPProblem.shareNotFound }
        let viewer = Principal(
            subject: share.identifier,
            kind: .share,
            role: .viewer,
            grant: share.grant,
            stream: share.stream,
            expiry: share.expiresAt.map { $0 / 1_000_000 }
        )
        let seconds = max(1, min(lifetimes.shareSession, (viewer.expiry ?? .max) - now))
        let remembered = try await sessions(of: request, with: share, seconds: seconds)
        var exchanged = Exchanged(streamId: share.stream, name: share.name)
        if case .known(let slug) = finding { exchanged.slug = slug }
        var response = HTTPResponse.json(exchanged)
        response.headers["cache-control"] = "no-store"
        let value = remembered.map(\.text).joined(separator: ".")
        response.headers.append(
            "set-cookie",
            Cookie.field(Cookie.share, value, path: "/api/v1", seconds: lifetimes.shareSession, for: request)
        )
        let media = try mediaCookies(of: viewer, stream: share.stream, for: request)
        for field in media.fields { response.headers.append("set-cookie", field) }
        return response
    }

    /// The browser's sessions of share links with that of `share` first; opens one where it has none.
    private func sessions(
        of request: HTTPRequest,
        with share: ShareStore.Share,
        seconds: Int64
    ) async throws -> [CredentialSecret] {
        var known: [CredentialSecret] = []
        var own: CredentialSecret?
        for secret in Cookie.shares(in: request) {
            let principal = try await store.principal(ofSession: secret)
            if principal?.grant == share.grant {
                own = secret
            } else if principal != nil {
                known.append(secret)
            }
        }
        let secret = own ?? CredentialSecret(.shareSession)
        if own == nil { try await shares.openSession(secret, of: share, seconds: seconds) }
        return [secret] + known.prefix(Cookie.shareLimit - 1)
    }

    // MARK: Links

    private func listShares(_ request: HTTPRequest) async throws -> HTTPResponse {
        _ = try await member(request)
        let page = try HTTPPage(request)
        let found = try await shares.list(stream: try stream(request), page: page)
        let list = page.cut(found) { .init(time: $0.createdAt, identifier: $0.identifier) }
        return .json(list.map { ShareAnswer($0) })
    }

    private func makeShare(_ request: HTTPRequest) async throws -> HTTPResponse {
        let user = try await member(request)
        let stream = try stream(request)
        try await streams.require(stream)
        let asked = try await request.object(NewShare.self)
        let secret = CredentialSecret(.share)
        let share = try await shares.create(
            secret,
            stream: stream,
            name: try DisplayName.checked(asked.name),
            by: user.subject,
            seconds: try Lifetime.checked(asked.ttl)
        )
        guard let share else { throw HTTPProblem.databaseAway }
        var response = HTTPResponse.json(ShareAnswer(share, secret: secret), status: 201)
        response.headers["location"] = "/api/v1/streams/\(stream)/shares/\(share.identifier)"
        response.headers["cache-control"] = "no-store"
        return response
    }

    private func revokeShare(_ request: HTTPRequest) async throws -> HTTPResponse {
        _ = try await member(request)
        let share = request.parameters["share"] ?? ""
        guard try await shares.revoke(share, stream: try stream(request)) else { throw HTTPProblem.notFound }
        return HTTPResponse(status: 204)
    }
}

extension HTTPProblem {
    fileprivate static let shareNotFound = HTTPProblem(
        404,
        "share_not_found",
        "This link is not valid, or no longer."
    )
}
