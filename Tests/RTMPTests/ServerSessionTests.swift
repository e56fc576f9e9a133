import RTMP
import Testing

/// A server's session and a publisher's, joined without a network.
struct Conversation {
    static let nonce = [UInt8](repeating: 1, count: ServerHandshake.nonceByteCount)

    var server: ServerSession
    var client: PublishSession
    var serverActions: [ServerSession.Action] = []
    var clientActions: [PublishSession.Action] = []
    var now: UInt64 = 0

    init(
        target: PublishSession.Target = .init(app: "live", tcURL: "rtmp://h/live", streamName: "main?k=s"),
        configuration: ServerSession.Configuration = .init()
    ) {
        server = ServerSession(nonce: Self.nonce, configuration: configuration, now: 0)
        client = PublishSession(target: target, nonce: Self.nonce)
        toServer(client.start())
    }

    mutating func toServer(_ bytes: [UInt8]) {
        perform(server.receive(bytes.span, at: now))
    }

    mutating func perform(_ actions: [ServerSession.Action]) {
        for action in actions {
            serverActions.append(action)
            guard case .send(let bytes) = action else { continue }
            for action in client.receive(bytes.span) {
                clientActions.append(action)
                if case .send(let bytes) = action { toServer(bytes) }
            }
        }
    }

    var request: PublishRequest? {
        for case .publishRequested(let request) in serverActions { return request }
        return nil
    }

    /// What the server's shell is told, without what it must send.
    var told: [ServerSession.Action] {
        serverActions.filter { if case .send = $0 { false } else { true } }
    }

    mutating func acceptRequest() {
        if let id = request?.id { perform(server.accept(id)) }
    }

    mutating func sendMedia(_ media: MediaMessage) {
        var bytes: [UInt8] = []
        client.write(media, to: &bytes)
        toServer(bytes)
    }

    mutating func command(
        _ name: String,
        id: Double = 9,
        _ arguments: [AMF0Value],
        streamID: UInt32 = 1
    ) {
        var bytes: [UInt8] = []
        var writer = ChunkWriter()
        writer.chunkSize = 4096
        let command = Command(name, transactionID: id, arguments: arguments)
        writer.write(Message.command(command, streamID: streamID).raw, on: 3, to: &bytes)
        toServer(bytes)
    }
}

@Suite struct ServerSessionTests {
    private let video = MediaMessage(.video, timestamp: 40, payload: [0x17, 1, 0, 0, 0, 5])
    private let audio = MediaMessage(.audio, timestamp: 41, payload: [0xaf, 1, 5])

    private func statusCodes(sentBy actions: [ServerSession.Action]) -> [String] {
        var reader = ChunkReader()
        var codes: [String] = []
        for case .send(let bytes) in actions where bytes.count != 3073 {
            var offset = 0
            while let raw = try? reader.next(in: bytes.span, from: &offset) {
                guard case .command(let command?, _) = try? Message(raw) else { continue }
                if let code = command.arguments.last?["code"]?.string { codes.append(code) }
            }
        }
        return codes
    }

    @Test func `asks the shell with all that the client said`() throws {
        let conversation = Conversation()
        let request = try #require(conversation.request)
        #expect(request.connect.app == "live")
        #expect(request.connect.tcURL == "rtmp://h/live")
        #expect(request.streamName == "main?k=s")
        #expect(request.streamKey == "main?k=s")
        #expect(request.publishType == "live")
        #expect(!request.connect.isEnhanced)
    }

    @Test func `hands media and metadata of an accepted publisher out`() {
        var conversation = Conversation()
        conversation.acceptRequest()
        #expect(conversation.clientActions.last == .publishing)
        let metadata = AMF0Value.ecmaArray([AMF0Property("width", .number(640))])
        var bytes: [UInt8] = []
        conversation.client.write(metadata: metadata, to: &bytes)
        conversation.toServer(bytes)
        conversation.sendMedia(video)
        conversation.sendMedia(audio)
        #expect(conversation.told.dropFirst() == [.metadata(metadata), .media(video), .media(audio)])
    }

    @Test func `holds media back until the shell has decided`() {
        var conversation = Conversation()
        conversation.sendMedia(video)
        #expect(conversation.told.count == 1)
        conversation.acceptRequest()
        #expect(conversation.told.dropFirst() == [.media(video)])
    }

