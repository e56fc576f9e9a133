/// The server's side of one RTMP connection, from the first byte to the last, as a value.
///
/// The shell feeds it bytes and the monotonic clock in nanoseconds, performs its actions in order, calls
/// ``tick(at:)`` when ``deadline`` has come, and answers each ``Action/publishRequested(_:)`` by
/// ``accept(_:)`` or ``reject(_:code:description:)``.
public struct ServerSession: Sendable {
    /// What the shell must do.
    public enum Action: Sendable, Equatable {
        /// Send these bytes.
        case send([UInt8])
        /// Decide whether the client may publish.
        indirect case publishRequested(PublishRequest)
        /// A video or audio message of the accepted publisher.
        case media(MediaMessage)
        /// The object of `onMetaData`; a hint only, encoders get it wrong.
        case metadata(AMF0Value)
        /// The client has ended its stream, or has taken back a request that was not answered yet.
        case unpublish(UnpublishReason)
        /// Close the connection after what is to be sent; nothing follows.
        case close(Failure)
    }

    /// How a client ended its stream.
    public enum UnpublishReason: Sendable, Equatable {
        case fcUnpublish
        case deleteStream
        case closeStream
    }

    /// What a session waited for in vain.
    public enum Phase: Sendable, Equatable {
        case handshake
        case publish
        case bytes
    }

    /// Why a session ends.
    public enum Failure: Error, Sendable, Equatable {
        case handshake(ServerHandshake.Failure)
        case chunks(ChunkReader.Failure)
        case timedOut(Phase)
        /// The client wants to play, which this server does by HTTP.
        case playRefused
        /// The shell rejected the request or ended the stream, with this status.
        case refused(code: String)
        /// More media than ``Configuration/heldByteCount`` came before the shell's answer.
        case tooMuchBeforeAnswer
    }

    /// Limits and times.
    public struct Configuration: Sendable, Equatable {
        /// From the first moment to the end of the handshake.
        public var handshakeTimeout = Duration.seconds(10)
        /// From the end of the handshake to `publish`, and from the end of one stream to the next.
        public var publishTimeout = Duration.seconds(20)
        /// Silence after which the client is asked for a sign of life.
        public var pingInterval = Duration.seconds(10)
        /// Silence after which the connection is closed.
        public var idleTimeout = Duration.seconds(30)
        /// The largest message of a client that may publish.
        public var messageByteCount = 0xff_ffff
        /// The largest message of anybody else.
        public var messageByteCountBeforePublish = 256 << 10
        /// Media held back while the shell decides.
        public var heldByteCount = 4 << 20
        /// Bytes after which either side wants an acknowledgement.
        public var windowByteCount: UInt32 = 2_500_000
        /// The chunk size of what the server sends.
        public var chunkSize = 4096

        /// Creates the default configuration.
        public init() {}
    }

    enum State: Equatable {
        case handshaking
        case connecting
        case idle
        case deciding(RequestID, streamID: UInt32)
        case publishing(streamID: UInt32)
        case closed
    }

    /// The smallest acknowledgement window that is obeyed: a client must not make us answer every byte.
    private static let minimumWindowByteCount: UInt32 = 16 << 10

    /// Limits and times.
    public let configuration: Configuration
    /// Messages that made no sense or came at a wrong time and were dropped.
    public internal(set) var ignoredMessageCount = 0
    /// Bytes received since the connection began.
    public private(set) var receivedByteCount: UInt64 = 0

    var state = State.handshaking
    var connect = ConnectParameters()
    var requestCount: UInt32 = 0
    var streamCount: UInt32 = 0
    /// The name in the last `publish`.
    var streamName = ""
    /// Whether the client has called FCPublish, as Flash Media Live Encoder and its heirs do.
    var announcesPublish = false
    private var handshake: ServerHandshake
    private var reader: ChunkReader
    private var writer = ChunkWriter()
    private var output: [UInt8] = []
    private var held: [Action] = []
    private var heldByteCount = 0
    private var acknowledgementWindow: UInt64
    private var acknowledgedByteCount: UInt64 = 0
    private var phaseBegan: UInt64
    private var lastReceived: UInt64
    private var hasAskedForLife = false

