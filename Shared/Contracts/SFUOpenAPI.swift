/// What the sfu answers, in OpenAPI 3.1, for the one document that the catalog serves.
public enum SFUOpenAPI {
    /// The members of `paths`, without the braces around them.
    public static let paths = """
        "/api/v1/streams/{stream}/viewers": {
          "parameters": [{"$ref": "#/components/parameters/Stream"}],
          "get": {
            "operationId": "listViewers", "tags": ["streams"],
            "summary": "Who watches by WebRTC, how each fares, and why those see nothing who do not; for members only.",
            "responses": {
              "200": {"description": "The viewers of all replicas.", "content": {"application/json": {"schema": {
                "type": "object", "required": ["count", "items", "ended"], "properties": {
                  "count": {"type": "integer", "minimum": 0},
                  "items": {"type": "array", "items": {"$ref": "#/components/schemas/Viewer"}},
                  "ended": {"type": "array", "description": "Sessions of the last two minutes that are over, and offers that were refused; the newest first.",
                    "items": {"$ref": "#/components/schemas/Viewer"}}}}}}},
              "default": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/streams/{stream}/viewers/{session}": {
          "parameters": [{"$ref": "#/components/parameters/Stream"},
            {"name": "session", "in": "path", "required": true, "description": "The last element of the session's Location.",
              "schema": {"type": "string", "pattern": "^[0-9]{1,4}-[a-z2-7]{26}$"}}],
          "get": {
            "operationId": "readViewer", "tags": ["streams"], "summary": "How one viewer fares.",
            "responses": {
              "200": {"description": "The viewer.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Viewer"}}}},
              "default": {"$ref": "#/components/responses/Problem"}}},
          "patch": {
            "operationId": "changeViewer", "tags": ["streams"],
            "summary": "Says which layer of a simulcast a viewer wants; it comes with the layer's next keyframe.",
            "requestBody": {"required": true, "content": {"application/json": {"schema": {
              "type": "object", "properties": {
                "layer": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,16}$",
                  "description": "`auto`, the best that its path carries, or the RID of one that it gets whatever its path carries, as long as the publisher sends it."},
                "maxHeight": {"type": ["integer", "null"], "minimum": 1, "maximum": 16384,
                  "description": "The largest picture that is of use, in pixels of height; null for any."}}}}}},
            "responses": {
              "200": {"description": "The viewer as it fares now.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Viewer"}}}},
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
            "layer": {"type": "string", "description": "The RID of the layer of a simulcast that it is sent."},
            "layerReason": {"enum": ["best", "bandwidth", "steadying", "size", "wish", "switching"],
              "description": "Why it is this one: the best there is; its path carries no better, or has for too short a time; it wants none that is larger, or this one; another comes with its next keyframe."},
            "layers": {"type": "array", "description": "The layers of the simulcast, the best first.", "items": {
              "type": "object", "required": ["rid", "width", "height", "bitrate"], "properties": {
                "rid": {"type": "string"}, "width": {"type": "integer"}, "height": {"type": "integer"},
                "bitrate": {"type": "integer", "description": "Bits a second that it needs; 0 while it is not sent."}}}},
            "layerSwitches": {"type": "integer"},
            "roundTrip": {"type": "number", "description": "Seconds."},
            "loss": {"type": "number", "minimum": 0, "maximum": 1},
            "packetsSent": {"type": "integer"}, "packetsLost": {"type": "integer"}, "packetsResent": {"type": "integer"},
            "keyframeRequests": {"type": "integer"},
            "freezes": {"type": "integer", "description": "Times that its pictures stood still, as far as the server can tell: from its request for a keyframe until one was sent."},
            "freezeSeconds": {"type": "number", "description": "How long that was in all, with the round trip."},
            "keyframeAge": {"type": "number", "description": "Seconds since the newest keyframe came."}}},
        "ViewersChanged": {
          "type": "object", "required": ["streamId", "replica", "viewers"], "properties": {
            "streamId": {"$ref": "#/components/schemas/Identifier"},
            "replica": {"type": "integer", "description": "The number that its sessions begin with."},
            "viewers": {"type": "integer", "minimum": 0}}},
        "ViewersMeasured": {
          "type": "object", "required": ["streamId", "replica", "viewers", "items", "rest"], "properties": {
            "streamId": {"$ref": "#/components/schemas/Identifier"}, "replica": {"type": "integer"},
            "viewers": {"type": "integer", "minimum": 0},
            "items": {"type": "array", "maxItems": 20, "description": "Those with the most trouble, the worst first.", "items": {
              "type": "object", "required": ["id", "why", "bitrate", "loss", "freezes", "freezeSeconds"], "properties": {
                "id": {"type": "string"}, "why": {"type": "string", "description": "The code of a Viewer's `why`."},
                "bitrate": {"type": "integer"}, "roundTrip": {"type": "number"},
                "loss": {"type": "number", "minimum": 0, "maximum": 1}, "layer": {"type": "string"},
                "freezes": {"type": "integer"}, "freezeSeconds": {"type": "number"}}}},
            "rest": {"type": "object", "description": "All others together: sums of bitrate and freezes, means of loss and round trip.",
              "required": ["count", "bitrate", "loss", "freezes"], "properties": {
                "count": {"type": "integer"}, "bitrate": {"type": "integer"}, "loss": {"type": "number"},
                "roundTrip": {"type": "number"}, "freezes": {"type": "integer"}}}}}
        """
}
