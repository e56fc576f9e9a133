/// The addresses of WHIP (RFC 9725) and WHEP in OpenAPI 3.1, for the one document that the catalog serves.
public enum SignallingOpenAPI {
    /// The members of `paths`, without the braces around them.
    public static let paths = publishing + "," + watching

    private static let publishing = """
        "/whip/{stream}": {
          "parameters": [{"$ref": "#/components/parameters/Stream"}],
        \(options("whip", "Endpoint")),
        \(offer(
            "whip",
            "Begins to publish by WebRTC: an SDP offer, for members and for who has a stream key as the bearer.",
            conflict: "Somebody else publishes to the stream; try again after Retry-After."
        ))},
        "/whip/{stream}/{session}": {
          "parameters": [{"$ref": "#/components/parameters/Stream"}, {"$ref": "#/components/parameters/RTCSession"}],
        \(options("whip", "Session")),
        \(change("whip")),
        \(end("whip", "The stream ends."))}
        """

    private static let watching = """
        "/whep/{stream}": {
          "parameters": [{"$ref": "#/components/parameters/Stream"}],
        \(options("whep", "Endpoint")),
        \(head("Endpoint")),
        \(get("Endpoint")),
        \(offer(
            "whep",
            "Begins to watch by WebRTC: an SDP offer to receive.",
            conflict: "Nobody publishes the stream; try again after Retry-After.",
            more: notAcceptable
        ))},
        "/whep/{stream}/{session}": {
          "parameters": [{"$ref": "#/components/parameters/Stream"}, {"$ref": "#/components/parameters/RTCSession"}],
        \(options("whep", "Session")),
        \(head("Session")),
        \(get("Session")),
        \(change("whep")),
        \(end("whep", "The session ends."))}
        """

    /// The members of `parameters`.
    public static let parameters = """
        "RTCSession": {"name": "session", "in": "path", "required": true, "description": "The last element of the Location: who knows it may change and end the session.",
          "schema": {"type": "string", "pattern": "^[0-9]{1,4}-[a-z2-7]{26}$"}}
        """

    /// The members of `headers`.
    public static let headers = """
        "ICEServer": {"description": "A server of STUN or TURN, `rel=\\"ice-server\\"` (RFC 9725 §4.6); one field each, those with a password only where a session begins.", "schema": {"type": "string"}},
        "SessionTag": {"description": "The session's ICE, for the If-Match of a restart; another one after each.", "schema": {"type": "string"}},
        "RetryAfter": {"description": "Seconds.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
        """

    /// The members of `responses`.
    public static let responses = """
        "TryAgain": {"description": "Not now.", "headers": {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}},
          "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        """

    private static let problem = ##"{"$ref": "#/components/responses/Problem"}"##
    private static let tryAgain = ##"{"$ref": "#/components/responses/TryAgain"}"##
    private static let notAcceptable = """
        "406": {"description": "The offer does not take what is published: `codec_mismatch`, `b_frames`, `pixels_not_carried`, `codec_not_carried`.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        """

    private static func options(_ name: String, _ place: String) -> String {
        """
          "options": {
            "operationId": "\(name)\(place)Options", "tags": ["webrtc"], "security": [],
            "summary": "What pages of other origins may send, and which bodies are taken.",
            "responses": {
              "204": {"description": "Said by the fields.", "headers": {
                "Accept-Post": {"description": "application/sdp", "schema": {"type": "string"}},
                "Accept-Patch": {"description": "application/trickle-ice-sdpfrag", "schema": {"type": "string"}},
                "Allow": {"schema": {"type": "string"}}, "Access-Control-Allow-Methods": {"schema": {"type": "string"}},
                "Access-Control-Allow-Headers": {"schema": {"type": "string"}},
                "Link": {"$ref": "#/components/headers/ICEServer"}}},
              "400": \(problem), "404": \(problem), "503": \(tryAgain)}}
        """
    }

