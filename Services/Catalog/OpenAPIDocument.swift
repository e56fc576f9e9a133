import Contracts

/// The description of the whole REST API in OpenAPI 3.1, written by hand beside the routes.
enum OpenAPIDocument {
    static let text = """
        {
          "openapi": "3.1.0",
          "info": {
            "title": "Martlet", "version": "1",
            "description": "A private media hub. Lists are paged by `limit` and `cursor`; problems are RFC 9457 documents with a stable `code`. Media is under /live/{streamId}/: index.m3u8, {sessionId}/index.m3u8, {sessionId}/file.mp4.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
          },
          "servers": [{"url": "/"}],
          "security": [{"session": []}, {"basic": []}, {"bearer": []}],
          "tags": [
            {"name": "auth", "description": "Logins, share links, media rights, stream keys, API tokens."},
            {"name": "streams", "description": "One link each, live or not."},
            {"name": "webrtc", "description": "Publishing by WHIP (RFC 9725) and watching by WHEP; /whep/~{token}/{stream} is the same for who has a media token."},
            {"name": "recordings", "description": "What was published, to be watched again."},
            {"name": "system", "description": "The clock, the events and this document."}
          ],
          "paths": {
        \(StreamPaths.text),
        \(RecordingPaths.text),
        \(SystemPaths.text),
        \(AuthOpenAPI.paths),
        \(IngestOpenAPI.paths),
        \(SFUOpenAPI.paths),
        \(SignallingOpenAPI.paths)
          },
          "components": {
            "securitySchemes": {
              "session": {"type": "apiKey", "in": "cookie", "name": "martlet_session"},
              "basic": {"type": "http", "scheme": "basic"},
              "bearer": {"type": "http", "scheme": "bearer"}
            },
            "parameters": {
              "Id": {"name": "id", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/Identifier"}},
              "Stream": {"name": "stream", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/Identifier"}},
              "Limit": {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}},
              "Cursor": {"name": "cursor", "in": "query", "description": "The `next` of the page before.", "schema": {"type": "string", "format": "cursor", "minLength": 20}},
              "IfMatch": {"name": "If-Match", "in": "header", "description": "The ETag that the change is based on.", "schema": {"type": "string"}},
              "IdempotencyKey": {"name": "Idempotency-Key", "in": "header", "description": "The same key and request are answered once, for a day.", "schema": {"type": "string", "minLength": 1, "maxLength": 200}},
        \(SignallingOpenAPI.parameters)
            },
            "headers": {
              "ETag": {"description": "The version, for If-Match.", "schema": {"type": "string"}},
        \(SignallingOpenAPI.headers)
            },
            "responses": {
        \(SignallingOpenAPI.responses),
              "Problem": {"description": "What went wrong.", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
              "Deleted": {"description": "Hidden, and given up for good unless it is restored in time.", "content": {"application/json": {"schema": {
                "type": "object", "required": ["id", "undoUntil", "undoUrl"], "properties": {
                  "id": {"$ref": "#/components/schemas/Identifier"}, "undoUntil": {"type": "string", "format": "date-time"}, "undoUrl": {"type": "string"}}}}}}
            },
            "schemas": {
        \(schemas),
        \(AuthOpenAPI.schemas),
        \(IngestOpenAPI.schemas),
        \(SFUOpenAPI.schemas)
            }
          }
        }
        """

    private static let schemas = """
        "Identifier": {"type": "string", "pattern": "^[a-z2-7]{26}$"},
        "Problem": {
          "type": "object", "required": ["type", "title", "status", "detail", "code"], "properties": {
            "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
            "detail": {"type": "string"}, "code": {"type": "string"}, "instance": {"type": "string"}}},
        "StreamInput": {
          "type": "object", "properties": {
            "slug": {"type": ["string", "null"], "pattern": "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"},
            "title": {"type": ["string", "null"], "maxLength": 200, "pattern": "^[^\\\\u0000-\\\\u001f\\\\u007f]*$"}, "record": {"type": ["boolean", "null"]}}},
        "Stream": {
          "type": "object",
          "required": ["id", "slug", "title", "record", "state", "session", "watchUrl", "hlsUrl", "createdAt", "updatedAt"],
          "properties": {
            "id": {"$ref": "#/components/schemas/Identifier"}, "slug": {"type": "string"}, "title": {"type": "string"},
            "record": {"type": "boolean"}, "state": {"$ref": "#/components/schemas/StreamState"},
            "session": {"anyOf": [{"$ref": "#/components/schemas/Session"}, {"type": "null"}]},
            "watchUrl": {"type": "string"}, "hlsUrl": {"type": "string"},
            "createdAt": {"type": "string", "format": "date-time"}, "updatedAt": {"type": "string", "format": "date-time"}}},
        "StreamState": {"enum": ["offline", "live", "away", "ended"]},
        "Session": {
          "type": "object", "required": ["id", "state", "startedAt", "endedAt", "duration"], "properties": {
            "id": {"$ref": "#/components/schemas/Identifier"}, "state": {"enum": ["live", "away", "ended"]},
            "startedAt": {"type": "string", "format": "date-time"}, "endedAt": {"type": ["string", "null"], "format": "date-time"},
            "duration": {"type": "number", "description": "Seconds."}}},
        "Recording": {
          "type": "object",
          "required": ["id", "streamId", "sessionId", "slug", "title", "state", "failure", "startedAt", "endedAt", "duration", "bytes", "tracks", "watchUrl", "fileUrl", "hlsUrl"],
          "properties": {
            "id": {"$ref": "#/components/schemas/Identifier"}, "streamId": {"$ref": "#/components/schemas/Identifier"},
            "sessionId": {"$ref": "#/components/schemas/Identifier"}, "slug": {"type": "string"}, "title": {"type": "string"},
            "state": {"$ref": "#/components/schemas/RecordingState"},
            "failure": {"type": ["string", "null"], "description": "Why something of it may be missing, where it has failed."},
            "startedAt": {"type": "string", "format": "date-time"}, "endedAt": {"type": ["string", "null"], "format": "date-time"},
            "duration": {"type": "number", "description": "Seconds of media."}, "bytes": {"type": "integer"},
            "tracks": {"type": "array", "items": {}}, "watchUrl": {"type": "string"}, "fileUrl": {"type": "string"},
            "hlsUrl": {"type": "string"}}},
        "RecordingState": {"enum": ["recording", "complete", "failed"]},
        "Watch": {
          "type": "object", "required": ["slug", "title", "streamId", "state", "session", "hlsUrl", "recordings"], "properties": {
            "slug": {"type": "string"}, "title": {"type": "string"}, "streamId": {"$ref": "#/components/schemas/Identifier"},
            "state": {"$ref": "#/components/schemas/StreamState"},
            "session": {"anyOf": [{"$ref": "#/components/schemas/Session"}, {"type": "null"}]},
            "hlsUrl": {"type": "string"}, "recordings": {"type": "array", "items": {"$ref": "#/components/schemas/Recording"}}}}
        """
}
