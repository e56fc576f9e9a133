import HTTPServing
import Telemetry
import Tokens

/// Rights to the media of one stream: a cookie for our own pages, a token in the path for other players.
extension AuthRoutes {
    private struct TokenRequest: Decodable {
        var ttl: Double?
    }

    private struct TokenAnswer: Encodable {
        var token: String
        var hlsUrl: String
        var dashUrl: String
        var expiresAt: String
    }

    private struct CookieAnswer: Encodable {
        var expiresAt: String
    }

    /// The longest life of a token, in seconds: as long as its key is accepted.
    static let longestToken: Int64 = 86_400
    /// The life of a token where none is asked for, in seconds.
    static let usualToken: Int64 = 3600

    func addMediaRoutes(to router: HTTPRouter) {
        router.post("/api/v1/streams/:stream/media-cookie", guarded { try await renewCookie($0) })
        router.post("/api/v1/streams/:stream/media-token", guarded { try await makeToken($0) })
    }

    private func renewCookie(_ request: HTTPRequest) async throws -> HTTPResponse {
        let (stream, viewer) = try await viewer(request)
        let (fields, expiry) = try mediaCookies(of: viewer, stream: stream, for: request)
        var response = HTTPResponse.json(CookieAnswer(expiresAt: Timestamp.rfc3339(seconds: expiry)))
        response.headers["cache-control"] = "no-store"
        for field in fields { response.headers.append("set-cookie", field) }
        return response
    }

    private func makeToken(_ request: HTTPRequest) async throws -> HTTPResponse {
        let (stream, viewer) = try await viewer(request)
        let asked = try await request.object(TokenRequest.self).ttl
        let seconds = try Lifetime.checked(asked, upTo: Self.longestToken) ?? Self.usualToken
        let (token, expiry) = try sign(viewer, stream: stream, seconds: seconds)
        let base = "/live/~\(token)/\(stream)"
        var response = HTTPResponse.json(
            TokenAnswer(
                token: token,
                hlsUrl: base + "/index.m3u8",
                dashUrl: base + "/manifest.mpd",
                expiresAt: Timestamp.rfc3339(seconds: expiry)
            )
        )
        response.headers["cache-control"] = "no-store"
        return response
    }

    private func viewer(_ request: HTTPRequest) async throws -> (stream: String, viewer: Principal) {
        let stream = try stream(request)
        guard let viewer = try await identity(of: request).principal(for: stream) else {
            throw HTTPProblem.notFound
        }
        return (stream, viewer)
    }

    /// The fields `Set-Cookie` that open `/live/<stream>` and `/whep/<stream>`, and when they end.
    func mediaCookies(
        of viewer: Principal,
        stream: String,
        for request: HTTPRequest
    ) throws -> (fields: [String], expiry: Int64) {
        let (token, expiry) = try sign(viewer, stream: stream, seconds: lifetimes.mediaCookie)
        let fields = ["live", "whep"].map { prefix in
            Cookie.field(
                Cookie.media,
                token,
                path: "/\(prefix)/\(stream)",
                seconds: expiry - now,
                for: request
            )
        }
        return (fields, expiry)
    }

    private func sign(
        _ viewer: Principal,
        stream: String,
        seconds: Int64
    ) throws -> (token: String, expiry: Int64) {
        let expiry = min(now + seconds, viewer.expiry ?? .max)
        let token = MediaToken(
            .play,
            .live,
            object: stream,
            subject: viewer.isShare ? .share(viewer.subject) : .user(viewer.subject),
            grant: viewer.grant,
            expiry: expiry
        )
        guard let text = keyring.sign(token) else { throw HTTPProblem.databaseAway }
        return (text, expiry)
    }
}