    private static func head(_ place: String) -> String {
        """
          "head": {
            "operationId": "whep\(place)Head", "tags": ["webrtc"],
            "summary": "Whether an address is one of WHEP; not whether there is anything to watch.",
            "responses": {
              "200": {"description": "It is, as its Content-Type application/sdp says."},
              "400": {"description": "The address is malformed."}, "401": {"description": "Log in, or send a token."},
              "404": {"description": "There is nothing here that you may see."},
              "503": {"description": "A service restarts."}}}
        """
    }

    private static func get(_ place: String) -> String {
        """
          "get": {
            "operationId": "whep\(place)Get", "tags": ["webrtc"], "summary": "Refused: sessions begin by POST.",
            "responses": {"400": \(problem), "401": \(problem), "404": \(problem), "405": \(problem), "503": \(tryAgain)}}
        """
    }

    private static func offer(
        _ name: String,
        _ summary: String,
        conflict: String,
        more: String = ""
    ) -> String {
        """
          "post": {
            "operationId": "\(name)Offer", "tags": ["webrtc"],
            "summary": "\(summary)",
            "requestBody": {"required": true, "content": {"application/sdp": {"schema": {"type": "string", "maxLength": 65536}}}},
            "responses": {
              "201": {"description": "The answer; the session's own address is the Location.",
                "headers": {
                  "Location": {"required": true, "schema": {"type": "string"}}, "ETag": {"$ref": "#/components/headers/SessionTag"},
                  "Link": {"$ref": "#/components/headers/ICEServer"},
                  "Accept-Patch": {"description": "application/trickle-ice-sdpfrag", "schema": {"type": "string"}}},
                "content": {"application/sdp": {"schema": {"type": "string"}}}},
              "400": \(problem), "401": \(problem), "404": \(problem), "405": \(problem),
              \(more)
              "409": {"description": "\(conflict)", "headers": {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}},
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
              "413": \(problem), "415": \(problem),
              "422": {"description": "An offer that cannot be answered as a whole; the code says what is missing.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
              "429": {"description": "`too_many_offers`: offers of this address, of IPv6 of its /64, that have led to no connection have an eighth of all places, or 64; each is given up after 10 s.",
                "headers": {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}},
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
              "503": \(tryAgain)}}
        """
    }

    private static func change(_ name: String) -> String {
        """
          "patch": {
            "operationId": "\(name)Change", "tags": ["webrtc"],\(security(name))
            "summary": "More candidates, or with other credentials and `If-Match: *` a restart of ICE (RFC 9725 §4.3).",
            "parameters": [{"name": "If-Match", "in": "header", "description": "The newest ETag, or `*`; candidates need none.", "schema": {"type": "string"}}],
            "requestBody": {"required": true, "content": {"application/trickle-ice-sdpfrag": {"schema": {"type": "string", "maxLength": 65536}}}},
            "responses": {
              "200": {"description": "ICE begins anew: the server's own credentials and candidates.",
                "headers": {"ETag": {"$ref": "#/components/headers/SessionTag"}},
                "content": {"application/trickle-ice-sdpfrag": {"schema": {"type": "string"}}}},
              "204": {"description": "Taken."},
              "400": \(problem), "401": \(problem), "404": \(problem), "405": \(problem), "412": \(problem), "413": \(problem),
              "415": \(problem), "428": \(problem), "503": \(tryAgain)}}
        """
    }

    private static func end(_ name: String, _ summary: String) -> String {
        """
          "delete": {
            "operationId": "\(name)End", "tags": ["webrtc"],\(security(name)) "summary": "\(summary)",
            "responses": {
              "200": {"description": "Over."}, "400": \(problem), "401": \(problem), "404": \(problem), "405": \(problem), "503": \(tryAgain)}}
        """
    }

    /// A publisher's session is changed by whoever knows its address.
    private static func security(_ name: String) -> String { name == "whip" ? " \"security\": []," : "" }
}
