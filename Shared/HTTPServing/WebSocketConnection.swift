import Synchronization

/// A message of a WebSocket.
public enum WebSocketMessage: Sendable, Equatable {
    /// UTF-8 text.
    case text(String)
    /// Bytes.
    case binary([UInt8])

    var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        }
    }
}

/// A WebSocket (RFC 6455) after its handshake; pings and the closing handshake are answered by themselves.
public final class WebSocketConnection: Sendable {
    let inbound: BoundedPipe<WebSocketMessage>
    private let connection: HTTPConnection
    private let code = Mutex<UInt16?>(nil)

    init(connection: HTTPConnection, highWater: Int) {
        self.connection = connection
        inbound = BoundedPipe(highWater: highWater)
    }

    /// Why the other side closed (RFC 6455 §7.4), once it has.
    public var closeCode: UInt16? { code.withLock { $0 } }

    /// The next message, or `nil` once the other side has closed.
    ///
    /// - Throws: ``HTTPConnectionClosed`` where the connection was lost without a closing handshake.
    public func receive() async throws -> WebSocketMessage? {
        try await inbound.next()
    }

    /// Sends a message, and suspends while the other side is too far behind.
    ///
    /// - Throws: ``HTTPConnectionClosed`` once the connection is closing.
    public func send(_ message: WebSocketMessage) async throws {
        try await connection.sendWebSocket(message)
    }

    /// Begins the closing handshake; messages may still arrive until it is answered.
    public func close(code: UInt16 = 1000, reason: String = "") async {
        await connection.endWebSocket(code: code, reason: reason)
    }

    func note(closeCode: UInt16) { code.withLock { $0 = $0 ?? closeCode } }
}
