import CWslay

/// The frames of one WebSocket on the server's side: bytes in, messages out, and back.
@safe package final class WebSocketSession {
    /// What the peer has done.
    package enum Event: Equatable {
        case message(WebSocketMessage)
        case pong
        /// The peer has closed, by this code; 1005 where it gave none.
        case closed(UInt16)
    }

    private var context: wslay_event_context_ptr?
    private var input: [UInt8] = []
    private var inputPosition = 0
    private var output: [UInt8] = []
    private var events: [Event] = []

    /// Creates a session that closes with 1009 where a message is longer than the limit.
    package init(maximumMessageByteCount: Int) {
        var callbacks = WebSocketCallbacks.table
        // SAFETY: the context keeps an unowned pointer to this object, which frees the context in `deinit`.
        unsafe wslay_event_context_server_init(
            &context,
            &callbacks,
            Unmanaged.passUnretained(self).toOpaque()
        )
        unsafe wslay_event_config_set_max_recv_msg_length(context, UInt64(max(0, maximumMessageByteCount)))
    }

    deinit {
        unsafe wslay_event_context_free(context)
    }

    /// Whether both sides have closed, or the peer has broken the protocol and been told so.
    package var isOver: Bool {
        // SAFETY: the context lives as long as this object, here and below.
        unsafe wslay_event_want_read(context) == 0 && wslay_event_want_write(context) == 0
    }

    /// Takes bytes from the peer.
    package func receive(_ bytes: [UInt8]) -> [Event] {
        input = bytes
        inputPosition = 0
        _ = unsafe wslay_event_recv(context)
        defer { events = [] }
        return events
    }

    /// Adds a message to what is to be sent.
    func send(_ message: WebSocketMessage) {
        switch message {
        case .text(let text): queue(Array(text.utf8), opcode: WSLAY_TEXT_FRAME)
        case .binary(let bytes): queue(bytes, opcode: WSLAY_BINARY_FRAME)
        }
    }

    /// Asks the peer whether it is there.
    func ping() { queue([], opcode: WSLAY_PING) }

    /// Begins or answers the closing handshake; a reason is cut to the 123 bytes that fit.
    func close(code: UInt16, reason: String) {
        let reason = Array(reason.utf8.prefix(123))
        // SAFETY: wslay copies the reason before the call returns.
        _ = unsafe wslay_event_queue_close(context, code, reason, reason.count)
    }

    /// The bytes to be sent to the peer now.
    package func takeOutput() -> [UInt8] {
        while unsafe wslay_event_want_write(context) != 0 {
            guard unsafe wslay_event_send(context) == 0 else { break }
        }
        defer { output = [] }
        return output
    }

    private func queue(_ bytes: [UInt8], opcode: wslay_opcode) {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            // SAFETY: wslay copies the message before the call returns.
            var message = unsafe wslay_event_msg(
                opcode: UInt8(opcode.rawValue),
                msg: buffer.baseAddress,
                msg_length: buffer.count
            )
            _ = unsafe wslay_event_queue_msg(context, &message)
        }
    }

    // MARK: Called by wslay

    fileprivate func read(into buffer: UnsafeMutablePointer<UInt8>, capacity: Int) -> Int {
        let count = min(capacity, input.count - inputPosition)
        for index in 0..<count { unsafe buffer[index] = input[inputPosition + index] }
        inputPosition += count
        return count
    }

    fileprivate func write(_ bytes: UnsafeBufferPointer<UInt8>) {
        unsafe output.append(contentsOf: bytes)
    }

    fileprivate func received(opcode: UInt8, bytes: UnsafeBufferPointer<UInt8>, code: UInt16) {
        switch UInt32(opcode) {
        case WSLAY_TEXT_FRAME.rawValue:
            unsafe events.append(.message(.text(String(decoding: bytes, as: UTF8.self))))
        case WSLAY_BINARY_FRAME.rawValue:
            unsafe events.append(.message(.binary(Array(bytes))))
        case WSLAY_PONG.rawValue: events.append(.pong)
        case WSLAY_CONNECTION_CLOSE.rawValue: events.append(.closed(code == 0 ? 1005 : code))
        default: return
        }
    }
}

/// The C callbacks, which find the session behind the user pointer.
private enum WebSocketCallbacks {
    static var table: wslay_event_callbacks {
        var table = wslay_event_callbacks()
        unsafe table.recv_callback = { context, buffer, capacity, _, user in
            guard let session = unsafe WebSocketCallbacks.session(user), let buffer = unsafe buffer else {
                return -1
            }
            // SAFETY: wslay passes a buffer of `capacity` bytes.
            let count = unsafe session.read(into: buffer, capacity: capacity)
            if count == 0 {
                unsafe wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK.rawValue)
                return -1
            }
            return count
        }
        unsafe table.send_callback = { _, bytes, count, _, user in
            // SAFETY: wslay passes `count` bytes, which are copied before the callback returns.
            unsafe WebSocketCallbacks.session(user)?.write(UnsafeBufferPointer(start: bytes, count: count))
            return count
        }
        unsafe table.on_msg_recv_callback = { _, argument, user in
            guard let message = unsafe argument?.pointee else { return }
            unsafe WebSocketCallbacks.session(user)?.received(
                opcode: message.opcode,
                bytes: UnsafeBufferPointer(start: message.msg, count: message.msg_length),
                code: message.status_code
            )
        }
        return table
    }

    private static func session(_ user: UnsafeMutableRawPointer?) -> WebSocketSession? {
        // SAFETY: the pointer is to the session that owns the context, which is alive while it calls.
        guard let user = unsafe user else { return nil }
        return unsafe Unmanaged<WebSocketSession>.fromOpaque(user).takeUnretainedValue()
    }
}
