import HTTPServing
import Lifecycle
import Testing

@Suite(.timeLimit(.minutes(1))) struct WebSocketTests {
    private let router: HTTPRouter = {
        let router = HTTPRouter()
        router.get("/echo") { _ in
            HTTPResponse(
                content: .webSocket { socket in
                    while let message = try await socket.receive() { try await socket.send(message) }
                }
            )
        }
        return router
    }()

    private static let handshake =
        "GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    /// A frame of a client, masked by zeros and so readable.
    private static func frame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        let first = opcode | (isFinal ? 0x80 : 0)
        let length: [UInt8] =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)]
            : [0xfe, UInt8(truncatingIfNeeded: payload.count >> 8), UInt8(truncatingIfNeeded: payload.count)]
        return [first] + length + [0, 0, 0, 0] + payload
    }

    @Test func `answers the handshake of the standard and echoes messages`() async throws {
        try await withServer(router) { server, _ in
            let client = try RawClient(port: server.port)
            client.send(Self.handshake)
            let answer = client.receive(until: "\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
            #expect(answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
            client.send(Self.frame(1, Array("hi".utf8)))
            #expect(client.receive() == [0x81, 2] + Array("hi".utf8))
            client.send(Self.frame(2, [1, 2], isFinal: false) + Self.frame(0, [3]))
            #expect(client.receive() == [0x82, 3, 1, 2, 3])
            client.send(Self.frame(9, [7]))
            #expect(client.receive() == [0x8a, 1, 7])
            client.send(Self.frame(8, [0x03, 0xe8]))
            #expect(client.receiveAll() == [0x88, 2, 0x03, 0xe8])
        }
    }

    @Test func `takes frames that come right behind the handshake`() async throws {
        try await withServer(router) { server, _ in
            let client = try RawClient(port: server.port)
            client.send(Array(Self.handshake.utf8) + Self.frame(1, Array("early".utf8)))
            #expect(client.receive(until: "early").hasSuffix("early"))
        }
    }

    @Test func `refuses handshakes that are none`() async throws {
        try await withServer(router) { server, _ in
            for (text, status) in [
                ("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 426),
                (Self.handshake.replacing("Version: 13", with: "Version: 8"), 426),
                (Self.handshake.replacing("dGhlIHNhbXBsZSBub25jZQ==", with: "short"), 400),
            ] {
                let client = try RawClient(port: server.port)
                client.send(text)
                #expect(client.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 \(status) "))
            }
        }
    }

    @Test func `closes with a code on unmasked, oversized and malformed frames`() async throws {
        try await withServer(router) {
            $0.maximumWebSocketMessageByteCount = 1000
        } _: { server, _ in
            for (bytes, code) in [
                ([0x81, 1, 65], 1002 as UInt16),
                (Self.frame(2, [UInt8](repeating: 0, count: 2000)), 1009),
                (Self.frame(1, [0xff, 0xfe]), 1007),
                (Self.frame(3, []), 1002),
            ] {
                let client = try RawClient(port: server.port)
                client.send(Self.handshake)
                _ = client.receive(until: "\r\n\r\n")
                client.send(bytes)
                let answer = client.receiveAll()
                #expect(answer.first == 0x88)
                #expect(answer.dropFirst(2).prefix(2).reduce(0) { $0 << 8 | UInt16($1) } == code)
            }
        }
    }

    @Test func `pings a silent client and closes when it stays silent`() async throws {
        try await withServer(router) {
            $0.webSocketPingInterval = .milliseconds(200)
        } _: { server, _ in
            let client = try RawClient(port: server.port)
            client.send(Self.handshake)
            _ = client.receive(until: "\r\n\r\n")
            #expect(client.receiveAll() == [0x89, 0])
        }
    }

    @Test func `says 1001 when the server drains`() async throws {
        try await withServer(router) { server, shutdown in
            let client = try RawClient(port: server.port)
            client.send(Self.handshake)
            _ = client.receive(until: "\r\n\r\n")
            shutdown.request()
            #expect(client.receive().prefix(4) == [0x88, 26, 0x03, 0xe9])
        }
    }
}
