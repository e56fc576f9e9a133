import TestSupport
import Testing

@testable import RTMP

/// Encoders that cannot be had here, by the commands that they are documented to send.
@Suite struct EncoderTests {
    private func conversation(_ feed: (inout Script) -> Void) -> (ServerSession, [ServerSession.Action]) {
        var session = ServerSession(nonce: Conversation.nonce, now: 0)
        var script = Script()
        feed(&script)
        var actions: [ServerSession.Action] = []
        for part in script.parts {
            for action in session.receive(part.span, at: 0) {
                actions.append(action)
                if case .publishRequested(let request) = action { actions += session.accept(request.id) }
            }
        }
        return (session, actions)
    }

    /// What an encoder sends, one message for each part.
    private struct Script {
        var parts: [[UInt8]] = [[3] + [UInt8](repeating: 0, count: 2 * ServerHandshake.packetByteCount)]
        var writer = ChunkWriter()
        /// Where the client has librtmp's chunks.
        var librtmp: Librtmp?

        mutating func send(_ message: Message, on chunkStreamID: UInt8 = 3, streamID: UInt32? = nil) {
            var raw = message.raw
            raw.streamID = streamID ?? raw.streamID
            var bytes: [UInt8] = []
            let header = isWhole(raw) ? Librtmp.Header.whole : .shortened
            if let chunks = librtmp?.chunks(of: raw, on: chunkStreamID, header) {
                bytes = chunks
            } else {
                writer.write(raw, on: chunkStreamID, to: &bytes)
            }
            if case .setChunkSize(let size) = message {
                writer.chunkSize = Int(size)
                librtmp?.chunkSize = Int(size)
            }
            parts.append(bytes)
        }

        mutating func send(_ media: MediaMessage) {
            let isAudio = media.kind == .audio
            let (time, payload) = (media.timestamp, media.payload)
            send(
                isAudio
                    ? .audio(timestamp: time, payload: payload) : .video(timestamp: time, payload: payload),
                on: 4
            )
        }

        /// What librtmp writes a whole header for: the first call, `publish`, metadata, media at time 0.
        private func isWhole(_ raw: RawMessage) -> Bool {
            switch raw.type {
            case MessageType.setChunkSize, MessageType.dataAMF0: true
            case MessageType.commandAMF0: raw.streamID > 0 || parts.count < 3
            default: raw.timestamp == 0
            }
        }

        mutating func call(
            _ name: String,
            _ id: Double,
            _ arguments: [AMF0Value],
            streamID: UInt32 = 0,
            on chunkStreamID: UInt8 = 3
        ) {
            let command = Command(name, transactionID: id, arguments: arguments)
            send(.command(command, streamID: streamID), on: chunkStreamID)
        }

        mutating func connect(_ properties: KeyValuePairs<String, AMF0Value>) {
            call("connect", 1, [.object(properties.map { AMF0Property($0.key, $0.value) })])
        }

        mutating func media() {
            send(.video(timestamp: 0, payload: [0x17, 0, 0, 0, 0, 1]), on: 4)
            send(.audio(timestamp: 0, payload: [0xaf, 0, 0x12, 0x10]), on: 4)
            send(.video(timestamp: 33, payload: [0x17, 1, 0, 0, 0, 9]), on: 4)
        }
    }

    private func asked(in actions: [ServerSession.Action]) -> PublishRequest? {
        for case .publishRequested(let request) in actions { return request }
        return nil
    }

    private func mediaCount(in actions: [ServerSession.Action]) -> Int {
        actions.count { if case .media = $0 { true } else { false } }
    }

    @Test(arguments: [0, 16_777_000, 16_777_200] as [UInt32])
    func `OBS, that is librtmp, with Enhanced RTMP and its own chunks`(start: UInt32) throws {
        let frames = Self.frames(from: start)
        let (session, actions) = conversation { script in
            script.librtmp = Librtmp()
            script.send(.setChunkSize(4096), on: 2)
            script.connect([
                "app": .string("live"), "type": .string("nonprivate"),
                "flashVer": .string("FMLE/3.0 (compatible; FMSc/1.0)"), "swfUrl": .string("rtmp://h/live"),
                "tcUrl": .string("rtmp://h/live"),
                "fourCcList": .strictArray([.string("av01"), .string("hvc1")]),
            ])
            script.call("releaseStream", 2, [.null, .string("main?k=1")])
            script.call("FCPublish", 3, [.null, .string("main?k=1")])
            script.call("createStream", 4, [.null])
            script.call("publish", 5, [.null, .string("main?k=1"), .string("live")], streamID: 1, on: 4)
            let metadata = AMF0Value.ecmaArray([AMF0Property("encoder", .string("obs-output module"))])
            script.send(
                .data(
                    [.string("@setDataFrame"), .string("onMetaData"), metadata],
                    streamID: 1,
                    timestamp: 0
                ),
                on: 4
            )
            for frame in frames { script.send(frame) }
            script.call("FCUnpublish", 6, [.null, .string("main?k=1")])
            script.call("deleteStream", 7, [.null, .number(1)])
        }
        let request = try #require(asked(in: actions))
        #expect(request.streamKey == "main?k=1")
        #expect(request.connect.fourCCs == ["av01", "hvc1"])
        let arrived = actions.compactMap { if case .media(let media) = $0 { media } else { nil } }
        #expect(arrived == frames)
        #expect(actions.contains(.unpublish(.fcUnpublish)))
        #expect(session.ignoredMessageCount == 0)
    }

