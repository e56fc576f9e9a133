/// What the auth service answers, in OpenAPI 3.1, for the one document that the catalog serves.
public enum AuthOpenAPI {
    /// The members of `paths`, without the braces around them.
    public static let paths =
        sessionPaths + "," + sharePaths + "," + mediaPaths + "," + keyPaths + "," + tokenPaths

    private static let sessionPaths = """
        "/api/v1/login": {
          "post": {
            "operationId": "logIn", "tags": ["auth"], "summary": "Opens a session and sets its cookie.", "security": [],
            "requestBody": {"required": true, "content": {"application/json": {"schema": {
              "type": "object", "required": ["user", "password"],
              "properties": {"user": {"type": "string"}, "password": {"type": "string"}}}}}},
            "responses": {
              "200": {"description": "Logged in.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Me"}}}},
              "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"},
              "413": {"$ref": "#/components/responses/Problem"}, "415": {"$ref": "#/components/responses/Problem"},
              "403": {"$ref": "#/components/responses/Problem"},
              "429": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/logout": {
          "post": {
            "operationId": "logOut", "tags": ["auth"], "summary": "Ends the session and all that was got by it.",
            "responses": {
              "204": {"description": "Logged out."}, "401": {"$ref": "#/components/responses/Problem"},
              "403": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/me": {
          "get": {
            "operationId": "me", "tags": ["auth"], "summary": "Who one is.",
            "responses": {
              "200": {"description": "The user or share link.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Me"}}}},
              "401": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}}}
        """

    private static let sharePaths = """
        "/api/v1/share/exchange": {
          "post": {
            "operationId": "exchangeShare", "tags": ["auth"], "security": [],
            "summary": "Exchanges a share link's secret for cookies that show its stream.",
            "requestBody": {"required": true, "content": {"application/json": {"schema": {
              "type": "object", "required": ["secret"], "properties": {"secret": {"type": "string"}}}}}},
            "responses": {
              "200": {"description": "The stream of the link.", "content": {"application/json": {"schema": {
                "type": "object", "required": ["streamId", "name"],
                "properties": {"streamId": {"type": "string"}, "slug": {"type": "string"}, "name": {"type": "string"}}}}}},
              "400": {"$ref": "#/components/responses/Problem"}, "403": {"$ref": "#/components/responses/Problem"},
              "404": {"$ref": "#/components/responses/Problem"}, "413": {"$ref": "#/components/responses/Problem"},
              "415": {"$ref": "#/components/responses/Problem"}, "429": {"$ref": "#/components/responses/Problem"},
              "503": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/streams/{stream}/shares": {
          "parameters": [{"$ref": "#/components/parameters/Stream"}],
          "get": {
            "operationId": "listShares", "tags": ["auth"], "summary": "The living share links of a stream, newest first.",
            "parameters": [{"$ref": "#/components/parameters/Limit"}, {"$ref": "#/components/parameters/Cursor"}],
            "responses": {
              "200": {"description": "One page.", "content": {"application/json": {"schema": {
                "type": "object", "required": ["items", "next"], "properties": {
                  "items": {"type": "array", "items": {"$ref": "#/components/schemas/Share"}},
                  "next": {"type": ["string", "null"]}}}}}},
              "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"},
              "404": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}},
          "post": {
            "operationId": "makeShare", "tags": ["auth"], "summary": "Makes a share link; its secret is shown this once.",
            "requestBody": {"content": {"application/json": {"schema": {
              "type": "object", "properties": {
                "name": {"type": "string", "maxLength": 200}, "ttl": {"type": "number", "minimum": 1, "maximum": 315360000}}}}}},
            "responses": {
              "201": {"description": "Made.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Share"}}}},
              "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"},
              "403": {"$ref": "#/components/responses/Problem"}, "404": {"$ref": "#/components/responses/Problem"},
              "413": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/streams/{stream}/shares/{share}": {
          "parameters": [
            {"$ref": "#/components/parameters/Stream"},
            {"name": "share", "in": "path", "required": true, "schema": {"type": "string"}}],
          "delete": {
            "operationId": "revokeShare", "tags": ["auth"], "summary": "Revokes a share link and closes what plays by it.",
            "responses": {
              "204": {"description": "Revoked."}, "401": {"$ref": "#/components/responses/Problem"},
              "403": {"$ref": "#/components/responses/Problem"}, "404": {"$ref": "#/components/responses/Problem"},
              "503": {"$ref": "#/components/responses/Problem"}}}}
        """

