import HTTPServing
import Reactor
import Sockets
import Telemetry
import Testing

@testable import Hosting

@Suite(.timeLimit(.minutes(1))) struct HealthRoutesTests {
    private let readiness = Readiness()
    private let metrics = MetricRegistry(service: "test")

    private func get(_ path: String) async throws -> (status: Int, text: String) {
        let router = HTTPRouter()
        let loop = EventLoop(name: "test")
        defer { loop.stop() }
        HealthRoutes(readiness: readiness, metrics: metrics, loop: loop).add(to: router)
        let peer = PeerAddress(host: "127.0.0.1", port: 1)
        let response = try await router.respond(
            to: HTTPRequest(method: "GET", path: path, body: HTTPRequestBody(), peer: peer)
        )
        guard case .bytes(let bytes) = response.content else { return (response.status, "") }
        return (response.status, String(decoding: bytes, as: UTF8.self))
    }

    @Test func `is ready when every dependency answers`() async throws {
        readiness.add("postgres") { true }
        #expect(try await get("/readyz").status == 200)
        readiness.add("redis") { false }
        let answer = try await get("/readyz")
        #expect(answer.status == 503)
        #expect(answer.text.contains(#""dependencies":{"postgres":"ready","redis":"missing"}"#))
    }

    @Test func `tells that it is alive, its metrics and the time`() async throws {
        metrics.counter("events_total", "Events.").increment()
        #expect(try await get("/healthz").status == 200)
        #expect(try await get("/metrics").text.contains("test_events_total 1\n"))
        #expect(try await get("/api/v1/time").text.contains("\"unixMs\":"))
    }
}
