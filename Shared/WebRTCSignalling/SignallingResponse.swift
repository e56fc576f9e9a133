public import Configuration
public import HTTPServing
public import SDP

/// A server of STUN or TURN that clients are told to use.
public struct ICEServer: Sendable, Equatable {
    /// The address, like `turn:turn.example.org?transport=udp`.
    public var url: String
    /// The user name of a TURN server.
    public var username: String?
    /// The password of a TURN server.
    public var credential: String?

    /// Creates a server.
    public init(url: String, username: String? = nil, credential: String? = nil) {
        self.url = url
        self.username = username
        self.credential = credential
    }

    /// Reads `url`, or `url|username|credential`; `nil` for what is no address of STUN or TURN.
    public init?(setting: String) {
        let parts = setting.split(separator: Character("|"), omittingEmptySubsequences: false).map(
            String.init
        )
        let schemes = ["stun:", "stuns:", "turn:", "turns:"]
        guard let url = parts.first, schemes.contains(where: url.hasPrefix), [1, 3].contains(parts.count)
        else {
            return nil
        }
        let isPlain = parts.allSatisfy {
            $0.utf8.allSatisfy { (33...126).contains($0) && $0 != 34 && $0 != 92 }
        }
        guard isPlain, !url.contains(">") else { return nil }
        self.init(
            url: url,
            username: parts.count == 3 ? parts[1] : nil,
            credential: parts.count == 3 ? parts[2] : nil
        )
    }

    /// Reads the servers that the setting `ICE_SERVERS` of a service names.
    public static func all(from reader: inout EnvironmentReader) -> [ICEServer] {
        reader.list("ICE_SERVERS", of: "stun:host or turn:host|user|password") { ICEServer(setting: $0) }
    }

    /// The value of a `Link` field (RFC 9725 §4.6).
    var link: String {
        var link = "<\(url)>; rel=\"ice-server\""
        if let username, let credential {
            link += "; username=\"\(username)\"; credential=\"\(credential)\"; credential-type=\"password\""
        }
        return link
    }
}

/// The answers of a session's resource.
public enum SignallingResponse {
    /// 201: the session has begun.
    ///
    /// - Parameters:
    ///   - location: The address of the session's resource.
    ///   - entityTag: Without quotes; another one after each restart of ICE.
    public static func created(
        answer: String,
        location: String,
        entityTag: String,
        iceServers: [ICEServer] = []
    ) -> HTTPResponse {
        var response = HTTPResponse(status: 201, headers: fields, content: .bytes(Array(answer.utf8)))
        response.headers["content-type"] = SignallingRequest.MediaType.description
        response.headers["location"] = location
        response.headers["etag"] = "\"\(entityTag)\""
        response.headers["accept-patch"] = SignallingRequest.MediaType.fragment
        for server in iceServers { response.headers.append("link", server.link) }
        return response
    }

    /// 204: the candidates have been taken.
    public static func trickled() -> HTTPResponse { HTTPResponse(status: 204, headers: fields) }

    /// 200: ICE begins anew with these credentials of ours.
    public static func restarted(_ fragment: TrickleFragment, entityTag: String) -> HTTPResponse {
        var response = HTTPResponse(status: 200, headers: fields, content: .bytes(Array(fragment.text.utf8)))
        response.headers["content-type"] = SignallingRequest.MediaType.fragment
        response.headers["etag"] = "\"\(entityTag)\""
        return response
    }

    /// 200: the session is over.
    public static func ended() -> HTTPResponse { HTTPResponse(status: 200, headers: fields) }

    /// 200 to HEAD: offers are taken at this address, whether or not there is anything to be had now.
    public static func head() -> HTTPResponse {
        var response = HTTPResponse(status: 200, headers: fields)
        response.headers["content-type"] = SignallingRequest.MediaType.description
        return response
    }

    /// 204 to OPTIONS: what pages of other origins may send, and which body a POST has.
    public static func options(iceServers: [ICEServer] = []) -> HTTPResponse {
        var response = HTTPResponse(status: 204, headers: fields)
        response.headers["access-control-allow-methods"] = "OPTIONS, HEAD, POST, PATCH, DELETE"
        response.headers["access-control-allow-headers"] = "Authorization, Content-Type, If-Match"
        response.headers["access-control-max-age"] = "86400"
        response.headers["accept-post"] = SignallingRequest.MediaType.description
        response.headers["accept-patch"] = SignallingRequest.MediaType.fragment
        response.headers["allow"] = "OPTIONS, HEAD, POST, PATCH, DELETE"
        // Nobody is asked who they are for this: a password is for those only who may have a session.
        for server in iceServers where server.credential == nil {
            response.headers.append("link", server.link)
        }
        return response
    }

    /// A problem that pages of other origins may read too.
    public static func problem(_ problem: HTTPProblem) -> HTTPProblem {
        var problem = problem
        problem.headers["access-control-allow-origin"] = "*"
        problem.headers["access-control-expose-headers"] = exposed
        return problem
    }

    /// 503: there is no room for another session.
    public static func full(retryAfter seconds: Int) -> HTTPProblem {
        passing(
            503,
            "sessions_full",
            "There is no room for another session at the moment. Try again in \(seconds) s.",
            retryAfter: seconds
        )
    }

    /// 429: too many offers of the same address have not led to a connection yet.
    public static func tooManyOffers(retryAfter seconds: Int) -> HTTPProblem {
        passing(
            429,
            "too_many_offers",
            "Too many offers from this address have not led to a connection yet. Try again in \(seconds) s.",
            retryAfter: seconds
        )
    }

    /// 503: something that sessions need is away.
    public static func unavailable(retryAfter seconds: Int) -> HTTPProblem {
        passing(
            503,
            "unavailable",
            "The server cannot take new sessions at the moment. Try again in \(seconds) s.",
            retryAfter: seconds
        )
    }

    /// 503: the replica stops; another one, or the next of this one, takes the offer.
    public static let draining = passing(
        503,
        "draining",
        "The server is restarting. Try again now.",
        retryAfter: 1
    )

    /// 409: the stream is not live; it may be soon.
    public static func notLive(retryAfter seconds: Int) -> HTTPProblem {
        passing(
            409,
            "stream_not_live",
            "Nobody publishes the stream at the moment.",
            retryAfter: seconds
        )
    }

    /// A problem that is over after a while.
    private static func passing(
        _ status: Int,
        _ code: String,
        _ detail: String,
        retryAfter seconds: Int
    ) -> HTTPProblem {
        HTTPProblem(status, code, detail, headers: ["retry-after": String(seconds)])
    }

    /// 404: there is no such session, or it is over.
    public static let noSession = HTTPProblem(
        404,
        "no_such_session",
        "There is no such session; it may be over."
    )

    private static let exposed = "Location, ETag, Link, Accept-Patch, Retry-After"

    /// What every answer carries; no cookie goes along, so that any origin may ask.
    private static var fields: HTTPFields {
        [
            "access-control-allow-origin": "*", "access-control-expose-headers": exposed,
            "cache-control": "no-store",
        ]
    }
}
