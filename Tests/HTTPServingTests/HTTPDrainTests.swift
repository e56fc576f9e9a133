import Glibc
import HTTPServing
import Lifecycle
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPDrainTests {
    private static func head(_ method: String, _ path: String, _ fields: String = "") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
    }

    /// Answers a body with its length, and lets a test hold the one loop.
    private static func router(_ gate: Gate) -> HTTPRouter {
        let router = HTTPRouter()
        router.get("/gate") { _ in
            gate.hold()
            return .text("open")
        }
        router.get("/ready") { _ in .text("ready") }
        router.post("/length") { request in .text("\(try await request.body.collect(upTo: 1000).count) bytes")
        }
        return router
    }

    @Test func `answers a request that came on a connection that nobody had accepted`() async throws {
        let gate = Gate()
        try await withServer(Self.router(gate), loopCount: 1) { server, shutdown in
            let other = try RawClient(port: server.port)
            other.send(Self.head("GET", "/gate"))
            gate.waitUntilHeld()
            let client = try RawClient(port: server.port)
            client.send(Self.head("POST", "/length", "Content-Length: 10\r\n") + "12345")
            shutdown.request()
            gate.open()
            #expect(other.receive(until: "open").hasSuffix("open"))
            client.send("67890")
            #expect(client.receive(until: "bytes").hasSuffix("10 bytes"))
            #expect(client.receivedCount() == 0)
        }
    }

    @Test func `answers a request that nobody had read yet`() async throws {
        let gate = Gate()
        try await withServer(Self.router(gate), loopCount: 1) { server, shutdown in
            let client = try RawClient(port: server.port)
            client.send(Self.head("GET", "/ready"))
            _ = client.receive(until: "\r\n\r\nready")
            let other = try RawClient(port: server.port)
            other.send(Self.head("GET", "/gate"))
            gate.waitUntilHeld()
            client.send(Self.head("POST", "/length", "Content-Length: 10\r\n") + "12345")
            shutdown.request()
            gate.open()
            #expect(other.receive(until: "open").hasSuffix("open"))
            client.send("67890")
            let answer = client.receive(until: "bytes")
            #expect(answer.contains("connection: close\r\n") && answer.hasSuffix("10 bytes"))
            #expect(client.receivedCount() == 0)
        }
    }

    @Test func `waits for the rest of a header section`() async throws {
        try await withServer(Self.router(Gate())) { server, shutdown in
            let client = try RawClient(port: server.port)
            client.send(Self.head("GET", "/ready"))
            _ = client.receive(until: "\r\n\r\nready")
            client.send("GET /ready HT")
            shutdown.request()
            try Self.waitUntilClosed(server)
            client.send("TP/1.1\r\nHost: x\r\n\r\n")
            #expect(client.receive(until: "\r\n\r\nready").hasSuffix("ready"))
            #expect(client.receivedCount() == 0)
        }
    }

    @Test func `waits a moment for the first request of a new connection, and not for another`() async throws
    {
        try await withServer(Self.router(Gate())) {
            $0.arrivalGrace = .seconds(10)
            $0.requestDrain = .seconds(10)
        } _: { server, shutdown in
            let client = try RawClient(port: server.port)
            let old = try RawClient(port: server.port)
            old.send(Self.head("GET", "/ready"))
            _ = old.receive(until: "\r\n\r\nready")
            shutdown.request()
            #expect(old.receiveAll().isEmpty)
            client.send(Self.head("GET", "/ready"))
            #expect(client.receive(until: "\r\n\r\nready").hasSuffix("ready"))
            #expect(client.receivedCount() == 0)
        }
    }

    @Test func `closes a connection that is not used soon after its beginning`() async throws {
        try await withServer(Self.router(Gate())) {
            $0.arrivalGrace = .milliseconds(100)
            $0.requestDrain = .seconds(600)
        } _: { server, shutdown in
            let client = try RawClient(port: server.port)
            shutdown.request()
            #expect(client.receiveAll().isEmpty)
        }
    }

    @Test(arguments: [
        "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345",
        "GET /ready HT",
        "GET /held HTTP/1.1\r\nHost: x\r\n\r\n",
    ])
    func `answers 503 what takes longer than a drain, whatever comes later`(request: String) async throws {
        let router = Self.router(Gate())
        router.get("/held") { _ in
            try await Shutdown().requested()
            return .text("never")
        }
        try await withServer(router) {
            $0.requestDrain = .milliseconds(400)
        } _: { server, shutdown in
            let client = try RawClient(port: server.port)
            client.send(Self.head("GET", "/ready"))
            _ = client.receive(until: "\r\n\r\nready")
            client.send(request)
            shutdown.request()
            try Self.waitUntilClosed(server)
            let answer = client.receive(until: "}")
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("\"interrupted\""))
            #expect(answer.contains("retry-after: 1\r\n") && answer.contains("connection: close\r\n"))
            client.send("67890")
            #expect(client.receivedCount() == 0)
        }
    }

    @Test func `closes what is still open half as long again after that`() async throws {
        let router = HTTPRouter()
        let release = Shutdown()
        router.get("/stubborn") { _ in
            await Task { try? await release.requested() }.value
            return .text("too late")
        }
        try await withServer(router) {
            $0.requestDrain = .milliseconds(100)
        } _: { server, shutdown in
            let client = try RawClient(port: server.port)
            client.send(Self.head("GET", "/stubborn"))
            shutdown.request()
            #expect(client.receiveAll().isEmpty)
            release.request()
        }
    }

    private static func waitUntilClosed(_ server: HTTPServer) throws {
        while true {
            let late = try RawClient(port: server.port)
            late.send(head("GET", "/ready"))
            if late.receiveAll().isEmpty { return }
        }
    }
}

/// Holds the thread of a handler until a test opens it.
private final class Gate: Sendable {
    private let arrivals = Ends()
    private let openings = Ends()

    private final class Ends: Sendable {
        let reading: CInt
        let writing: CInt

        init() {
            var ends: [CInt] = [0, 0]
            let outcome = unsafe pipe(&ends)
            precondition(outcome == 0)
            (reading, writing) = (ends[0], ends[1])
        }

        deinit {
            close(reading)
            close(writing)
        }

        func signal() {
            let byte: [UInt8] = [1]
            _ = unsafe write(writing, byte, 1)
        }

        func wait() {
            var byte: [UInt8] = [0]
            _ = unsafe read(reading, &byte, 1)
        }
    }

    func hold() {
        arrivals.signal()
        openings.wait()
    }

    func waitUntilHeld() { arrivals.wait() }
    func open() { openings.signal() }
}
