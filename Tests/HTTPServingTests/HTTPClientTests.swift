import HTTPServing
import Lifecycle
import Reactor
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPClientTests {
    private let router: HTTPRouter = {
        let router = HTTPRouter()
        router.get("/stream") { _ in
            HTTPResponse(content: .stream { for index in 0..<100 { try await $0.write("\(index),") } })
        }
        router.post("/echo") { request in
            var response = HTTPResponse(content: .bytes(try await request.body.collect(upTo: 1 << 20)))
            response.headers["x-got"] = request.headers["x-sent"]
            return response
        }
        router.get("/held") { _ in
            try await Shutdown().requested()
            return .text("never")
        }
        return router
    }()

    private func withClient(
        _ configuration: HTTPClient.Configuration = .init(),
        _ body: @escaping @Sendable (HTTPClient, String) async throws -> Void
    ) async throws {
        try await withServer(router) { server, _ in
            let loops = EventLoopGroup(count: 1, name: "client")
            defer { loops.stop() }
            try await body(
                HTTPClient(loops: loops, configuration: configuration),
                "http://127.0.0.1:\(server.port)"
            )
        }
    }

    @Test func `reads a streamed body and sends one`() async throws {
        try await withClient { client, site in
            let stream = try await client.request("GET", site + "/stream")
            let text = String(decoding: try await stream.body.collect(upTo: 10_000), as: UTF8.self)
            #expect(text == (0..<100).map { "\($0)," }.joined())
            let body = [UInt8](repeating: 9, count: 1 << 19)
            let echo = try await client.request("POST", site + "/echo", headers: ["X-Sent": "a"], body: body)
            #expect(echo.status == 200 && echo.headers["x-got"] == "a")
            #expect(try await echo.body.collect(upTo: 1 << 20) == body)
        }
    }

    @Test func `resolves names, and says when there is none`() async throws {
        try await withClient { client, site in
            let named = site.replacing("127.0.0.1", with: "localhost")
            let answer = try await client.request("HEAD", named + "/stream")
            #expect(answer.status == 200)
            await #expect(throws: HTTPClient.Failure.self) {
                try await client.request("GET", "http://no-such-host.invalid/")
            }
            await #expect(throws: HTTPClient.Failure.malformedURL) {
                try await client.request("GET", "ftp://x/")
            }
        }
    }

    @Test func `gives up on a silent server, and at once when cancelled`() async throws {
        var impatient = HTTPClient.Configuration()
        impatient.readDeadline = .milliseconds(200)
        try await withClient(impatient) { client, site in
            await #expect(throws: HTTPClient.Failure.timedOut) {
                try await client.request("GET", site + "/held")
            }
        }
        try await withClient { client, site in
            let task = Task { try await client.request("GET", site + "/held") }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func `says that nobody listens`() async throws {
        try await withClient { client, _ in
            await #expect(throws: HTTPClient.Failure.self) {
                try await client.request("GET", "http://127.0.0.1:1/")
            }
        }
    }
}
