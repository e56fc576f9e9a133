import Reactor
import Sockets
import Telemetry
import Crypto

/// What a connection keeps about its WebSocket.
struct WebSocketState {
    let session: WebSocketSession
    let connection: WebSocketConnection
    var isPaused = false
    var awaitsPong = false
    var isClosing = false

    /// Whether the closing handshake is done on both sides.
    var isOver: Bool { isClosing && session.isOver }
}

// The connection after an upgrade (RFC 6455).
extension HTTPConnection {
    /// Checks the handshake and adds the fields of its answer.
    func prepareUpgrade(of response: inout HTTPResponse, for request: HTTPRequest) throws(HTTPProblem) {
        let names = request.headers.values(of: "connection").flatMap { $0.split(separator: ",") }
        let asksForUpgrade = names.contains { $0.lowercased().filter { $0 != " " } == "upgrade" }
        guard request.method == "GET", asksForUpgrade, request.headers["upgrade"]?.lowercased() == "websocket"
        else {
            throw HTTPProblem(
                426,
                "upgrade_required",
                "This path speaks WebSocket.",
                headers: ["upgrade": "websocket"]
            )
        }
        guard request.headers["sec-websocket-version"] == "13" else {
            throw HTTPProblem(
                426,
                "websocket_version",
                "This server speaks version 13.",
                headers: ["sec-websocket-version": "13"]
            )
        }
        guard let key = request.headers["sec-websocket-key"], key.utf8.count == 24 else {
            throw HTTPProblem(400, "websocket_key", "The handshake needs one Sec-WebSocket-Key.")
        }
        response.status = 101
        response.headers["upgrade"] = "websocket"
        response.headers["sec-websocket-accept"] = WebSocketAccept.value(forKey: key)
    }

    func beginWebSocket(
        _ converse: @Sendable (WebSocketConnection) async throws -> Void,
        number: UInt64
    ) async {
        let limits = server.configuration
        let connection = WebSocketConnection(connection: self, highWater: limits.inputHighWater)
        connection.inbound.onDemand { [weak self, loop] in
            loop.execute { [weak self] in self?.assumeIsolated { $0.webSocketHasRoom() } }
        }
        let session = WebSocketSession(maximumMessageByteCount: limits.maximumWebSocketMessageByteCount)
        webSocket = WebSocketState(session: session, connection: connection)
        mode = .webSocket
        expect(.pong)
        server.metrics.count(101, since: exchange?.began ?? 0)
        flush()
        let early = parser.takeRest()
        if !early.isEmpty { webSocketReceived(early) }
        updateInterest()
        do {
            try await converse(connection)
            endWebSocket(code: 1000, reason: "")
        } catch {
            endWebSocket(code: 1011, reason: "")
        }
    }

    func webSocketReceived(_ bytes: [UInt8]) {
        guard let session = webSocket?.session else { return }
        webSocket?.awaitsPong = false
        expect(.pong)
        for event in session.receive(bytes) { take(event) }
        if session.isOver { webSocket?.isClosing = true }
        sendWebSocketOutput()
        updateInterest()
    }

    private func take(_ event: WebSocketSession.Event) {
        switch event {
        case .message(let message):
            guard webSocket?.connection.inbound.push(message, cost: message.byteCount + 1) == false else {
                return
            }
            webSocket?.isPaused = true
        case .pong:
            return
        case .closed(let code):
            webSocket?.isClosing = true
            webSocket?.connection.note(closeCode: code)
            webSocket?.connection.inbound.finish()
        }
    }

    private func webSocketHasRoom() {
        webSocket?.isPaused = false
        updateInterest()
    }

    func sendWebSocket(_ message: WebSocketMessage) async throws {
        guard mode == .webSocket, let webSocket, !webSocket.isClosing else { throw HTTPConnectionClosed() }
        webSocket.session.send(message)
        output.append(webSocket.session.takeOutput())
        scheduleFlush()
        try await roomInOutput()
    }

    private func sendWebSocketOutput() {
        guard let session = webSocket?.session else { return }
        output.append(session.takeOutput())
        if session.isOver { webSocket?.isClosing = true }
        flush()
    }

    func endWebSocket(code: UInt16, reason: String) {
        guard mode == .webSocket else { return }
        webSocket?.isClosing = true
        webSocket?.session.close(code: code, reason: reason)
        sendWebSocketOutput()
    }

    /// Nothing has come for a while: asks, and the second time gives up.
    func webSocketIdle() {
        guard webSocket?.awaitsPong == false, webSocket?.isClosing == false, !outputIsBlocked else {
            return close()
        }
        webSocket?.awaitsPong = true
        webSocket?.session.ping()
        sendWebSocketOutput()
        if mode == .webSocket { expect(.pong) }
    }

    func webSocketEnded() {
        close()
    }

    func webSocketClosed() {
        webSocket?.connection.note(closeCode: 1006)
        webSocket?.connection.inbound.finish(throwing: HTTPConnectionClosed())
        webSocket = nil
    }
}
