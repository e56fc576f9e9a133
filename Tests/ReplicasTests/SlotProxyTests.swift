import HTTPServing
import Lifecycle
import Reactor
import Sockets
import Telemetry
import TestSupport
import Testing

@testable import Replicas

@Suite(.timeLimit(.minutes(1))) struct SlotProxyTests {
    /// Two replicas with a server each; what `body` asks goes to the first.
    private func withTwo(
        _ body: (HTTPClient, _ first: String, _ second: String) async throws -> Void
    ) async throws {
        try await withReplicas { replicas in
            let loops = EventLoopGroup(count: 1, name: "test")
            defer { loops.stop() }
            let client = HTTPClient(loops: loops)
            let routers = [HTTPRouter(), HTTPRouter()]
            let servers = try routers.map { try Self.server($0, loops) }
            let addresses = servers.map { "127.0.0.1:\($0.port)" }
            for (router, address) in zip(routers, addresses) {
                let replica = try await replicas.start(address)
                Self.add(to: router, SlotProxy(slots: replica.lease, client: client), name: address)
            }
            try await running(servers[0]) {
                try await running(servers[1]) { try await body(client, addresses[0], addresses[1]) }
            }
        }
    }

    private static func server(_ router: HTTPRouter, _ loops: EventLoopGroup) throws -> HTTPServer {
        try HTTPServer(
            .init(port: 0),
            router: router,
            loops: loops,
            logger: Logger(level: .error) { _ in },
            metrics: MetricRegistry(service: "test")
        )
    }

    private static func add(to router: HTTPRouter, _ proxy: SlotProxy, name: String) {
        router.patch("/sessions/:session") { request in
            if let passed = try await proxy.answer(request) { return passed }
            let body = try await request.body.collect(upTo: 100)
            return .text(
                "\(name) \(request.headers["if-match"] ?? "") \(String(decoding: body, as: UTF8.self))"
            )
        }
        router.get("/all") { request in
            let others = await proxy.others(request).map { String(decoding: $0, as: UTF8.self) }
            return .text(([name] + others).joined(separator: " "))
        }
    }

    private func patch(_ client: HTTPClient, _ url: String) async throws -> (status: Int, text: String) {
        let answer = try await client.request(
            "PATCH",
            url,
            headers: ["if-match": "*"],
            body: Array("hello".utf8)
        )
        return (answer.status, String(decoding: try await answer.body.collect(upTo: 1000), as: UTF8.self))
    }

    @Test func `a request about another's session is answered by that one`() async throws {
        try await withTwo { client, first, second in
            let own = try await patch(client, "http://\(first)/sessions/0-abc")
            #expect(own.status == 200 && own.text == "\(first) * hello")
            let passed = try await patch(client, "http://\(first)/sessions/1-abc")
            #expect(passed.status == 200 && passed.text == "\(second) * hello")
            let unknown = try await patch(client, "http://\(first)/sessions/3-abc")
            #expect(unknown.text == "\(first) * hello")
        }
    }

    @Test func `all are asked once`() async throws {
        try await withTwo { client, first, second in
            let answer = try await client.request("GET", "http://\(second)/all")
            let text = String(decoding: try await answer.body.collect(upTo: 1000), as: UTF8.self)
            #expect(text == "\(second) \(first)")
        }
    }

    @Test func `a session of a replica that was killed is gone`() async throws {
        try await withReplicas { replicas in
            let loops = EventLoopGroup(count: 1, name: "test")
            defer { loops.stop() }
            _ = try await replicas.start("127.0.0.1:1")
            let second = try await replicas.start("127.0.0.1:2")
            let proxy = SlotProxy(slots: second.lease, client: HTTPClient(loops: loops))
            await #expect(throws: HTTPProblem.self) { try await proxy.answer(Self.request(about: "0-abc")) }
            #expect(await proxy.others(Self.request(about: "0-abc")).isEmpty)
        }
    }

    private static func request(about session: String) -> HTTPRequest {
        var request = HTTPRequest(
            method: "DELETE",
            path: "/sessions/\(session)",
            headers: [:],
            body: HTTPRequestBody(bytes: []),
            peer: .init(host: "127.0.0.1", port: 1)
        )
        request.parameters = ["session": session]
        return request
    }
}
