/// One reassembled RTMP message, not yet understood.
public struct RawMessage: Sendable, Equatable {
    /// The type (Adobe's RTMP specification 1.0 §5.4 and §7.1).
    public var type: UInt8
    /// The message stream it belongs to; 0 is the connection itself.
    public var streamID: UInt32
    /// Milliseconds on the sender's clock, wrapping after 49.7 days.
    public var timestamp: UInt32
    /// The body.
    public var payload: [UInt8]

    /// Creates a message.
    public init(type: UInt8, streamID: UInt32, timestamp: UInt32, payload: [UInt8]) {
        self.type = type
        self.streamID = streamID
        self.timestamp = timestamp
        self.payload = payload
    }
}

extension Array<UInt8> {
    /// Appends the bytes of `span` in one copy.
    mutating func append(copying span: Span<UInt8>) {
        unsafe span.withUnsafeBufferPointer { buffer in
            // SAFETY: the buffer is read only inside the closure.
            unsafe append(contentsOf: buffer)
        }
    }
}