    /// Sound and pictures on one channel: whole headers at 0, a picture of several chunks, sound that has the
    /// size of the sound before it, and a time that is earlier than the one before.
    private static func frames(from start: UInt32) -> [MediaMessage] {
        func sound(_ time: UInt32, _ byteCount: Int = 200) -> MediaMessage {
            MediaMessage(
                .audio,
                timestamp: time,
                payload: [0xaf, 1] + [UInt8](repeating: 7, count: byteCount)
            )
        }
        func picture(_ time: UInt32, _ byteCount: Int) -> MediaMessage {
            let body = [UInt8](repeating: 9, count: byteCount)
            return MediaMessage(.video, timestamp: time, payload: [0x27, 1, 0, 0, 0] + body)
        }
        return [
            MediaMessage(.video, timestamp: 0, payload: [0x17, 0, 0, 0, 0, 1]),
            MediaMessage(.audio, timestamp: 0, payload: [0xaf, 0, 0x12, 0x10]),
            picture(start, 10_000), sound(start &+ 11), sound(start &+ 32), sound(start &+ 53, 90),
            picture(start &+ 50, 5000), sound(start &+ 75), picture(start &+ 83, 4091),
            picture(start &+ 116, 4091),
        ]
    }

    @Test func `librtmp writes what a real one has sent`() throws {
        let capture = try Fixtures.bytes("RTMP/gstreamer-rtmpsink-h264.bin")
        var reader = ChunkReader()
        var writer = Librtmp()
        var offset = 1 + 2 * ServerHandshake.packetByteCount
        var written: [UInt8] = []
        while let raw = try reader.next(in: capture.span, from: &offset) {
            let isPublish = raw.streamID > 0 && raw.type == MessageType.commandAMF0
            let isWhole = written.isEmpty || isPublish || raw.type == MessageType.dataAMF0
            let isFirst = raw.timestamp == 0 && raw.type == MessageType.video
            let channel: UInt8 = raw.streamID > 0 ? 4 : 3
            written += writer.chunks(of: raw, on: channel, isWhole || isFirst ? .whole : .shortened)
        }
        #expect(written == Array(capture[(1 + 2 * ServerHandshake.packetByteCount)...]))
    }

