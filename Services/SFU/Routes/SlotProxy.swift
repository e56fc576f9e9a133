import HTTPServing
import Redis
import Telemetry

/// Passes what is about another replica's session on to it, once.
struct SlotProxy: Sendable {
    /// Says that a request has been passed on already.
    private static let hopHeader = "martlet-hop"
    private static let bodyByteLimit = 64 << 10
    /// What a message says about its connection alone.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "transfer-encoding", "upgrade", "date", "te", "trailer", "host",
        "content-length",
    ]

    let slots: SlotLease
    let client: HTTPClient

    /// The other replica's answer, or `nil` where the request is to be answered here.
    func answer(_ request: HTTPRequest) async throws -> HTTPResponse? {
        let name = request.parameters["session"] ?? ""
        guard let slot = name.split(separator: "-").first.flatMap({ Int($0) }), slot != slots.slot,
            (0..<SlotLease.slotLimit).contains(slot), request.headers[Self.hopHeader] == nil
        else { return nil }
        guard let address = try? await slots.holder(of: slot) else { return nil }
        return try await pass(request, to: address)
    }

    private func pass(_ request: HTTPRequest, to address: String) async throws -> HTTPResponse {
        var headers: HTTPFields = [Self.hopHeader: "1"]
        request.headers.forEach { name, value in
            if !Self.hopByHop.contains(name) { headers.append(name, value) }
        }
        let body = try await request.body.collect(upTo: Self.bodyByteLimit)
        do {
            let response = try await client.request(
                request.method,
                "http://\(address)\(request.path)",
                headers: headers,
                body: body
            )
            var answer = HTTPResponse(status: response.status)
            response.headers.forEach { name, value in
                if !Self.hopByHop.contains(name) { answer.headers.append(name, value) }
            }
            answer.content = .bytes(try await response.body.collect(upTo: Self.bodyByteLimit))
            return answer
        } catch is HTTPClient.Failure {
            throw HTTPProblem.replicaMissing
        }
    }
}

extension HTTPProblem {
    static let replicaMissing = HTTPProblem(
        503,
        "replica_missing",
        "The replica that serves this session does not answer; begin a new one.",
        headers: ["retry-after": "1"]
    )
}