    private static let mediaPaths = """
        "/api/v1/streams/{stream}/media-cookie": {
          "parameters": [{"$ref": "#/components/parameters/Stream"}],
          "post": {
            "operationId": "renewMediaCookie", "tags": ["auth"], "summary": "Sets or renews the cookie that opens a stream's media.",
            "responses": {
              "200": {"description": "Renewed.", "content": {"application/json": {"schema": {
                "type": "object", "required": ["expiresAt"],
                "properties": {"expiresAt": {"type": "string", "format": "date-time"}}}}}},
              "401": {"$ref": "#/components/responses/Problem"}, "403": {"$ref": "#/components/responses/Problem"},
              "404": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/streams/{stream}/media-token": {
          "parameters": [{"$ref": "#/components/parameters/Stream"}],
          "post": {
            "operationId": "makeMediaToken", "tags": ["auth"], "summary": "Makes a token that stands in the path, for other players.",
            "requestBody": {"content": {"application/json": {"schema": {
              "type": "object", "properties": {"ttl": {"type": "number", "minimum": 1, "maximum": 86400}}}}}},
            "responses": {
              "200": {"description": "Made.", "content": {"application/json": {"schema": {
                "type": "object", "required": ["token", "hlsUrl", "dashUrl", "expiresAt"], "properties": {
                  "token": {"type": "string"}, "hlsUrl": {"type": "string"}, "dashUrl": {"type": "string"},
                  "expiresAt": {"type": "string", "format": "date-time"}}}}}},
              "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"},
              "403": {"$ref": "#/components/responses/Problem"}, "404": {"$ref": "#/components/responses/Problem"},
              "413": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}}}
        """

    private static let keyPaths = """
        "/api/v1/streams/{stream}/keys": {
          "parameters": [{"$ref": "#/components/parameters/Stream"}],
          "get": {
            "operationId": "listKeys", "tags": ["auth"], "summary": "The keys of a stream, revoked ones too, newest first.",
            "parameters": [{"$ref": "#/components/parameters/Limit"}, {"$ref": "#/components/parameters/Cursor"}],
            "responses": {
              "200": {"description": "One page.", "content": {"application/json": {"schema": {
                "type": "object", "required": ["items", "next"], "properties": {
                  "items": {"type": "array", "items": {"$ref": "#/components/schemas/StreamKey"}},
                  "next": {"type": ["string", "null"]}}}}}},
              "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"},
              "404": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}},
          "post": {
            "operationId": "makeKey", "tags": ["auth"], "summary": "Makes a stream key; its secret is shown this once.",
            "requestBody": {"content": {"application/json": {"schema": {
              "type": "object", "properties": {"name": {"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"}}}}}},
            "responses": {
              "201": {"description": "Made.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/StreamKey"}}}},
              "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"},
              "403": {"$ref": "#/components/responses/Problem"}, "404": {"$ref": "#/components/responses/Problem"},
              "409": {"$ref": "#/components/responses/Problem"}, "413": {"$ref": "#/components/responses/Problem"},
              "503": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/streams/{stream}/keys/{key}": {
          "parameters": [
            {"$ref": "#/components/parameters/Stream"},
            {"name": "key", "in": "path", "required": true, "schema": {"type": "string"}}],
          "delete": {
            "operationId": "revokeKey", "tags": ["auth"], "summary": "Revokes a key and puts off who publishes with it.",
            "responses": {
              "204": {"description": "Revoked."}, "401": {"$ref": "#/components/responses/Problem"},
              "403": {"$ref": "#/components/responses/Problem"}, "404": {"$ref": "#/components/responses/Problem"},
              "503": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/streams/{stream}/keys/{key}/rotate": {
          "parameters": [
            {"$ref": "#/components/parameters/Stream"},
            {"name": "key", "in": "path", "required": true, "schema": {"type": "string"}}],
          "post": {
            "operationId": "rotateKey", "tags": ["auth"], "summary": "Gives a key another secret, shown this once.",
            "responses": {
              "200": {"description": "Rotated.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/StreamKey"}}}},
              "401": {"$ref": "#/components/responses/Problem"}, "403": {"$ref": "#/components/responses/Problem"},
              "404": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}}}
        """

