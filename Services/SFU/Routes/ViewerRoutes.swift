import FoundationEssentials
import HTTPServing

/// How the viewers of a stream fare, on all replicas.
struct ViewerRoutes: Sendable {
    private struct Answer: Codable {
        /// Sessions that are open.
        var count: Int
        var items: [ViewerReport]
        /// Sessions that ended lately, and offers that were refused, the newest first.
        var ended: [ViewerReport]
    }

    private static let hopHeader = "martlet-hop"
    private static let answerByteLimit = 8 << 20

    let viewers: ViewerDirectory
    let slots: SlotLease
    let client: HTTPClient

    func add(to router: HTTPRouter) {
        router.get("/api/v1/streams/:stream/viewers") { try await list($0) }
    }

    private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
        let streamID = request.parameters["stream"] ?? ""
        guard StreamLiveness.isIdentifier(streamID), Self.maySee(streamID, request) else {
            throw HTTPProblem.noSuchStream
        }
        var answer = await own(streamID)
        if request.headers[Self.hopHeader] == nil {
            for address in await slots.others() { merge(await ask(address, request), into: &answer) }
        }
        var response = HTTPResponse.json(answer)
        response.headers["cache-control"] = "no-store"
        return response
    }

    private static func maySee(_ streamID: String, _ request: HTTPRequest) -> Bool {
        guard let allowed = request.headers["x-martlet-streams"], allowed != "*" else { return true }
        return allowed.split(separator: ",").contains { $0.filter { $0 != " " } == streamID }
    }

    private func own(_ streamID: String) async -> Answer {
        var items: [ViewerReport] = []
        for shard in viewers.shards { items += await shard.perform { $0.reports(of: streamID) } }
        items.sort { ($0.since, $0.id) < ($1.since, $1.id) }
        return Answer(count: items.count, items: items, ended: viewers.ended.all(of: streamID))
    }

    private func ask(_ address: String, _ request: HTTPRequest) async -> Answer? {
        let url = "http://\(address)\(request.path)"
        guard let response = try? await client.request("GET", url, headers: [Self.hopHeader: "1"]),
            response.status == 200, let bytes = try? await response.body.collect(upTo: Self.answerByteLimit)
        else { return nil }
        return try? JSONDecoder().decode(Answer.self, from: Data(bytes))
    }

    private func merge(_ other: Answer?, into answer: inout Answer) {
        guard let other else { return }
        answer.count += other.count
        answer.items += other.items
        answer.ended += other.ended
    }
}
