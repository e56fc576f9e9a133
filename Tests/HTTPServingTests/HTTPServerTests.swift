import Glibc
import HTTPServing
import Reactor
import Sockets
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPServerTests {
    private let router: HTTPRouter = {
        let router = HTTPRouter()
        router.get("/hello/:name") { request in .text("hello \(request.parameters["name"] ?? "")") }
        router.post("/echo") { request in
            HTTPResponse(content: .bytes(try await request.body.collect(upTo: 1 << 20)))
        }
        router.post("/ignore") { _ in .text("ignored") }
        router.get("/fail") { _ in throw HTTPConnectionClosed() }
        router.get("/stream") { _ in
            HTTPResponse(
                content: .stream { writer in
                    for index in 0..<3 { try await writer.write("part \(index)\n") }
                }
            )
        }
        return router
    }()

    @Test func `answers by route and keeps the connection`() async throws {
        try await withServer(router) { server, _ in
            let client = try RawClient(port: server.port)
            client.send("GET /hello/w%C3%B6rld HTTP/1.1\r\nHost: x\r\n\r\n")
            let first = client.receive(until: "wörld")
            #expect(first.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(first.contains("content-length: 12\r\n"))
            client.send("GET /hello/again HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(String(decoding: client.receiveAll(), as: UTF8.self).hasSuffix("\r\n\r\nhello again"))
        }
    }

    @Test func `its port is its alone`() async throws {
        try await withServer(router) { server, _ in
            let refusal = await #expect(throws: SystemCallError.self) {
                try await withServer(router, configure: { $0.port = server.port }) { _, _ in }
            }
            #expect(refusal?.code == EADDRINUSE)
        }
    }

    @Test func `connections go to all loops in turn`() async throws {
        let router = HTTPRouter()
        router.get("/thread") { _ in .text("\(pthread_self())") }
        try await withServer(router) { server, _ in
            var threads: [String: Int] = [:]
            for _ in 0..<8 {
                let client = try RawClient(port: server.port)
                let answer = client.exchange("GET /thread HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                threads[String(answer.split(separator: "\n").last ?? ""), default: 0] += 1
            }
            #expect(threads.values.sorted() == [4, 4])
        }
    }

    @Test func `answers a thousand pipelined requests in their order`() async throws {
        try await withServer(router) { server, _ in
            let client = try RawClient(port: server.port)
            let requests = (0..<1000).map { "GET /hello/\($0). HTTP/1.1\r\nHost: x\r\n\r\n" }.joined()
            client.send(requests + "GET /hello/end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let answer = String(decoding: client.receiveAll(), as: UTF8.self)
            #expect(answer.ranges(of: "HTTP/1.1 200 OK").count == 1001)
            #expect(answer.contains("hello 0.HTTP/1.1") && answer.hasSuffix("hello end"))
        }
    }

    @Test func `echoes bodies with a length and in chunks`() async throws {
        try await withServer(router) { server, _ in
            let client = try RawClient(port: server.port)
            client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
            #expect(client.receive(until: "hello").hasSuffix("\r\n\r\nhello"))
            client.send(
                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            )
            client.send("3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n")
            #expect(String(decoding: client.receiveAll(), as: UTF8.self).hasSuffix("\r\n\r\nabcdefg"))
        }
    }

    @Test func `sends a stream in chunks, to HTTP 1.0 until it closes`() async throws {
        try await withServer(router) { server, _ in
            let client = try RawClient(port: server.port)
            let answer = client.exchange("GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(answer.contains("transfer-encoding: chunked\r\n"))
            #expect(answer.hasSuffix("7\r\npart 0\n\r\n7\r\npart 1\n\r\n7\r\npart 2\n\r\n0\r\n\r\n"))
            let old = try RawClient(port: server.port)
            let plain = old.exchange("GET /stream HTTP/1.0\r\n\r\n")
            #expect(plain.hasSuffix("\r\n\r\npart 0\npart 1\npart 2\n"))
        }
    }

    @Test func `answers HEAD from GET without a body`() async throws {
        try await withServer(router) { server, _ in
            let client = try RawClient(port: server.port)
            let answer = client.exchange("HEAD /hello/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(answer.contains("content-length: 7\r\n"))
            #expect(answer.hasSuffix("\r\n\r\n"))
        }
    }

    @Test func `describes errors by problem documents`() async throws {
        try await withServer(router) { server, _ in
            for (line, expected) in [
                ("GET /nothing", "404 Not Found"), ("POST /hello/x", "405 Method Not Allowed"),
                ("GET /fail", "500 Internal Server Error"), ("GET /hello/%2e%2e", "400 Bad Request"),
                ("GET /hello/a%2fb", "400 Bad Request"), ("GET /hello/%", "400 Bad Request"),
                ("GET /../etc/passwd", "400 Bad Request"), ("GET /hello/%00", "400 Bad Request"),
            ] {
                let client = try RawClient(port: server.port)
                let answer = client.exchange("\(line) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 \(expected)\r\n"), "\(line)")
                #expect(answer.contains("content-type: application/problem+json\r\n"))
                #expect(answer.contains("\"code\":"))
            }
        }
    }
}
