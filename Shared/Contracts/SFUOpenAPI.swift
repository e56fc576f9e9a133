/// What the sfu answers, in OpenAPI 3.1, for the one document that the catalog serves.
public enum SFUOpenAPI {
    /// The members of `paths`, without the braces around them.
    public static let paths = """
        "/api/v1/streams/{stream}/viewers": {
          "parameters": [{"$ref": "#/components/parameters/Stream"}],
          "get": {
            "operationId": "listViewers", "tags": ["streams"],
            "summary": "Who watches by WebRTC, how each fares, and why those see nothing who do not.",
            "responses": {
              "200": {"description": "The viewers of all replicas.", "content": {"application/json": {"schema": {
                "type": "object", "required": ["count", "items", "ended"], "properties": {
                  "count": {"type": "integer", "minimum": 0},
                  "items": {"type": "array", "items": {"$ref": "#/components/schemas/Viewer"}},
                  "ended": {"type": "array", "description": "Sessions of the last two minutes that are over, and offers that were refused; the newest first.",
                    "items": {"$ref": "#/components/schemas/Viewer"}}}}}}},
              "default": {"$ref": "#/components/responses/Problem"}}}}
        """

    /// The members of `schemas`, without the braces around them.
    public static let schemas = """
        "Viewer": {
          "type": "object", "required": ["id", "state", "since", "why"],
          "properties": {
            "id": {"type": "string"}, "state": {"enum": ["connecting", "playing", "closed", "refused"]},
            "since": {"type": "string", "format": "date-time"},
            "why": {"type": "object", "required": ["code", "text"], "description": "What is to be said of it, in plain words and by a stable code.",
              "properties": {"code": {"type": "string"}, "text": {"type": "string"}}},
            "transport": {"enum": ["udp", "tcp"]}, "address": {"type": "string"},
            "startDelay": {"type": "number", "description": "Seconds from the answer to the first packet of media."},
            "bitrate": {"type": "integer", "description": "Bits a second that it is sent."},
            "estimate": {"type": "integer", "description": "Bits a second that its path is thought to carry."},
            "layer": {"type": "string"}, "roundTrip": {"type": "number", "description": "Seconds."},
            "loss": {"type": "number", "minimum": 0, "maximum": 1},
            "packetsSent": {"type": "integer"}, "packetsLost": {"type": "integer"}, "packetsResent": {"type": "integer"},
            "keyframeRequests": {"type": "integer"}, "freezes": {"type": "integer"},
            "keyframeAge": {"type": "number", "description": "Seconds since the newest keyframe came."}}}
        """
}
