import RTMP
import TestSupport
import Testing

/// What strangers send to an open port: a clear end or patience, never harm.
@Suite struct BadInputTests {
    private static let greeting = [3] + [UInt8](repeating: 0, count: 2 * ServerHandshake.packetByteCount)

    private func end(after bytes: [UInt8], greeted: Bool = true) -> ServerSession.Failure? {
        var session = ServerSession(nonce: Conversation.nonce, now: 0)
        if greeted { _ = session.receive(Self.greeting.span, at: 0) }
        var actions = session.receive(bytes.span, at: 0)
        while let deadline = session.deadline { actions += session.tick(at: deadline) }
        for case .close(let failure) in actions { return failure }
        return nil
    }

    private func message(_ type: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var writer = ChunkWriter()
        var bytes: [UInt8] = []
        writer.write(RawMessage(type: type, streamID: 0, timestamp: 0, payload: payload), on: 3, to: &bytes)
        return bytes
    }

    @Test(arguments: [0, 1, 2, 1536, 1537, 3072])
    func `a truncated handshake times out`(byteCount: Int) {
        let bytes = Array(Self.greeting.prefix(byteCount))
        #expect(end(after: bytes, greeted: false) == .timedOut(.handshake))
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}", "SSH-2.0-x\r\n", "\u{6}"])
    func `another protocol is named by its first byte`(text: String) throws {
        let bytes = Array(text.utf8)
        let first = try #require(bytes.first)
        #expect(end(after: bytes, greeted: false) == .handshake(.unsupportedVersion(first)))
    }

    @Test func `a stranger's message of 16 MB is refused before it arrives`() {
        let resize = message(1, [0x00, 0xff, 0xff, 0xff])
        let huge: [UInt8] = [4, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0]
        let failure = ChunkReader.Failure.messageTooLarge(byteCount: 0xff_ffff, limit: 256 << 10)
        #expect(end(after: resize + huge) == .chunks(failure))
    }

    @Test func `a publisher's message of 16 MB in one chunk arrives`() {
        var conversation = Conversation()
        conversation.acceptRequest()
        conversation.toServer(message(1, [0x00, 0xff, 0xff, 0xff]))
        let header: [UInt8] = [4, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0]
        conversation.toServer(header + [UInt8](repeating: 0, count: 0xff_ffff))
        guard case .media(let media) = conversation.told.last else { return #expect(Bool(false)) }
        #expect(media.payload.count == 0xff_ffff)
    }

    @Test func `AMF nested a thousand deep is overlooked`() {
        let name: [UInt8] = [2, 0, 7] + Array("connect".utf8) + [0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]
        let nested = name + [UInt8](Array(repeating: [3, 0, 1, 0x61], count: 1000).joined())
        #expect(end(after: message(20, nested)) == .timedOut(.publish))
    }

    @Test(
        arguments: [
            [], [0xff], [2], [2, 0xff, 0xff], [0], [5], [3, 0, 0, 9], [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]]
    )
    func `commands that are none are overlooked`(payload: [UInt8]) {
        for type in [15, 17, 18, 20, 22] as [UInt8] {
            #expect(end(after: message(type, payload)) == .timedOut(.publish))
        }
    }

    @Test func `commands before connect, and control messages cut short, are overlooked`() {
        var bytes = message(20, AMF0Encoder.encode([.string("publish"), .number(1), .null, .string("x")]))
        for type in [3, 4, 5, 6] as [UInt8] { bytes += message(type, [1]) }
        bytes += message(99, [1, 2, 3])
        #expect(end(after: bytes) == .timedOut(.publish))
    }

    @Test func `absurd windows do not make the server talk`() {
        var conversation = Conversation()
        conversation.acceptRequest()
        let before = conversation.serverActions.count
        conversation.toServer(message(5, [0, 0, 0, 0]) + message(5, [0, 0, 0, 1]))
        for time in 0..<100 as Range<UInt32> {
            conversation.sendMedia(MediaMessage(.audio, timestamp: time, payload: [0xaf, 1, 2]))
        }
        let sent = conversation.serverActions[before...].count { if case .send = $0 { true } else { false } }
        #expect(sent <= 1)
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `random bytes come to an end`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let bytes = (0..<Int.random(in: 1...5000, using: &random)).map { _ in
            UInt8.random(in: 0...255, using: &random)
        }
        #expect(end(after: bytes) != nil)
    }
}