    @Test func `librtmp that has nothing to send lives by its answer to a ping`() throws {
        let second: UInt64 = 1_000_000_000
        // A real client up to its first pictures, which has sent nothing on channel 2.
        let capture = try Fixtures.bytes("RTMP/gstreamer-rtmpsink-h264.bin").prefix(5000)
        var session = ServerSession(nonce: Conversation.nonce, now: 0)
        for byte in capture {
            for case .publishRequested(let request) in session.receive([byte].span, at: 0) {
                _ = session.accept(request.id)
            }
        }
        guard case .send(let ping) = session.tick(at: 10 * second).first else { return #expect(Bool(false)) }
        var writer = Librtmp()
        let payload = [0, 7] + ping.suffix(4)
        let pong = RawMessage(type: 4, streamID: 0, timestamp: 0, payload: payload)
        let bytes = writer.chunks(of: pong, on: 2, .shortened)
        #expect(bytes == [0x42, 0, 0, 0, 0, 0, 6, 4] + payload)
        _ = session.receive(bytes.span, at: 11 * second)
        #expect(!session.isClosed)
        #expect(session.deadline == 21 * second)
    }

    @Test func `Wirecast, with time codes and every header whole`() throws {
        let (session, actions) = conversation { script in
            script.connect([
                "app": .string("live"), "flashVer": .string("Wirecast/FM 1.0 (compatible; FMSc/1.0)"),
                "swfUrl": .string("rtmp://h/live"), "tcUrl": .string("rtmp://h/live"),
                "fpad": .boolean(false), "capabilities": .number(239), "audioCodecs": .number(3191),
                "videoCodecs": .number(252), "videoFunction": .number(1), "pageUrl": .undefined,
                "objectEncoding": .number(0),
            ])
            script.call("releaseStream", 2, [.null, .string("main")])
            script.call("FCPublish", 3, [.null, .string("main")])
            script.call("createStream", 4, [.null])
            script.call("publish", 5, [.null, .string("main"), .string("live")], streamID: 1)
            let time: [AMF0Property] = [
                AMF0Property("sd", .string("20-11-2026")), AMF0Property("st", .string("10:11:12.130")),
            ]
            script.send(.data([.string("onFI"), .object(time)], streamID: 1, timestamp: 0), on: 4)
            script.media()
        }
        #expect(asked(in: actions)?.connect.flashVersion.hasPrefix("Wirecast") == true)
        #expect(mediaCount(in: actions) == 3)
        #expect(!session.isClosed)
    }

    @Test func `Larix, which neither releases nor prepares its stream`() throws {
        let (_, actions) = conversation { script in
            script.connect(["app": .string("live"), "tcUrl": .string("rtmp://h/live?token=abc")])
            script.call("createStream", 2, [.null])
            script.call("publish", 3, [.null, .string("main"), .string("live")], streamID: 1)
            script.media()
        }
        #expect(asked(in: actions)?.streamKey == "main?token=abc")
        #expect(mediaCount(in: actions) == 3)
    }

    @Test func `vMix, whose calls want no answers`() throws {
        let (_, actions) = conversation { script in
            script.send(.setChunkSize(65_536), on: 2)
            script.connect([
                "app": .string("live/"), "flashVer": .string("FMLE/3.0 (compatible; FMSc/1.0)"),
                "tcUrl": .string("rtmp://h:1935/live/"),
            ])
            script.call("releaseStream", 0, [.null, .string("main")])
            script.call("FCPublish", 0, [.null, .string("main")])
            script.call("createStream", 4, [.null])
            script.call("publish", 0, [.null, .string("main"), .string("live")], streamID: 1)
            script.media()
            script.call("closeStream", 0, [.null], streamID: 1)
        }
        #expect(asked(in: actions)?.streamKey == "main")
        #expect(mediaCount(in: actions) == 3)
        #expect(actions.contains(.unpublish(.closeStream)))
    }

    @Test func `HaishinKit, with Enhanced RTMP version 2 and media on a stream of its own number`() throws {
        let (_, actions) = conversation { script in
            script.connect([
                "app": .string("live"), "tcUrl": .string("rtmp://h/live"), "objectEncoding": .number(0),
                "flashVer": .string("HaishinKit/2"), "capsEx": .number(1),
                "videoFourCcInfoMap": .object([
                    AMF0Property("hvc1", .number(6)), AMF0Property("*", .number(4)),
                ]),
                "audioFourCcInfoMap": .object([AMF0Property("Opus", .number(6))]),
            ])
            script.call("FCPublish", 2, [.null, .string("main")])
            script.call("createStream", 3, [.null])
            script.call("publish", 4, [.null, .string("main"), .string("live")], streamID: 7)
            let body: [UInt8] = [0x90, 0x68, 0x76, 0x63, 0x31, 1]
            script.send(.video(timestamp: 0, payload: body), on: 63, streamID: 7)
        }
        let request = try #require(asked(in: actions))
        #expect(request.connect.videoFourCCs == ["hvc1": 6, "*": 4])
        #expect(request.connect.audioFourCCs == ["Opus": 6])
        #expect(request.connect.capabilities == .reconnect)
        #expect(mediaCount(in: actions) == 1)
    }

    @Test func `Flash Media Live Encoder, with AMF3 messages and aggregates`() throws {
        let (_, actions) = conversation { script in
            script.connect(["app": .string("live"), "objectEncoding": .number(3)])
            let publish = Command("publish", transactionID: 5, arguments: [.null, .string("main")])
            var raw = Message.command(publish, streamID: 1).raw
            raw.type = 17
            raw.payload.insert(0, at: 0)
            var bytes: [UInt8] = []
            script.writer.write(raw, on: 8, to: &bytes)
            script.parts.append(bytes)
            script.send(
                .aggregate([
                    MediaMessage(.video, timestamp: 500, payload: [0x17, 1, 0, 0, 0, 9]),
                    MediaMessage(.audio, timestamp: 512, payload: [0xaf, 1, 9]),
                ])
            )
        }
        #expect(asked(in: actions)?.streamKey == "main")
        let times = actions.compactMap { if case .media(let media) = $0 { media.timestamp } else { nil } }
        #expect(times == [500, 512])
    }
}
