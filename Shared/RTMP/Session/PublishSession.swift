/// The publisher's side of one RTMP connection, as a value; for load generators and tests.
public struct PublishSession: Sendable {
    /// What the shell must do.
    public enum Action: Sendable, Equatable {
        /// Send these bytes.
        case send([UInt8])
        /// Media may flow.
        case publishing
        /// The server would like the client to connect anew, to this URL where there is one.
        case reconnectRequested(tcURL: String?)
        /// Close the connection; nothing follows.
        case close(Failure)
    }

    /// Why a session ends.
    public enum Failure: Error, Sendable, Equatable {
        case handshake(ServerHandshake.Failure)
        case chunks(ChunkReader.Failure)
        /// The server said no, with this status.
        case refused(code: String)
    }

    /// Where to publish and as what.
    public struct Target: Sendable, Equatable {
        /// The application.
        public var app: String
        /// The URL up to the application.
        public var tcURL: String
        /// The stream key.
        public var streamName: String
        /// What the client says it is.
        public var flashVersion = "FMLE/3.0 (compatible; Martlet)"
        /// The object properties of Enhanced RTMP that `connect` carries.
        public var enhancedProperties: [AMF0Property] = []
        /// The chunk size of what the client sends.
        public var chunkSize = 4096

        /// Creates a target.
        public init(app: String, tcURL: String, streamName: String) {
            self.app = app
            self.tcURL = tcURL
            self.streamName = streamName
        }
    }

    private enum State: Equatable {
        case handshaking
        case connecting
        case creatingStream
        case askingToPublish
        case publishing
        case closed
    }

    private enum Transaction {
        static let connect: Double = 1
        static let release: Double = 2
        static let fcPublish: Double = 3
        static let createStream: Double = 4
        static let publish: Double = 5
        static let fcUnpublish: Double = 6
        static let deleteStream: Double = 7
    }

    private let target: Target
    private var state = State.handshaking
    private var handshake: ClientHandshake
    private var reader = ChunkReader()
    private var writer = ChunkWriter(compressesHeaders: true)
    private var streamID: UInt32 = 0
    private var output: [UInt8] = []

    /// Creates a session that has not spoken yet.
    ///
    /// - Precondition: `nonce` holds ``ServerHandshake/nonceByteCount`` bytes.
    public init(target: Target, nonce: [UInt8]) {
        self.target = target
        handshake = ClientHandshake(nonce: nonce)
    }

    /// Whether media may flow.
    public var isPublishing: Bool { state == .publishing }

    /// What to send first.
    public func start() -> [UInt8] { handshake.start() }

    /// Feeds what the server sent.
    public mutating func receive(_ bytes: Span<UInt8>) -> [Action] {
        var actions: [Action] = []
        var offset = 0
        if state == .handshaking { offset = shakeHands(bytes, &actions) }
        guard state != .handshaking, state != .closed else { return actions }
        do throws(ChunkReader.Failure) {
            while state != .closed, let raw = try reader.next(in: bytes, from: &offset) {
                if let message = try? Message(raw) { take(message, &actions) }
            }
        } catch {
            close(.chunks(error), &actions)
        }
        flush(into: &actions)
        return actions
    }

    /// Appends the chunks of one message of media to `bytes`.
    public mutating func write(_ media: MediaMessage, to bytes: inout [UInt8]) {
        let isAudio = media.kind == .audio
        let raw = RawMessage(
            type: isAudio ? MessageType.audio : MessageType.video,
            streamID: streamID,
            timestamp: media.timestamp,
            payload: media.payload
        )
        writer.write(raw, on: isAudio ? 4 : 6, to: &bytes)
    }

    /// Appends the chunks of `@setDataFrame` with `metadata` to `bytes`.
    public mutating func write(metadata: AMF0Value, to bytes: inout [UInt8]) {
        let values: [AMF0Value] = [.string("@setDataFrame"), .string("onMetaData"), metadata]
        writer.write(Message.data(values, streamID: streamID, timestamp: 0).raw, on: 4, to: &bytes)
    }

