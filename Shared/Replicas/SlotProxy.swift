public import HTTPServing

/// Passes what is about another replica's sessions on to it, once; asks the others where nobody knows whose it is.
public struct SlotProxy: Sendable {
    /// Says that a request has been passed on already.
    private static let hopHeader = "martlet-hop"
    private static let bodyByteLimit = 64 << 10
    private static let answerByteLimit = 8 << 20
    /// What a message says about its connection alone.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "transfer-encoding", "upgrade", "date", "te", "trailer", "host",
        "content-length",
    ]

    private let slots: SlotLease
    private let client: HTTPClient

    /// Creates a proxy to the holders of the other `slots`.
    public init(slots: SlotLease, client: HTTPClient) {
        self.slots = slots
        self.client = client
    }

    /// The answer of the replica that the session of `request` says, or `nil` where it is to be answered here.
    ///
    /// - Throws: ``HTTPProblem`` 404 where that replica does not answer: what it had is gone with it.
    public func answer(_ request: HTTPRequest) async throws -> HTTPResponse? {
        guard request.headers[Self.hopHeader] == nil,
            let address = await slots.otherHolder(of: request.parameters["session"] ?? "")
        else { return nil }
        let body = try await request.body.collect(upTo: Self.bodyByteLimit)
        do {
            let response = try await pass(request, body, to: address)
            var answer = HTTPResponse(status: response.status, headers: Self.passable(response.headers))
            answer.content = .bytes(try await response.body.collect(upTo: Self.bodyByteLimit))
            return answer
        } catch is HTTPClient.Failure {
            throw HTTPProblem.replicaMissing
        }
    }

    /// What every other replica that has something to say answers to the same request.
    public func others(_ request: HTTPRequest) async -> [[UInt8]] {
        guard request.headers[Self.hopHeader] == nil else { return [] }
        return await withTaskGroup(of: [UInt8]?.self) { group in
            for address in await slots.others() {
                group.addTask {
                    guard let response = try? await pass(request, [], to: address), response.status == 200
                    else { return nil }
                    return try? await response.body.collect(upTo: Self.answerByteLimit)
                }
            }
            return await group.reduce(into: []) { if let bytes = $1 { $0.append(bytes) } }
        }
    }

    private func pass(
        _ request: HTTPRequest,
        _ body: [UInt8],
        to address: String
    ) async throws -> HTTPClientResponse {
        var headers = Self.passable(request.headers)
        headers[Self.hopHeader] = "1"
        return try await client.request(
            request.method,
            "http://\(address)\(request.path)",
            headers: headers,
            body: body
        )
    }

    private static func passable(_ headers: HTTPFields) -> HTTPFields {
        var passable = HTTPFields()
        headers.forEach { name, value in
            if !hopByHop.contains(name) { passable.append(name, value) }
        }
        return passable
    }
}

extension HTTPProblem {
    static let replicaMissing = HTTPProblem(
        404,
        "replica_missing",
        "The replica that had this session does not answer; begin a new one."
    )
}