    /// Creates the session of a connection accepted at `now`.
    ///
    /// - Precondition: `nonce` holds ``ServerHandshake/nonceByteCount`` random bytes.
    public init(nonce: [UInt8], configuration: Configuration = Configuration(), now: UInt64) {
        self.configuration = configuration
        handshake = ServerHandshake(nonce: nonce)
        reader = ChunkReader()
        acknowledgementWindow = UInt64(configuration.windowByteCount)
        phaseBegan = now
        lastReceived = now
        limitMessages(to: configuration.messageByteCountBeforePublish)
    }

    /// Whether nothing more can come of it.
    public var isClosed: Bool { state == .closed }

    /// Feeds what the client sent.
    public mutating func receive(_ bytes: Span<UInt8>, at now: UInt64) -> [Action] {
        var actions: [Action] = []
        receive(bytes, at: now, into: &actions)
        return actions
    }

    /// Feeds what the client sent and appends what is to be done to `actions`.
    public mutating func receive(_ bytes: Span<UInt8>, at now: UInt64, into actions: inout [Action]) {
        guard state != .closed else { return }
        lastReceived = now
        hasAskedForLife = false
        receivedByteCount &+= UInt64(bytes.count)
        var offset = 0
        if state == .handshaking { offset = shakeHands(bytes, at: now, &actions) }
        if state != .handshaking, state != .closed { readMessages(bytes, from: offset, at: now, &actions) }
        acknowledge()
        flush(into: &actions)
    }

    // MARK: Reading

    private mutating func shakeHands(_ bytes: Span<UInt8>, at now: UInt64, _ actions: inout [Action]) -> Int {
        let step = handshake.receive(bytes)
        for action in step.actions {
            switch action {
            case .send(let answer): output += answer
            case .finish:
                state = .connecting
                phaseBegan = now
            case .close(let failure): close(.handshake(failure), &actions)
            }
        }
        return step.consumed
    }

    private mutating func readMessages(
        _ bytes: Span<UInt8>,
        from start: Int,
        at now: UInt64,
        _ actions: inout [Action]
    ) {
        var offset = start
        do throws(ChunkReader.Failure) {
            while state != .closed, let message = try reader.next(in: bytes, from: &offset) {
                take(message, at: now, &actions)
            }
        } catch {
            close(.chunks(error), &actions)
        }
    }

    private mutating func take(_ raw: RawMessage, at now: UInt64, _ actions: inout [Action]) {
        guard let message = try? Message(raw) else {
            ignoredMessageCount &+= 1
            return
        }
        switch message {
        case .audio(let timestamp, let payload):
            take(MediaMessage(.audio, timestamp: timestamp, payload: payload), &actions)
        case .video(let timestamp, let payload):
            take(MediaMessage(.video, timestamp: timestamp, payload: payload), &actions)
        case .aggregate(let tags):
            for tag in tags { take(tag, &actions) }
        case .data(let values, _, _):
            take(script: values, &actions)
        case .command(let command?, let streamID):
            obey(command, streamID: streamID, at: now, &actions)
        case .userControl(.pingRequest(let timestamp)):
            send(.userControl(.pingResponse(timestamp: timestamp)))
        case .windowAcknowledgementSize(let size):
            acknowledgementWindow = UInt64(max(size, Self.minimumWindowByteCount))
        case .setPeerBandwidth(let size, _):
            // The other side of the bargain: it wants to hear our window where that differs.
            if size != configuration.windowByteCount { send(.windowAcknowledgementSize(size)) }
        case .userControl, .acknowledgement:
            break
        case .command(nil, _), .setChunkSize, .abort, .other:
            ignoredMessageCount &+= 1
        }
    }

    private mutating func take(_ media: MediaMessage, _ actions: inout [Action]) {
        deliver(.media(media), byteCount: media.payload.count, &actions)
    }

