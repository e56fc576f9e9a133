/// How one response goes out: decided whole before its first byte, from the request and the response alone.
package struct ResponsePlan {
    /// What follows the header section.
    package enum Body {
        case none
        case pieces([HTTPResponse.Piece])
        case chunked(@Sendable (HTTPBodyWriter) async throws -> Void)
        /// A stream whose length the handler has promised.
        case counted(Int64, @Sendable (HTTPBodyWriter) async throws -> Void)
        /// A stream that ends with the connection, for HTTP/1.0.
        case untilClose(@Sendable (HTTPBodyWriter) async throws -> Void)
        case webSocket(@Sendable (WebSocketConnection) async throws -> Void)
    }

    /// The status that is sent.
    package let status: Int
    /// The header section, with the empty line.
    package let head: [UInt8]
    /// What follows it.
    package let body: Body
    /// Whether another request may follow.
    package let keepsAlive: Bool

    /// Decides how `response` answers `request`.
    ///
    /// - Parameters:
    ///   - mayKeepAlive: Whether the server would go on with this connection.
    ///   - date: The value of the `date` field.
    package init(_ response: HTTPResponse, to request: HTTPMessageHead, mayKeepAlive: Bool, date: String) {
        var response = Self.conditioned(response, on: request)
        var keepsAlive = mayKeepAlive && request.keepsAlive
        var body = Self.body(of: &response, for: request)
        if case .untilClose = body { keepsAlive = false }
        if request.method == "HEAD" { body = .none }
        if case .webSocket = body {
            response.headers["connection"] = "upgrade"
        } else {
            response.headers["connection"] =
                keepsAlive ? (request.minorVersion == 0 ? "keep-alive" : nil) : "close"
        }
        response.headers["date"] = date
        status = response.status
        head = Self.head(of: response)
        self.body = body
        self.keepsAlive = keepsAlive
    }

    /// Applies `If-None-Match`, `If-Modified-Since` and `Range` (RFC 9110 §13.2.2, §14.2).
    private static func conditioned(_ response: HTTPResponse, on request: HTTPMessageHead) -> HTTPResponse {
        guard response.status == 200, request.method == "GET" || request.method == "HEAD" else {
            return response
        }
        if isNotModified(response, for: request) {
            var unchanged = HTTPResponse(status: 304, headers: response.headers)
            for name in ["content-type", "content-length", "content-encoding"] {
                unchanged.headers[name] = nil
            }
            return unchanged
        }
        guard request.method == "GET", let pieces = response.content.pieces,
            ifRangeHolds(response, for: request)
        else { return response }
        return ranged(response, pieces: pieces, field: request.fields["range"])
    }

    private static func isNotModified(_ response: HTTPResponse, for request: HTTPMessageHead) -> Bool {
        if let wanted = request.fields["if-none-match"] {
            guard let tag = response.headers["etag"] else { return false }
            return wanted.split(separator: ",").contains { candidate in
                let candidate = candidate.drop { $0 == " " }.prefix { $0 != " " }
                return candidate == "*" || weak(candidate) == weak(tag[...])
            }
        }
        guard let since = request.fields["if-modified-since"] else { return false }
        return since == response.headers["last-modified"]
    }

    private static func weak(_ tag: Substring) -> Substring { tag.hasPrefix("W/") ? tag.dropFirst(2) : tag }

    private static func ifRangeHolds(_ response: HTTPResponse, for request: HTTPMessageHead) -> Bool {
        guard let validator = request.fields["if-range"] else { return true }
        if validator.hasPrefix("\"") { return validator == response.headers["etag"] }
        return validator == response.headers["last-modified"]
    }

    private static func ranged(
        _ response: HTTPResponse,
        pieces: [HTTPResponse.Piece],
        field: String?
    ) -> HTTPResponse {
        var response = response
        let size = pieces.byteCount
        if case .pieces = response.content { response.headers["accept-ranges"] = "bytes" }
        switch ByteRange(field, size: size) {
        case .whole: break
        case .part(let offset, let count):
            response.status = 206
            response.headers["content-range"] = "bytes \(offset)-\(offset + count - 1)/\(size)"
            response.content = .pieces(pieces.slice(offset: offset, count: count))
        case .unsatisfiable:
            var refusal = HTTPProblem(416, "range_not_satisfiable", "The body has \(size) bytes.").response()
            refusal.headers["content-range"] = "bytes */\(size)"
            return refusal
        }
        return response
    }

    private static func body(of response: inout HTTPResponse, for request: HTTPMessageHead) -> Body {
        let hasNoBody = response.status == 204 || response.status == 304 || response.status < 200
        switch response.content {
        case .webSocket(let converse):
            return .webSocket(converse)
        case .stream(let write):
            response.headers["transfer-encoding"] = nil
            if hasNoBody { return .none }
            if let length = response.headers["content-length"].flatMap(Int64.init), length >= 0 {
                return .counted(length, write)
            }
            response.headers["content-length"] = nil
            if request.minorVersion == 0 { return .untilClose(write) }
            response.headers["transfer-encoding"] = "chunked"
            return .chunked(write)
        case .empty, .bytes, .pieces:
            let pieces = response.content.pieces ?? []
            response.headers["transfer-encoding"] = nil
            // A HEAD answer of a handler's own may state the length that GET would have.
            let isHeadOfItsOwn = request.method == "HEAD" && pieces.isEmpty
            if hasNoBody {
                response.headers["content-length"] = nil
            } else if !isHeadOfItsOwn || response.headers["content-length"] == nil {
                response.headers["content-length"] = "\(pieces.byteCount)"
            }
            return hasNoBody || pieces.isEmpty ? .none : .pieces(pieces)
        }
    }

    private static func head(of response: HTTPResponse) -> [UInt8] {
        var head: [UInt8] = []
        head.reserveCapacity(256)
        head += "HTTP/1.1 \(response.status) \(HTTPStatus.phrase(response.status))\r\n".utf8
        response.headers.forEach { name, value in
            head += name.utf8
            head += ": ".utf8
            // A value must not be able to begin a new line.
            let isPlain = value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
            head += isPlain ? Array(value.utf8) : value.utf8.map { $0 < 0x20 || $0 == 0x7f ? 0x20 : $0 }
            head += "\r\n".utf8
        }
        head += "\r\n".utf8
        return head
    }
}

extension HTTPResponse.Content {
    /// The body as pieces, where it has a length.
    fileprivate var pieces: [HTTPResponse.Piece]? {
        switch self {
        case .empty: []
        case .bytes(let bytes): bytes.isEmpty ? [] : [.bytes(bytes)]
        case .pieces(let pieces): pieces
        case .stream, .webSocket: nil
        }
    }
}