    private static let tokenPaths = """
        "/api/v1/tokens": {
          "get": {
            "operationId": "listTokens", "tags": ["auth"], "summary": "One's own API tokens, newest first.",
            "parameters": [{"$ref": "#/components/parameters/Limit"}, {"$ref": "#/components/parameters/Cursor"}],
            "responses": {
              "200": {"description": "One page.", "content": {"application/json": {"schema": {
                "type": "object", "required": ["items", "next"], "properties": {
                  "items": {"type": "array", "items": {"$ref": "#/components/schemas/APIToken"}},
                  "next": {"type": ["string", "null"]}}}}}},
              "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"},
              "404": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}},
          "post": {
            "operationId": "makeToken", "tags": ["auth"], "summary": "Makes an API token, shown this once.",
            "requestBody": {"content": {"application/json": {"schema": {
              "type": "object", "properties": {
                "name": {"type": "string", "maxLength": 200}, "ttl": {"type": "number", "minimum": 1, "maximum": 315360000}}}}}},
            "responses": {
              "201": {"description": "Made.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/APIToken"}}}},
              "400": {"$ref": "#/components/responses/Problem"}, "401": {"$ref": "#/components/responses/Problem"},
              "403": {"$ref": "#/components/responses/Problem"}, "404": {"$ref": "#/components/responses/Problem"},
              "413": {"$ref": "#/components/responses/Problem"}, "503": {"$ref": "#/components/responses/Problem"}}}},
        "/api/v1/tokens/{token}": {
          "parameters": [{"name": "token", "in": "path", "required": true, "schema": {"type": "string"}}],
          "delete": {
            "operationId": "revokeToken", "tags": ["auth"], "summary": "Revokes an API token.",
            "responses": {
              "204": {"description": "Revoked."}, "401": {"$ref": "#/components/responses/Problem"},
              "403": {"$ref": "#/components/responses/Problem"}, "404": {"$ref": "#/components/responses/Problem"},
              "503": {"$ref": "#/components/responses/Problem"}}}}
        """

    /// The members of `components.schemas`, without the braces around them.
    ///
    /// The document around them defines the response `Problem` and the parameters `Stream`, `Limit`, `Cursor`.
    public static let schemas = """
        "Me": {
          "type": "object", "required": ["id", "kind", "role"], "properties": {
            "id": {"type": "string"}, "kind": {"enum": ["user", "share"]}, "name": {"type": "string"},
            "role": {"enum": ["admin", "member", "viewer"]},
            "streams": {"type": "array", "items": {"type": "string"}, "description": "Absent where all may be seen."}}},
        "Share": {
          "type": "object", "required": ["id", "streamId", "name", "createdAt"], "properties": {
            "id": {"type": "string"}, "streamId": {"type": "string"}, "name": {"type": "string"},
            "createdAt": {"type": "string", "format": "date-time"},
            "expiresAt": {"type": "string", "format": "date-time"}, "secret": {"type": "string"}}},
        "StreamKey": {
          "type": "object", "required": ["id", "streamId", "name", "createdAt", "revoked"], "properties": {
            "id": {"type": "string"}, "streamId": {"type": "string"}, "name": {"type": "string"},
            "createdAt": {"type": "string", "format": "date-time"},
            "rotatedAt": {"type": "string", "format": "date-time"}, "revoked": {"type": "boolean"},
            "secret": {"type": "string"},
            "streamKey": {"type": "string", "description": "As one types it into a publisher."}}},
        "APIToken": {
          "type": "object", "required": ["id", "name", "createdAt"], "properties": {
            "id": {"type": "string"}, "name": {"type": "string"},
            "createdAt": {"type": "string", "format": "date-time"},
            "expiresAt": {"type": "string", "format": "date-time"}, "token": {"type": "string"}}}
        """
}