    private mutating func take(script values: [AMF0Value], _ actions: inout [Action]) {
        let values = values.first?.string == "@setDataFrame" ? values.dropFirst() : values[...]
        guard values.first?.string == "onMetaData",
            let object = values.first(where: { $0.properties != nil })
        else { return }
        deliver(.metadata(object), byteCount: AMF0Decoder.maximumValueCount, &actions)
    }

    private mutating func deliver(_ action: Action, byteCount: Int, _ actions: inout [Action]) {
        switch state {
        case .publishing:
            actions.append(action)
        case .deciding:
            heldByteCount += byteCount
            held.append(action)
            let isTooMuch = heldByteCount > configuration.heldByteCount || held.count > Self.heldCount
            if isTooMuch { close(.tooMuchBeforeAnswer, &actions) }
        case .handshaking, .connecting, .idle, .closed:
            ignoredMessageCount &+= 1
        }
    }

    /// Messages held back while the shell decides, whatever their size.
    private static let heldCount = 4096

    // MARK: Answers of the shell

    /// Lets the client publish; does nothing where the request is no longer open.
    public mutating func accept(_ request: RequestID) -> [Action] {
        guard case .deciding(request, let streamID) = state else { return [] }
        state = .publishing(streamID: streamID)
        limitMessages(to: configuration.messageByteCount)
        send(.userControl(.streamBegin(streamID: streamID)))
        if announcesPublish { notify("onFCPublish", "NetStream.Publish.Start") }
        sendStatus("NetStream.Publish.Start", "Publishing.", streamID: streamID)
        var actions: [Action] = []
        flush(into: &actions)
        actions += held
        dropHeld()
        return actions
    }

    /// Refuses the client with a status like `NetStream.Publish.BadName` and closes the connection.
    public mutating func reject(_ request: RequestID, code: String, description: String) -> [Action] {
        guard case .deciding(request, let streamID) = state else { return [] }
        var actions: [Action] = []
        sendStatus(code, description, level: "error", streamID: streamID)
        close(.refused(code: code), &actions)
        return actions
    }

    /// Ends whatever the client does with a status and closes the connection.
    public mutating func end(code: String, description: String) -> [Action] {
        guard state != .closed, state != .handshaking else { return [] }
        var actions: [Action] = []
        sendStatus(code, description, level: "error", streamID: openStreamID ?? 0)
        close(.refused(code: code), &actions)
        return actions
    }

    /// Tells a publishing client by a status of level `error` what is wrong with its stream, and goes on.
    ///
    /// - Returns: nothing where the client does not publish.
    public mutating func complain(code: String, description: String) -> [Action] {
        guard case .publishing(let streamID) = state else { return [] }
        var actions: [Action] = []
        sendStatus(code, description, level: "error", streamID: streamID)
        flush(into: &actions)
        return actions
    }

    /// Asks a client that can to connect anew, elsewhere if a URL is given; its media is taken until it goes.
    ///
    /// - Returns: nothing where the client has not said that it can.
    public mutating func requestReconnect(tcURL: String?, description: String) -> [Action] {
        guard case .publishing = state, connect.capabilities.contains(.reconnect) else { return [] }
        var info = Self.info("NetConnection.Connect.ReconnectRequest", description, level: "status")
        if let tcURL { info.append(AMF0Property("tcUrl", .string(tcURL))) }
        send(.command(Command("onStatus", arguments: [.null, .object(info)]), streamID: 0))
        var actions: [Action] = []
        flush(into: &actions)
        return actions
    }

    // MARK: Time

    /// When ``tick(at:)`` is next due, in nanoseconds of the monotonic clock.
    public var deadline: UInt64? {
        switch state {
        case .closed: nil
        case .handshaking: phaseBegan &+ Self.nanoseconds(configuration.handshakeTimeout)
        case .connecting, .idle:
            min(phaseBegan &+ Self.nanoseconds(configuration.publishTimeout), lifeDeadline)
        case .deciding, .publishing: lifeDeadline
        }
    }