    @Test func `holds a large picture back, and takes no such message of a stranger`() {
        let picture = MediaMessage(.video, timestamp: 0, payload: [UInt8](repeating: 1, count: 1 << 20))
        var conversation = Conversation()
        conversation.sendMedia(picture)
        conversation.acceptRequest()
        #expect(conversation.told.last == .media(picture))
        conversation.command("closeStream", [.null])
        conversation.sendMedia(picture)
        let failure = ChunkReader.Failure.messageTooLarge(byteCount: 1 << 20, limit: 256 << 10)
        #expect(conversation.told.last == .close(.chunks(failure)))
    }

    @Test func `holds no more than it may`() {
        var configuration = ServerSession.Configuration()
        configuration.heldByteCount = 10
        var conversation = Conversation(configuration: configuration)
        conversation.sendMedia(video)
        conversation.sendMedia(video)
        #expect(conversation.told.last == .close(.tooMuchBeforeAnswer))
    }

    @Test func `tells a rejected client why and closes`() throws {
        var conversation = Conversation()
        let id = try #require(conversation.request?.id)
        let code = "NetStream.Publish.BadName"
        conversation.perform(conversation.server.reject(id, code: code, description: "Busy."))
        #expect(conversation.clientActions.last == .close(.refused(code: code)))
        #expect(conversation.told.last == .close(.refused(code: code)))
        #expect(conversation.server.isClosed)
        #expect(conversation.server.accept(id).isEmpty)
    }

    @Test func `ends a stream once, whatever the client says twice`() {
        var conversation = Conversation()
        conversation.acceptRequest()
        conversation.toServer(conversation.client.unpublish())
        #expect(conversation.told.dropFirst() == [.unpublish(.fcUnpublish)])
        conversation.command("publish", [.null, .string("again"), .string("live")])
        #expect(conversation.told.count == 3)
    }

