/// One response that a handler returns.
public struct HTTPResponse: Sendable {
    /// What follows the header section.
    public enum Content: Sendable {
        /// Nothing.
        case empty
        /// These bytes.
        case bytes([UInt8])
        /// These pieces one after the other, files by sendfile; byte ranges are answered from them.
        case pieces([Piece])
        /// Whatever the closure writes, with back-pressure, in chunked coding.
        case stream(@Sendable (HTTPBodyWriter) async throws -> Void)
        /// The connection becomes a WebSocket (RFC 6455) that the closure owns until it returns.
        case webSocket(@Sendable (WebSocketConnection) async throws -> Void)
    }

    /// A run of bytes of a body.
    public enum Piece: Sendable {
        /// Bytes in memory.
        case bytes([UInt8])
        /// `count` bytes of a file from `offset`.
        case file(OpenFile, offset: Int64, count: Int64)

        /// The number of bytes.
        public var count: Int64 {
            switch self {
            case .bytes(let bytes): Int64(bytes.count)
            case .file(_, _, let count): count
            }
        }
    }

    /// The status code.
    public var status: Int
    /// The header fields; length, date and connection are added by the server.
    public var headers: HTTPFields
    /// The body.
    public var content: Content

    /// Creates a response.
    public init(status: Int = 200, headers: HTTPFields = [:], content: Content = .empty) {
        self.status = status
        self.headers = headers
        self.content = content
    }

    /// A response of `text` in UTF-8.
    public static func text(
        _ text: String,
        status: Int = 200,
        contentType: String = "text/plain; charset=utf-8"
    ) -> HTTPResponse {
        HTTPResponse(
            status: status,
            headers: ["content-type": contentType],
            content: .bytes(Array(text.utf8))
        )
    }
}

/// What answers a request; it runs on the connection's loop and must not block.
///
/// A handler whose client has gone is cancelled. An error becomes a problem document: an ``HTTPProblem`` its
/// own, everything else a 500.
public typealias HTTPHandler = nonisolated(nonsending) @Sendable (HTTPRequest) async throws -> HTTPResponse

/// An error that becomes a problem document (RFC 9457).
public struct HTTPProblem: Error, Sendable, Equatable {
    /// The status code.
    public var status: Int
    /// The stable name that programs branch on, like `stream_not_found`.
    public var code: String
    /// What happened and what to do, for people.
    public var detail: String
    /// Further header fields, like `Retry-After`.
    public var headers: [String: String]

    /// Creates a problem.
    public init(_ status: Int, _ code: String, _ detail: String, headers: [String: String] = [:]) {
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
    }
}
