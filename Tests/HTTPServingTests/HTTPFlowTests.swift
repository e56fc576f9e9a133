import Glibc
import HTTPServing
import Lifecycle
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPFlowTests {
    @Test func `cancels the handler of a held request when its client goes away`() async throws {
        let router = HTTPRouter()
        let (held, isHeld) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(8))
        let (cancelled, isCancelled) = AsyncStream.makeStream(
            of: Void.self,
            bufferingPolicy: .bufferingOldest(8)
        )
        router.get("/held") { _ in
            isHeld.yield()
            do { try await Shutdown().requested() } catch { isCancelled.yield() }
            return .text("never")
        }
        try await withServer(router) { server, _ in
            do {
                let client = try RawClient(port: server.port)
                client.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
                _ = await held.first { true }
            }
            _ = await cancelled.first { true }
        }
    }

    @Test func `holds back a handler that writes faster than its client reads`() async throws {
        let router = HTTPRouter()
        let written = Mutex(0)
        router.get("/endless") { _ in
            HTTPResponse(
                content: .stream { writer in
                    let block = [UInt8](repeating: 7, count: 64 << 10)
                    for _ in 0..<1024 {
                        try await writer.write(block)
                        written.withLock { $0 += block.count }
                    }
                }
            )
        }
        try await withServer(router) { server, _ in
            let client = try RawClient(port: server.port)
            client.send("GET /endless HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            _ = client.receive(upTo: 1000)
            #expect(written.withLock { $0 } < 16 << 20)
            let received = client.receiveAll().count
            #expect(received > 64 << 20)
            #expect(written.withLock { $0 } == 64 << 20)
        }
    }

    @Test func `holds back a client that sends faster than its handler reads`() async throws {
        let router = HTTPRouter()
        let start = Shutdown()
        router.post("/slow") { request in
            try await start.requested()
            var count = 0
            for try await piece in request.body { count += piece.count }
            return .text("\(count)")
        }
        try await withServer(router) {
            $0.maximumBodyByteCount = 1 << 30
        } _: { server, _ in
            let client = try RawClient(port: server.port)
            client.send(
                "POST /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 67108864\r\n\r\n"
            )
            let flags = fcntl(client.descriptor, F_GETFL)
            _ = fcntl(client.descriptor, F_SETFL, flags | O_NONBLOCK)
            let block = [UInt8](repeating: 1, count: 64 << 10)
            var sent = 0
            var room = pollfd(fd: client.descriptor, events: Int16(POLLOUT), revents: 0)
            // Until the server has taken nothing for a while.
            while unsafe poll(&room, 1, 200) == 1 {
                let count = unsafe Glibc.send(client.descriptor, block, block.count, CInt(MSG_NOSIGNAL))
                sent += max(0, count)
            }
            #expect(sent < 32 << 20)
            _ = fcntl(client.descriptor, F_SETFL, flags)
            start.request()
            client.send([UInt8](repeating: 1, count: (64 << 20) - sent))
            #expect(String(decoding: client.receiveAll(), as: UTF8.self).hasSuffix("\r\n\r\n67108864"))
        }
    }

    @Test func `drains: finishes what is in flight, refuses what is new`() async throws {
        let router = HTTPRouter()
        let (held, isHeld) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(8))
        let release = Shutdown()
        router.get("/held") { _ in
            isHeld.yield()
            try await release.requested()
            return .text("done")
        }
        try await withServer(router) { server, shutdown in
            let idle = try RawClient(port: server.port)
            let client = try RawClient(port: server.port)
            client.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = await held.first { true }
            shutdown.request()
            #expect(idle.receiveAll().isEmpty)
            #expect(throws: (any Error).self) {
                let late = try RawClient(port: server.port)
                late.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
                if late.receiveAll().isEmpty { throw HTTPConnectionClosed() }
            }
            release.request()
            let answer = String(decoding: client.receiveAll(), as: UTF8.self)
            #expect(answer.contains("connection: close\r\n") && answer.hasSuffix("done"))
        }
    }

    @Test func `ends endless streams soon after a drain begins`() async throws {
        let router = HTTPRouter()
        router.get("/events") { _ in
            HTTPResponse(
                content: .stream { writer in
                    try await writer.write("first")
                    try await Shutdown().requested()
                }
            )
        }
        try await withServer(router) {
            $0.streamDrain = .milliseconds(50)
        } _: { server, shutdown in
            let client = try RawClient(port: server.port)
            client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = client.receive(until: "first")
            shutdown.request()
            #expect(client.receiveAll().isEmpty)
        }
    }

    @Test func `closes a client that takes nothing of its response`() async throws {
        let router = HTTPRouter()
        let (ended, hasEnded) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(8))
        router.get("/endless") { _ in
            HTTPResponse(
                content: .stream { writer in
                    defer { hasEnded.yield() }
                    while true { try await writer.write([UInt8](repeating: 7, count: 64 << 10)) }
                }
            )
        }
        try await withServer(router) {
            $0.writeStallDeadline = .milliseconds(300)
        } _: { server, _ in
            let client = try RawClient(port: server.port)
            client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = await ended.first { true }
        }
    }

    @Test func `cuts a body whose writer failed, so that the client sees it is not whole`() async throws {
        let router = HTTPRouter()
        router.get("/broken") { _ in
            HTTPResponse(
                content: .stream { writer in
                    try await writer.write("half")
                    throw HTTPConnectionClosed()
                }
            )
        }
        router.get("/short") { _ in
            HTTPResponse(headers: ["content-length": "10"], content: .stream { try await $0.write("half") })
        }
        try await withServer(router) { server, _ in
            let broken = try RawClient(port: server.port).exchange("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(broken.hasSuffix("4\r\nhalf\r\n"))
            let short = try RawClient(port: server.port).exchange("GET /short HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(short.hasSuffix("\r\n\r\nhalf"))
        }
    }

    @Test func `never lets a header value begin a new line`() async throws {
        let router = HTTPRouter()
        router.get("/split") { _ in HTTPResponse(headers: ["location": "/a\r\nset-cookie: x=1"]) }
        try await withServer(router) { server, _ in
            let answer = try RawClient(port: server.port).exchange("GET /split HTTP/1.0\r\n\r\n")
            #expect(!answer.contains("\r\nset-cookie"))
        }
    }
}