    /// What to send to end the stream.
    public mutating func unpublish() -> [UInt8] {
        guard state == .publishing else { return [] }
        call("FCUnpublish", Transaction.fcUnpublish, [.null, .string(target.streamName)])
        call("deleteStream", Transaction.deleteStream, [.null, .number(Double(streamID))])
        state = .closed
        defer { output = [] }
        return output
    }

    private mutating func shakeHands(_ bytes: Span<UInt8>, _ actions: inout [Action]) -> Int {
        let step = handshake.receive(bytes)
        for action in step.actions {
            switch action {
            case .send(let answer): actions.append(.send(answer))
            case .finish: connect()
            case .close(let failure): close(.handshake(failure), &actions)
            }
        }
        return step.consumed
    }

    private mutating func connect() {
        state = .connecting
        send(.setChunkSize(UInt32(clamping: target.chunkSize)), on: 2)
        writer.chunkSize = target.chunkSize
        let object: [AMF0Property] = [
            AMF0Property("app", .string(target.app)),
            AMF0Property("type", .string("nonprivate")),
            AMF0Property("flashVer", .string(target.flashVersion)),
            AMF0Property("tcUrl", .string(target.tcURL)),
        ]
        call("connect", Transaction.connect, [.object(object + target.enhancedProperties)])
    }

    private mutating func take(_ message: Message, _ actions: inout [Action]) {
        switch message {
        case .command(let command?, _):
            obey(command, &actions)
        case .userControl(.pingRequest(let timestamp)):
            send(.userControl(.pingResponse(timestamp: timestamp)), on: 2)
        default:
            break
        }
    }

    private mutating func obey(_ command: Command, _ actions: inout [Action]) {
        switch (command.name, command.transactionID) {
        case ("_result", Transaction.connect) where state == .connecting:
            state = .creatingStream
            call("releaseStream", Transaction.release, [.null, .string(target.streamName)])
            call("FCPublish", Transaction.fcPublish, [.null, .string(target.streamName)])
            call("createStream", Transaction.createStream, [.null])
        case ("_result", Transaction.createStream) where state == .creatingStream:
            state = .askingToPublish
            streamID = UInt32(exactly: command.argument(1)?.number ?? 1) ?? 1
            let values: [AMF0Value] = [.null, .string(target.streamName), .string("live")]
            let publish = Command("publish", transactionID: Transaction.publish, arguments: values)
            send(.command(publish, streamID: streamID), on: 3)
        case ("onStatus", _):
            obeyStatus(command.argument(1), &actions)
        case ("_error", Transaction.connect), ("_error", Transaction.createStream):
            close(.refused(code: command.argument(1)?["code"]?.string ?? ""), &actions)
        default:
            break
        }
    }

    private mutating func obeyStatus(_ info: AMF0Value?, _ actions: inout [Action]) {
        let code = info?["code"]?.string ?? ""
        if code == "NetStream.Publish.Start" {
            state = .publishing
            actions.append(.publishing)
        } else if code == "NetConnection.Connect.ReconnectRequest" {
            actions.append(.reconnectRequested(tcURL: info?["tcUrl"]?.string))
        } else if info?["level"]?.string == "error" {
            close(.refused(code: code), &actions)
        }
    }

    private mutating func call(_ name: String, _ transactionID: Double, _ arguments: [AMF0Value]) {
        let command = Command(name, transactionID: transactionID, arguments: arguments)
        send(.command(command, streamID: 0), on: 3)
    }

    private mutating func send(_ message: Message, on chunkStreamID: UInt8) {
        writer.write(message.raw, on: chunkStreamID, to: &output)
    }

    private mutating func close(_ failure: Failure, _ actions: inout [Action]) {
        state = .closed
        actions.append(.close(failure))
    }

    private mutating func flush(into actions: inout [Action]) {
        guard !output.isEmpty else { return }
        actions.append(.send(output))
        output = []
    }
}
