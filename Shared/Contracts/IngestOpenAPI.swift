/// What ingest answers, in OpenAPI 3.1, for the one document that the catalog serves.
public enum IngestOpenAPI {
    /// The members of `paths`, without the braces around them.
    public static let paths = """
        "/api/v1/streams/{stream}/publisher": {
          "parameters": [{"$ref": "#/components/parameters/Stream"}],
          "get": {
            "operationId": "getPublisher", "tags": ["streams"],
            "summary": "Who publishes to the stream now, what it sends, and what it could do better.",
            "responses": {
              "200": {"description": "The publisher.", "content": {"application/json": {"schema": {
                "$ref": "#/components/schemas/Publisher"}}}},
              "default": {"$ref": "#/components/responses/Problem"}}}}
        """

    /// The members of `schemas`, without the braces around them.
    public static let schemas = """
        "Publisher": {
          "type": "object",
          "required": ["streamId", "sessionId", "epoch", "protocol", "bitrate", "frameRate", "bFrames", "tracks", "layers", "warnings"],
          "properties": {
            "streamId": {"type": "string"}, "sessionId": {"type": "string"}, "epoch": {"type": "integer"},
            "key": {"type": "string", "description": "The public name of the stream key."},
            "protocol": {"type": "string"}, "encoder": {"type": "string"}, "address": {"type": "string"},
            "bitrate": {"type": "integer", "description": "Bits a second."},
            "frameRate": {"type": "number"}, "bytes": {"type": "integer"},
            "keyframeInterval": {"type": "number", "description": "Seconds."},
            "bFrames": {"type": "boolean", "description": "Whether pictures are sent in another order than shown."},
            "drift": {"type": "number", "description": "Seconds that sound is ahead of the picture."},
            "captureAge": {"type": "number", "description": "Seconds from capture to arrival, where a publisher by WHIP tells its times of capture."},
            "tracks": {"type": "array", "items": {"type": "object", "required": ["track", "generation", "codec"], "properties": {
              "track": {"type": "integer"}, "generation": {"type": "integer"}, "codec": {"type": "string"},
              "width": {"type": "integer"}, "height": {"type": "integer"},
              "sampleRate": {"type": "integer"}, "channels": {"type": "integer"}}}},
            "layers": {"type": "array", "description": "The streams that carry a simulcast's layers, best first.",
              "items": {"type": "object", "required": ["rid", "width", "height", "bitrate"], "properties": {
                "rid": {"type": "string"},
                "rendition": {"type": "string", "description": "Absent for the stream's own picture."},
                "width": {"type": "integer"}, "height": {"type": "integer"}, "bitrate": {"type": "integer"}}}},
            "warnings": {"type": "array", "items": {"type": "string"}}}}
        """
}
