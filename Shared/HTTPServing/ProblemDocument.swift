import FoundationEssentials

extension HTTPProblem {
    private struct Document: Encodable {
        var type: String
        var title: String
        var status: Int
        var detail: String
        var code: String
        var instance: String?
    }

    /// The problem as a response of `application/problem+json`.
    public func response(instance: String? = nil) -> HTTPResponse {
        let document = Document(
            type: "urn:martlet:problem:\(code)",
            title: HTTPStatus.phrase(status),
            status: status,
            detail: detail,
            code: code,
            instance: instance
        )
        var response = HTTPResponse.json(document, status: status)
        response.headers["content-type"] = "application/problem+json"
        response.headers["cache-control"] = "no-store"
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) { response.headers[name] = value }
        return response
    }

    /// Whatever a handler threw, as a problem; the reason of a 500 stays inside.
    static func describing(_ error: any Error) -> HTTPProblem {
        if error is CancellationError { return .interrupted }
        return error as? HTTPProblem
            ?? HTTPProblem(500, "internal_error", "The server failed to answer; it has noted why.")
    }

    /// 413, for a body longer than `limit` bytes.
    public static func bodyTooLarge(limit: Int) -> HTTPProblem {
        HTTPProblem(413, "body_too_large", "The body may have at most \(limit) bytes.")
    }

    static let interrupted = HTTPProblem(
        503,
        "interrupted",
        "The server stopped before it could answer. Try again in a second.",
        headers: ["retry-after": "1"]
    )
    static let malformedPath = HTTPProblem(
        400,
        "malformed_path",
        "The path is not one that can be asked for."
    )
    static let malformedQuery = HTTPProblem(
        400,
        "malformed_query",
        "The query is not valid percent-encoded UTF-8."
    )
    static let noSuchPath = HTTPProblem(404, "not_found", "There is nothing at this path.")

    static func methodNotAllowed(_ methods: [String]) -> HTTPProblem {
        let allowed = methods.contains("GET") && !methods.contains("HEAD") ? methods + ["HEAD"] : methods
        return HTTPProblem(
            405,
            "method_not_allowed",
            "This path answers \(allowed.joined(separator: ", ")).",
            headers: ["allow": allowed.joined(separator: ", ")]
        )
    }
}

extension HTTPResponse {
    /// A response of `value` in JSON; where it cannot be encoded, a 500.
    public static func json(_ value: some Encodable, status: Int = 200) -> HTTPResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else {
            return .text(
                "{\"status\":500,\"code\":\"internal_error\"}",
                status: 500,
                contentType: "application/problem+json"
            )
        }
        return HTTPResponse(
            status: status,
            headers: ["content-type": "application/json"],
            content: .bytes([UInt8](data))
        )
    }
}

extension HTTPRequest {
    /// Decodes the body as JSON.
    ///
    /// - Throws: ``HTTPProblem`` 413 where it is longer than `limit`, 400 where it is no such JSON.
    public nonisolated(nonsending) func json<Value: Decodable>(
        _ type: Value.Type,
        upTo limit: Int = 64 << 10
    ) async throws -> Value {
        let bytes = try await body.collect(upTo: limit)
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw HTTPProblem(400, "malformed_json", "The body is not JSON of the documented shape.")
        }
    }
}
