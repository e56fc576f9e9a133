/// `/api/v1/streams` and what stands behind the one link, as members of `paths`.
enum StreamPaths {
    static let text = """
        "/api/v1/streams": {
          "get": {
            "operationId": "listStreams", "tags": ["streams"], "summary": "The streams that one may see.",
            "parameters": [
              {"$ref": "#/components/parameters/Limit"}, {"$ref": "#/components/parameters/Cursor"},
              {"name": "sort", "in": "query", "schema": {"enum": ["createdAt", "-createdAt"], "default": "-createdAt"}},
              {"name": "state", "in": "query", "schema": {"$ref": "#/components/schemas/StreamState"}},
              {"name": "q", "in": "query", "description": "A part of the slug or the title.", "schema": {"type": "string"}}],
            "responses": {
              "200": {"description": "One page.", "content": {"application/json": {"schema": {
                "type": "object", "required": ["items", "next"], "properties": {
                  "items": {"type": "array", "items": {"$ref": "#/components/schemas/Stream"}},
                  "next": {"type": ["string", "null"]}}}}}},
              "default": {"$ref": "#/components/responses/Problem"}}},
          "post": {
            "operationId": "makeStream", "tags": ["streams"], "summary": "Makes a stream; without a slug it gets a random one.",
            "parameters": [{"$ref": "#/components/parameters/IdempotencyKey"}],
            "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/StreamInput"}}}},
            "responses": {
              "201": {"description": "Made.", "headers": {"ETag": {"$ref": "#/components/headers/ETag"}, "Location": {"schema": {"type": "string"}}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Stream"}}}},
              "default": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/streams/{id}": {
          "parameters": [{"$ref": "#/components/parameters/Id"}],
          "get": {
            "operationId": "showStream", "tags": ["streams"], "summary": "One stream.",
            "responses": {
              "200": {"description": "The stream.", "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Stream"}}}},
              "default": {"$ref": "#/components/responses/Problem"}}},
          "patch": {
            "operationId": "changeStream", "tags": ["streams"], "summary": "Changes what is given.",
            "parameters": [{"$ref": "#/components/parameters/IfMatch"}],
            "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/StreamInput"}}}},
            "responses": {
              "200": {"description": "Changed.", "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Stream"}}}},
              "default": {"$ref": "#/components/responses/Problem"}}},
          "delete": {
            "operationId": "deleteStream", "tags": ["streams"], "summary": "Deletes a stream and its recordings; can be undone for 30 s.",
            "responses": {"202": {"$ref": "#/components/responses/Deleted"}, "default": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/streams/{id}/restore": {
          "parameters": [{"$ref": "#/components/parameters/Id"}],
          "post": {
            "operationId": "restoreStream", "tags": ["streams"], "summary": "Undoes the deletion.",
            "responses": {
              "200": {"description": "It is back.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Stream"}}}},
              "default": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/watch/{slug}": {
          "parameters": [{"name": "slug", "in": "path", "required": true, "schema": {"type": "string"}}],
          "get": {
            "operationId": "watch", "tags": ["streams"], "summary": "What stands behind the one link now.",
            "responses": {
              "200": {"description": "The stream, its newest session and its recordings.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Watch"}}}},
              "default": {"$ref": "#/components/responses/Problem"}}}}
        """
}

/// `/api/v1/recordings`, as members of `paths`.
enum RecordingPaths {
    static let text = """
        "/api/v1/recordings": {
          "get": {
            "operationId": "listRecordings", "tags": ["recordings"], "summary": "The recordings that one may see.",
            "parameters": [
              {"$ref": "#/components/parameters/Limit"}, {"$ref": "#/components/parameters/Cursor"},
              {"name": "sort", "in": "query", "schema": {"enum": ["startedAt", "-startedAt"], "default": "-startedAt"}},
              {"name": "stream", "in": "query", "schema": {"type": "string"}},
              {"name": "state", "in": "query", "schema": {"$ref": "#/components/schemas/RecordingState"}}],
            "responses": {
              "200": {"description": "One page.", "content": {"application/json": {"schema": {
                "type": "object", "required": ["items", "next"], "properties": {
                  "items": {"type": "array", "items": {"$ref": "#/components/schemas/Recording"}},
                  "next": {"type": ["string", "null"]}}}}}},
              "default": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/recordings/{id}": {
          "parameters": [{"$ref": "#/components/parameters/Id"}],
          "get": {
            "operationId": "showRecording", "tags": ["recordings"], "summary": "One recording.",
            "responses": {
              "200": {"description": "The recording.", "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Recording"}}}},
              "default": {"$ref": "#/components/responses/Problem"}}},
          "patch": {
            "operationId": "changeRecording", "tags": ["recordings"], "summary": "Gives it another title.",
            "parameters": [{"$ref": "#/components/parameters/IfMatch"}],
            "requestBody": {"required": true, "content": {"application/json": {"schema": {
              "type": "object", "required": ["title"], "properties": {"title": {"type": "string", "maxLength": 200, "pattern": "^[^\\\\u0000-\\\\u001f\\\\u007f]*$"}}}}}},
            "responses": {
              "200": {"description": "Changed.", "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Recording"}}}},
              "default": {"$ref": "#/components/responses/Problem"}}},
          "delete": {
            "operationId": "deleteRecording", "tags": ["recordings"], "summary": "Deletes it; can be undone for 30 s.",
            "responses": {"202": {"$ref": "#/components/responses/Deleted"}, "default": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/recordings/{id}/restore": {
          "parameters": [{"$ref": "#/components/parameters/Id"}],
          "post": {
            "operationId": "restoreRecording", "tags": ["recordings"], "summary": "Undoes the deletion.",
            "responses": {
              "200": {"description": "It is back.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Recording"}}}},
              "default": {"$ref": "#/components/responses/Problem"}}}}
        """
}

/// The clock, the events and the document itself, as members of `paths`.
enum SystemPaths {
    static let text = """
        "/api/v1/time": {
          "get": {
            "operationId": "time", "tags": ["system"], "summary": "The server's clock.", "security": [],
            "responses": {"200": {"description": "Now.", "content": {"application/json": {"schema": {
              "type": "object", "required": ["now", "unixMs"], "properties": {
                "now": {"type": "string", "format": "date-time"}, "unixMs": {"type": "integer"}}}}}}}}},
        "/api/v1/events": {
          "get": {
            "operationId": "events", "tags": ["system"],
            "summary": "What happens, as endless server-sent events named stream.live, stream.away, stream.ended, stream.updated, tracks.changed, recording.updated, recording.ended, recording.deleted, grant.revoked, key.revoked, viewers.changed, viewers.measured; `reset` means: read everything again.",
            "description": "The data of each is `{type, subject, time, data}`. `viewers.changed` carries a ViewersChanged: how many watch a stream by WebRTC at one replica, whenever that changes; 0 for a replica that is gone. `viewers.measured` carries a ViewersMeasured every 5 s while somebody watches, to members only; it has no ID and is never repeated.",
            "parameters": [
              {"name": "stream", "in": "query", "description": "Only this stream's.", "schema": {"type": "string"}},
              {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}}],
            "responses": {
              "200": {"description": "The events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
              "default": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/openapi.json": {
          "get": {
            "operationId": "openAPI", "tags": ["system"], "summary": "This document.",
            "responses": {
              "200": {"description": "The document.", "content": {"application/json": {"schema": {"type": "object"}}}},
              "default": {"$ref": "#/components/responses/Problem"}}}}
        """
}