    private var lifeDeadline: UInt64 {
        let silence = hasAskedForLife ? configuration.idleTimeout : configuration.pingInterval
        return lastReceived &+ Self.nanoseconds(min(silence, configuration.idleTimeout))
    }

    /// Takes note that the shell has not read until `now`, so that nothing follows from the client's silence.
    public mutating func excuseSilence(until now: UInt64) {
        lastReceived = now
        hasAskedForLife = false
    }

    /// Acts on the time; call it at the ``deadline`` or whenever convenient.
    public mutating func tick(at now: UInt64) -> [Action] {
        var actions: [Action] = []
        guard let deadline, now >= deadline else { return actions }
        switch state {
        case .handshaking: close(.timedOut(.handshake), &actions)
        case .connecting, .idle, .deciding, .publishing:
            if now &- lastReceived >= Self.nanoseconds(configuration.idleTimeout) {
                close(.timedOut(.bytes), &actions)
            } else if deadline < lifeDeadline {
                close(.timedOut(.publish), &actions)
            } else {
                hasAskedForLife = true
                let milliseconds = UInt32(truncatingIfNeeded: now / 1_000_000)
                send(.userControl(.pingRequest(timestamp: milliseconds)))
            }
        case .closed: break
        }
        flush(into: &actions)
        return actions
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(seconds) &* 1_000_000_000 &+ UInt64(attoseconds / 1_000_000_000)
    }

    // MARK: Sending

    /// The message stream of the request or the publisher.
    var openStreamID: UInt32? {
        switch state {
        case .deciding(_, let streamID), .publishing(let streamID): streamID
        case .handshaking, .connecting, .idle, .closed: nil
        }
    }

    /// Begins to wait for the shell's answer, with room for what eager clients send before it.
    mutating func becomeDeciding(_ request: RequestID, streamID: UInt32) {
        state = .deciding(request, streamID: streamID)
        limitMessages(to: max(configuration.messageByteCountBeforePublish, configuration.heldByteCount))
    }

    /// Bounds what the client can make us hold by the size of a message.
    private mutating func limitMessages(to byteCount: Int) {
        reader.limits.messageByteCount = byteCount
        reader.limits.partialByteCount = byteCount + Self.interleavedByteCount
    }

    /// What may be unfinished besides the largest message.
    private static let interleavedByteCount = 1 << 20

    /// Begins to wait for the next `publish`.
    mutating func becomeIdle(at now: UInt64) {
        state = .idle
        limitMessages(to: configuration.messageByteCountBeforePublish)
        phaseBegan = now
        dropHeld()
    }

    mutating func close(_ failure: Failure, _ actions: inout [Action]) {
        flush(into: &actions)
        state = .closed
        dropHeld()
        actions.append(.close(failure))
    }

    private mutating func dropHeld() {
        held = []
        heldByteCount = 0
    }

    /// Sets the chunk size of what follows, after telling the client.
    mutating func raiseChunkSize() {
        send(.setChunkSize(UInt32(clamping: configuration.chunkSize)))
        writer.chunkSize = max(configuration.chunkSize, 1)
    }

    /// Appends a message to what is sent at the end of this input.
    mutating func send(_ message: Message) {
        let raw = message.raw
        let chunkStreamID: UInt8 = raw.streamID > 0 ? 5 : raw.type == MessageType.commandAMF0 ? 3 : 2
        writer.write(raw, on: chunkStreamID, to: &output)
    }

    private mutating func acknowledge() {
        // Half a window early: encoders stop sending at the whole.
        guard receivedByteCount &- acknowledgedByteCount >= acknowledgementWindow / 2,
            state != .handshaking, state != .closed
        else { return }
        acknowledgedByteCount = receivedByteCount
        send(.acknowledgement(byteCount: UInt32(truncatingIfNeeded: receivedByteCount)))
    }

    mutating func flush(into actions: inout [Action]) {
        guard !output.isEmpty else { return }
        var bytes: [UInt8] = []
        swap(&bytes, &output)
        actions.append(.send(bytes))
    }
}
