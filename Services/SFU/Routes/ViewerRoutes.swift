import FoundationEssentials
import HTTPServing
import Replicas
import WebRTCSignalling

/// How the viewers of a stream fare, on all replicas.
struct ViewerRoutes: Sendable {
    private struct Answer: Codable {
        /// Sessions that are open.
        var count: Int
        var items: [ViewerReport]
        /// Sessions that ended lately, and offers that were refused, the newest first.
        var ended: [ViewerReport]
    }

    let viewers: ViewerDirectory
    let proxy: SlotProxy

    func add(to router: HTTPRouter) {
        let viewers = "/api/v1/streams/:stream/viewers"
        router.get(viewers) { try await list($0) }
        router.get(viewers + "/:session") { try await show($0) }
        router.patch(viewers + "/:session") { try await change($0) }
    }

    // MARK: One viewer

    private func show(_ request: HTTPRequest) async throws -> HTTPResponse {
        let streamID = try Self.streamID(of: request)
        if let passed = try await proxy.answer(request) { return passed }
        return try await report(of: request.parameters["session"] ?? "", streamID)
    }

    private func change(_ request: HTTPRequest) async throws -> HTTPResponse {
        let streamID = try Self.streamID(of: request)
        if let passed = try await proxy.answer(request) { return passed }
        let change = try await request.json(LayerWish.Change.self)
        let id = request.parameters["session"] ?? ""
        await viewers.shard(of: id, streamID: streamID)?.perform { $0.change(change, of: id) }
        return try await report(of: id, streamID)
    }

    private func report(of id: String, _ streamID: String) async throws -> HTTPResponse {
        guard let shard = viewers.shard(of: id, streamID: streamID),
            let report = await shard.perform({ $0.report(of: id) })
        else { throw SignallingResponse.noSession }
        return Self.uncached(report)
    }

    private static func uncached(_ value: some Encodable) -> HTTPResponse {
        var response = HTTPResponse.json(value)
        response.headers["cache-control"] = "no-store"
        return response
    }

    // MARK: All viewers

    private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
        let streamID = try Self.streamID(of: request)
        guard Self.mayKnowOthers(request) else { throw HTTPProblem.noSuchStream }
        var answer = await own(streamID)
        for bytes in await proxy.others(request) {
            merge(try? JSONDecoder().decode(Answer.self, from: Data(bytes)), into: &answer)
        }
        return Self.uncached(answer)
    }

    private static func streamID(of request: HTTPRequest) throws -> String {
        let streamID = request.parameters["stream"] ?? ""
        guard StreamLiveness.isIdentifier(streamID), maySee(streamID, request) else {
            throw HTTPProblem.noSuchStream
        }
        return streamID
    }

    /// Addresses and sessions of others are not for who only watches: a session's name is all that ends it.
    private static func mayKnowOthers(_ request: HTTPRequest) -> Bool {
        ["admin", "member"].contains(request.headers["x-martlet-role"])
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

    private func merge(_ other: Answer?, into answer: inout Answer) {
        guard let other else { return }
        answer.count += other.count
        answer.items += other.items
        answer.ended += other.ended
    }
}
