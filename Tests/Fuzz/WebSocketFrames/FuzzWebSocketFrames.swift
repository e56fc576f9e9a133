import FuzzDriver
import HTTPServing

/// Reads any bytes as a client's frames, whole and in small pieces, and wants the same messages from both.
@main enum FuzzWebSocketFrames {
    static func main() {
        FuzzDriver.run { span in
            let bytes = span.indices.map { span[$0] }
            let step = Int(bytes.first ?? 0) % 17 + 1
            precondition(read(bytes, step: max(1, bytes.count)) == read(bytes, step: step))
        }
    }

    private static func read(_ bytes: [UInt8], step: Int) -> [WebSocketSession.Event] {
        let session = WebSocketSession(maximumMessageByteCount: 4096)
        var events: [WebSocketSession.Event] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            events += session.receive(Array(bytes[start..<min(bytes.count, start + step)]))
        }
        _ = session.takeOutput()
        return events
    }
}