    @Test func `calls those back that speak of FCPublish`() {
        var conversation = Conversation()
        conversation.acceptRequest()
        conversation.toServer(conversation.client.unpublish())
        let codes = statusCodes(sentBy: conversation.serverActions)
        #expect(
            codes == [
                "NetConnection.Connect.Success", "NetStream.Publish.Start", "NetStream.Publish.Start",
                "NetStream.Unpublish.Success", "NetStream.Unpublish.Success",
            ]
        )
    }

    @Test func `takes back a request that nobody has answered`() throws {
        var conversation = Conversation()
        let id = try #require(conversation.request?.id)
        conversation.command("deleteStream", [.null, .number(1)])
        #expect(conversation.told.last == .unpublish(.deleteStream))
        #expect(conversation.server.accept(id).isEmpty)
    }

    @Test func `ends the stream that is named, not another one of the client`() {
        var conversation = Conversation()
        conversation.acceptRequest()
        conversation.command("createStream", [.null], streamID: 0)
        conversation.command("deleteStream", [.null, .number(2)], streamID: 0)
        conversation.command("closeStream", [.null], streamID: 2)
        conversation.command("FCUnpublish", [.null, .string("other?k=s")], streamID: 0)
        conversation.sendMedia(video)
        #expect(conversation.told.dropFirst() == [.media(video)])
        conversation.command("deleteStream", [.null, .number(1)], streamID: 0)
        #expect(conversation.told.last == .unpublish(.deleteStream))
    }

    @Test(
        arguments: [
            ("deleteStream", .null, 1), ("deleteStream", .number(.nan), 0), ("deleteStream", .number(9), 1),
            ("closeStream", .null, 0), ("FCUnpublish", .null, 0), ("FCUnpublish", .string("main"), 0),
            ("FCUnpublish", .string("live/main?k=s"), 0),
        ] as [(String, AMF0Value, UInt32)]
    )
    func `ends the only stream however it is spelt`(name: String, argument: AMF0Value, streamID: UInt32) {
        var conversation = Conversation()
        conversation.acceptRequest()
        conversation.command(name, [.null, argument], streamID: streamID)
        #expect(conversation.told.count == 2)
        conversation.sendMedia(video)
        #expect(conversation.told.count == 2)
    }

    @Test func `refuses players in words`() {
        var conversation = Conversation()
        conversation.command("play", [.null, .string("main")])
        #expect(statusCodes(sentBy: conversation.serverActions).last == "NetStream.Play.Failed")
        #expect(conversation.told.last == .close(.playRefused))
    }

    @Test func `answers the calls of old encoders and overlooks unknown ones`() {
        var conversation = Conversation()
        conversation.acceptRequest()
        for name in ["_checkbw", "getStreamLength", "releaseStream", "FCPublish"] {
            let before = conversation.serverActions.count
            conversation.command(name, [.null, .string("main")])
            #expect(conversation.serverActions.count == before + 1)
        }
        conversation.command("onFI", [.object([])])
        conversation.command("FCSubscribe", [.null])
        #expect(conversation.server.ignoredMessageCount == 2)
        #expect(!conversation.server.isClosed)
    }

    @Test func `refuses a second publish on the same connection`() {
        var conversation = Conversation()
        conversation.acceptRequest()
        conversation.command("publish", [.null, .string("other"), .string("live")])
        #expect(statusCodes(sentBy: conversation.serverActions).last == "NetStream.Publish.BadName")
        #expect(conversation.told.count == 1)
    }

    @Test func `answers Enhanced RTMP and asks such a client to reconnect`() throws {
        var target = PublishSession.Target(app: "live", tcURL: "rtmp://h/live", streamName: "main")
        target.enhancedProperties = [
            AMF0Property("fourCcList", .strictArray([.string("hvc1"), .string("*")])),
            AMF0Property("videoFourCcInfoMap", .object([AMF0Property("av01", .number(2))])),
            AMF0Property("capsEx", .number(3)),
        ]
        var conversation = Conversation(target: target)
        conversation.acceptRequest()
        let connect = try #require(conversation.request?.connect)
        #expect(connect.fourCCs == ["hvc1", "*"])
        #expect(connect.videoFourCCs == ["av01": 2])
        #expect(connect.capabilities == [.reconnect, .multitrack])
        conversation.perform(
            conversation.server.requestReconnect(tcURL: "rtmp://other/live", description: "Moving.")
        )
        #expect(conversation.clientActions.last == .reconnectRequested(tcURL: "rtmp://other/live"))
        conversation.sendMedia(video)
        #expect(conversation.told.last == .media(video))
    }

    @Test func `complains of a stream without ending it`() {
        var conversation = Conversation()
        #expect(conversation.server.complain(code: "early", description: "").isEmpty)
        conversation.acceptRequest()
        let code = "NetStream.Publish.Rejected"
        conversation.serverActions += conversation.server.complain(code: code, description: "No picture.")
        #expect(statusCodes(sentBy: conversation.serverActions).last == code)
        conversation.sendMedia(video)
        #expect(conversation.told.last == .media(video))
    }

    @Test func `asks no client to reconnect that cannot`() {
        var conversation = Conversation()
        conversation.acceptRequest()
        #expect(conversation.server.requestReconnect(tcURL: nil, description: "").isEmpty)
    }

    @Test func `acknowledges before the window is full`() {
        var conversation = Conversation()
        conversation.acceptRequest()
        var acknowledgements: [UInt32] = []
        var reader = ChunkReader()
        let body = [UInt8](repeating: 1, count: 500_000)
        for index in 0..<8 {
            let from = conversation.serverActions.count
            conversation.sendMedia(MediaMessage(.video, timestamp: UInt32(index), payload: body))
            for case .send(let bytes) in conversation.serverActions[from...] {
                var offset = 0
                while let raw = try? reader.next(in: bytes.span, from: &offset) {
                    if case .acknowledgement(let count) = try? Message(raw) { acknowledgements.append(count) }
                }
            }
        }
        #expect(acknowledgements.count == 2)
        #expect(acknowledgements.allSatisfy { $0 > 1_250_000 })
    }

    @Test func `counts acknowledged bytes beyond four gigabytes`() throws {
        var conversation = Conversation()
        conversation.acceptRequest()
        var acknowledgements: [UInt32] = []
        var reader = ChunkReader()
        var bytes: [UInt8] = []
        conversation.client.write(
            MediaMessage(.video, timestamp: 0, payload: [UInt8](repeating: 1, count: 500_000)),
            to: &bytes
        )
        var wrong = 0
        while conversation.server.receivedByteCount < 0x1_0040_0000 {
            for case .send(let answer) in conversation.server.receive(bytes.span, at: 0) {
                let received = UInt32(truncatingIfNeeded: conversation.server.receivedByteCount)
                var offset = 0
                while let raw = try reader.next(in: answer.span, from: &offset) {
                    guard case .acknowledgement(let count) = try Message(raw) else { continue }
                    acknowledgements.append(count)
                    if count != received { wrong += 1 }
                }
            }
        }
        // RTMP §5.4.3: the sequence number has 32 bits, and counts on from 0.
        #expect(wrong == 0)
        #expect(zip(acknowledgements, acknowledgements.dropFirst()).count { $0 > $1 } == 1)
        #expect(!conversation.server.isClosed)
    }

    @Test(arguments: [0, 1, 2, 9] as [UInt8])
    func `a client's Set Peer Bandwidth is answered where it is another window`(limitType: UInt8) throws {
        var conversation = Conversation()
        conversation.acceptRequest()
        func answers(to byteCount: UInt32) throws -> [Message] {
            var bytes: [UInt8] = []
            var writer = ChunkWriter()
            writer.write(Message.setPeerBandwidth(byteCount, limitType: limitType).raw, on: 2, to: &bytes)
            let from = conversation.serverActions.count
            conversation.toServer(bytes)
            var reader = ChunkReader()
            var messages: [Message] = []
            for case .send(let answer) in conversation.serverActions[from...] {
                var offset = 0
                while let raw = try reader.next(in: answer.span, from: &offset) {
                    messages.append(try Message(raw))
                }
            }
            return messages
        }
        // RTMP §5.4.5.
        #expect(try answers(to: 100_000) == [.windowAcknowledgementSize(100_000)])
        #expect(try answers(to: 2_500_000).isEmpty)
        conversation.sendMedia(video)
        #expect(conversation.told.last == .media(video))
    }

    @Test func `takes a long tcUrl whole, and the key in it`() throws {
        let key = "main?k=" + String(repeating: "x", count: 40)
        let url = "rtmp://h/live/" + String(repeating: "a/", count: 2000)
        let target = PublishSession.Target(app: "live", tcURL: url, streamName: key)
        var conversation = Conversation(target: target)
        conversation.acceptRequest()
        #expect(conversation.request?.connect.tcURL == url)
        #expect(conversation.request?.streamKey == key)
        conversation.sendMedia(video)
        #expect(conversation.told.last == .media(video))
    }

    @Test func `keeps time`() {
        let second: UInt64 = 1_000_000_000
        var silent = ServerSession(nonce: Conversation.nonce, now: 0)
        #expect(silent.deadline == 10 * second)
        #expect(silent.tick(at: 9 * second).isEmpty)
        #expect(silent.tick(at: 10 * second) == [.close(.timedOut(.handshake))])
        #expect(silent.deadline == nil)

        var conversation = Conversation()
        conversation.acceptRequest()
        #expect(conversation.server.deadline == 10 * second)
        conversation.now = 10 * second
        conversation.perform(conversation.server.tick(at: conversation.now))
        // The client has answered the ping.
        #expect(conversation.server.deadline == 20 * second)
        _ = conversation.server.tick(at: 20 * second)
        #expect(conversation.server.deadline == 40 * second)
        #expect(conversation.server.tick(at: 40 * second) == [.close(.timedOut(.bytes))])
    }

    @Test func `time in which nobody reads is no silence of the client`() {
        let second: UInt64 = 1_000_000_000
        var conversation = Conversation()
        conversation.acceptRequest()
        _ = conversation.server.tick(at: 10 * second)
        conversation.server.excuseSilence(until: 50 * second)
        #expect(conversation.server.tick(at: 50 * second).isEmpty)
        #expect(conversation.server.deadline == 60 * second)
    }

    @Test func `does not wait for a publish that never comes`() {
        var conversation = Conversation()
        conversation.command("closeStream", [.null])
        var actions: [ServerSession.Action] = []
        while let deadline = conversation.server.deadline {
            conversation.now = deadline
            actions = conversation.server.tick(at: deadline)
            conversation.perform(actions)
        }
        #expect(actions == [.close(.timedOut(.publish))])
        #expect(conversation.now == 20_000_000_000)
    }

    @Test func `finds the key wherever the encoder has put it`() {
        func key(app: String, url: String = "", name: String) -> String {
            var connect = ConnectParameters()
            connect.app = app
            connect.tcURL = url
            return PublishRequest(
                id: RequestID(rawValue: 1),
                connect: connect,
                streamName: name,
                publishType: "live"
            ).streamKey
        }
        #expect(key(app: "live", name: "main?k=1") == "main?k=1")
        #expect(key(app: "live?k=1", name: "main") == "main?k=1")
        #expect(key(app: "live", url: "rtmp://h/live?k=1", name: "/main") == "main?k=1")
        #expect(key(app: "live/main", name: "") == "main")
        #expect(key(app: "live/main?k=1", name: "") == "main?k=1")
        #expect(key(app: "live", name: "") == "")
        #expect(key(app: "", name: "///") == "")
    }
}
