import HTTPServing
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPLimitsTests {
    private let router: HTTPRouter = {
        let router = HTTPRouter()
        router.get("/ok") { _ in .text("ok") }
        router.post("/echo") { request in
            HTTPResponse(content: .bytes(try await request.body.collect(upTo: 1000)))
        }
        router.post("/ignore") { _ in .text("ignored") }
        return router
    }()

    @Test(arguments: [
        ("\u{0}\u{1}\u{2}\u{3}\r\n\r\n", 400), ("GET\r\n\r\n", 400), ("GET /ok HTTP/1.1\n\n", 400),
        ("GET /ok HTTP/1.1\r\n\r\n", 400), ("GET /ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /ok HTTP/2.0\r\nHost: x\r\n\r\n", 505), ("BREW /ok HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        ("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        ("GET /ok HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
        ("GET /ok HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400),
        ("GET /ok HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400),
        ("GET /ok HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", 400),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc", 400),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n", 413),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\nx", 417),
    ])
    func `refuses what is not clearly a request`(request: String, status: Int) async throws {
        try await withServer(router) { server, _ in
            let answer = try RawClient(port: server.port).exchange(request)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer.prefix(100))")
            #expect(answer.contains("connection: close\r\n"))
        }
    }

    @Test func `refuses targets, header sections and numbers of fields beyond their limits`() async throws {
        let long = String(repeating: "a", count: 9000)
        let fields = (0..<200).map { "F\($0): x\r\n" }.joined()
        try await withServer(router) { server, _ in
            for (request, status) in [
                ("GET /\(long) HTTP/1.1\r\nHost: x\r\n\r\n", 414),
                ("GET /\(long)\(long)", 414),
                ("GET /ok HTTP/1.1\r\nHost: x\r\nA: \(long)\(long)\r\n\r\n", 431),
                ("GET /ok HTTP/1.1\r\nHost: x\r\n\(fields)\r\n", 431),
            ] {
                let answer = try RawClient(port: server.port).exchange(request)
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer.prefix(100))")
            }
        }
    }

    @Test func `survives sixteen megabytes of header`() async throws {
        try await withServer(router) { server, _ in
            let flood = try RawClient(port: server.port)
            flood.send("GET /ok HTTP/1.1\r\nHost: x\r\n")
            flood.send([UInt8](repeating: UInt8(ascii: "a"), count: 16 << 20))
            let client = try RawClient(port: server.port)
            #expect(client.exchange("GET /ok HTTP/1.0\r\n\r\n").hasSuffix("ok"))
        }
    }

    @Test func `answers 408 to a header section that drips`() async throws {
        try await withServer(router) {
            $0.headerDeadline = .milliseconds(300)
        } _: { server, _ in
            let client = try RawClient(port: server.port)
            client.send("GET /ok HT")
            #expect(String(decoding: client.receiveAll(), as: UTF8.self).hasPrefix("HTTP/1.1 408 "))
            let second = try RawClient(port: server.port)
            second.send("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = second.receive(until: "ok")
            second.send("GET /ok HT")
            #expect(String(decoding: second.receiveAll(), as: UTF8.self).hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test func `closes silent connections`() async throws {
        try await withServer(router) {
            $0.headerDeadline = .milliseconds(300)
            $0.idleTimeout = .milliseconds(300)
        } _: { server, _ in
            #expect(try RawClient(port: server.port).receiveAll().isEmpty)
            let client = try RawClient(port: server.port)
            client.send("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(client.receive(until: "ok").hasSuffix("ok"))
            #expect(client.receiveAll().isEmpty)
        }
    }

    @Test func `answers 408 to a body that stops`() async throws {
        try await withServer(router) {
            $0.bodyStallDeadline = .milliseconds(300)
        } _: { server, _ in
            let client = try RawClient(port: server.port)
            let answer = client.exchange("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
            #expect(answer.hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test func `answers 413 in the middle of a body, and the client can read it`() async throws {
        try await withServer(router) { server, _ in
            let client = try RawClient(port: server.port)
            client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.send("7d0\r\n" + String(repeating: "x", count: 2000) + "\r\n")
            #expect(String(decoding: client.receiveAll(), as: UTF8.self).hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func `closes after a body that nobody read, keeps the connection where all of it is here`()
        async throws
    {
        try await withServer(router) { server, _ in
            let client = try RawClient(port: server.port)
            let answer = client.exchange("POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
            #expect(answer.contains("connection: close\r\n") && answer.hasSuffix("ignored"))
            let whole = try RawClient(port: server.port)
            whole.send("POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            whole.send("GET /ok HTTP/1.0\r\n\r\n")
            #expect(String(decoding: whole.receiveAll(), as: UTF8.self).hasSuffix("\r\n\r\nok"))
        }
    }

    @Test func `sends 100 Continue once the handler wants the body, not before a refusal`() async throws {
        try await withServer(router) { server, _ in
            let client = try RawClient(port: server.port)
            client.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            #expect(client.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            client.send("abc")
            #expect(client.receive(until: "abc").hasPrefix("HTTP/1.1 200 OK\r\n"))
            let refused = try RawClient(port: server.port)
            let answer = refused.exchange(
                "POST /nothing HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            )
            #expect(answer.hasPrefix("HTTP/1.1 404 "))
        }
    }

    @Test func `answers 503 to one connection too many`() async throws {
        try await withServer(router) {
            $0.maximumConnections = 1
        } _: { server, _ in
            let first = try RawClient(port: server.port)
            first.send("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = first.receive(until: "ok")
            let second = try RawClient(port: server.port)
            #expect(String(decoding: second.receiveAll(), as: UTF8.self).hasPrefix("HTTP/1.1 503 "))
        }
    }
}
