import HTTPServing
import Tokens

/// Decides for nginx (`auth_request`) whether a request may go on.
struct RequestAuthorizer: Sendable {
    /// What nginx is told.
    enum Decision: Sendable, Equatable {
        /// 204 with who it is.
        case allowed(Identity)
        /// 401: there is no valid credential, so that a login may help.
        case unauthenticated
        /// 403, which nginx shows as 404: who it is may not see this.
        case forbidden
    }

    let authenticator: Authenticator
    let site: String?

    /// Decides on the request that the fields `X-Original-…` and the client's own fields describe.
    ///
    /// - Throws: ``HTTPProblem`` as ``Authenticator/identity(of:)`` does.
    func decide(_ request: HTTPRequest) async throws -> Decision {
        let method = request.headers["x-original-method"] ?? "GET"
        switch AccessTarget(uri: request.headers["x-original-uri"] ?? "") {
        case .nothing: return .forbidden
        case .media(let path): return try await decide(request, method, on: path)
        case .api(let path): return try await decide(request, method, on: path)
        }
    }

    // nginx remembers an answer for all paths of one stream, so what follows looks at the stream alone.

    private func decide(_ request: HTTPRequest, _ method: String, on path: MediaPath) async throws -> Decision
    {
        guard Self.mayWatch(by: method, path) else { return .forbidden }
        let carried = request.headers["x-martlet-path-token"] ?? ""
        if let token = carried.isEmpty ? path.token : carried {
            return try await identity(ofToken: token, for: path).map { .allowed($0) } ?? .forbidden
        }
        if let cookie = request.cookie(Cookie.media),
            let identity = try await identity(ofToken: cookie, for: path)
        {
            return .allowed(identity)
        }
        // A WHEP client's only credential is a bearer token, which may be one for media.
        if path.isWebRTC, let field = request.headers["authorization"],
            case .bearer(let text)? = try? Credential.authorization(field),
            let identity = try await identity(ofToken: text, for: path)
        {
            return .allowed(identity)
        }
        guard let identity = try await authenticator.identity(of: request) else { return .unauthenticated }
        guard let principal = identity.principal(for: path.object) else { return .forbidden }
        return Identity([principal], isAmbient: identity.isAmbient).map { .allowed($0) } ?? .forbidden
    }

    /// Watching is reading, but over WebRTC it takes an offer, and an end.
    private static func mayWatch(by method: String, _ path: MediaPath) -> Bool {
        switch method {
        case "GET", "HEAD": true
        case "POST", "PATCH", "DELETE": path.isWebRTC
        default: false
        }
    }

    private func identity(ofToken text: String, for path: MediaPath) async throws -> Identity? {
        guard let (token, principal) = try await authenticator.principal(ofMediaToken: text) else {
            return nil
        }
        guard token.verb == .play, token.prefix == path.prefix, token.object == path.object else {
            return nil
        }
        guard principal.mayWatch(token.object), principal.subject == token.subject.identifier else {
            return nil
        }
        var narrowed = principal
        narrowed.stream = token.object
        narrowed.role = .viewer
        return Identity([narrowed], isAmbient: false)
    }

    private func decide(_ request: HTTPRequest, _ method: String, on path: [String]) async throws -> Decision
    {
        guard let identity = try await authenticator.identity(of: request) else { return .unauthenticated }
        if identity.isAmbient, !SameOrigin.permits(method, request.headers, site: site) { return .forbidden }
        return AccessPolicy.permits(identity, method, path) ? .allowed(identity) : .forbidden
    }
}

extension RequestAuthorizer.Decision {
    var response: HTTPResponse {
        switch self {
        case .allowed(let identity):
            HTTPResponse(
                status: 204,
                headers: [
                    "X-Martlet-Subject": identity.subjectField, "X-Martlet-Role": identity.role.rawValue,
                    "X-Martlet-Grant": identity.grantField, "X-Martlet-Streams": identity.streamsField,
                    "Cache-Control": "no-store",
                ]
            )
        case .unauthenticated: HTTPProblem.loginNeeded.response()
        case .forbidden: HTTPProblem(403, "forbidden", "You may not see this.").response()
        }
    }
}

extension MediaPath {
    /// Whether it is what the gateway asks about for an address below `/whep/<stream>`.
    var isWebRTC: Bool { prefix == .live && rest == ["whep"] }
}
