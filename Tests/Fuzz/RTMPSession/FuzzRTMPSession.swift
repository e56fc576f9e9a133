import FuzzDriver
import RTMP

/// Lets any bytes follow a whole handshake into a session whose shell says yes to everything.
@main enum FuzzRTMPSession {
    private static let nonce = [UInt8](repeating: 0, count: ServerHandshake.nonceByteCount)
    private static let greeting = [3] + [UInt8](repeating: 0, count: 2 * ServerHandshake.packetByteCount)

    static func main() {
        FuzzDriver.run { bytes in
            var session = ServerSession(nonce: nonce, now: 0)
            perform(session.receive(greeting.span, at: 0), on: &session)
            perform(session.receive(bytes, at: 1), on: &session)
            while let deadline = session.deadline { perform(session.tick(at: deadline), on: &session) }
            precondition(session.isClosed)
        }
    }

    private static func perform(_ actions: [ServerSession.Action], on session: inout ServerSession) {
        for action in actions {
            switch action {
            case .publishRequested(let request):
                _ = request.streamKey
                perform(session.accept(request.id), on: &session)
            case .media(let media):
                switch media.kind {
                case .audio: _ = try? AudioTag.packets(in: media.payload)
                case .video: _ = try? VideoTag.packets(in: media.payload)
                }
            case .send, .metadata, .unpublish, .close:
                break
            }
        }
    }
}
