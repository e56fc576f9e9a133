import Crypto
import Media
import Reactor
import RTMP
import Sockets
import Telemetry

/// One socket of an RTMP client; all decisions are made by its ``ServerSession``.
actor RTMPConnection: LoopActor, EventHandler, PublisherConnection {
    private enum Role {
        case guest
        case deciding(RequestID)
        case publishing(PublisherToBus)
    }

    /// How long a client may take to read the last status before the socket is closed.
    private static let lingerTime = Duration.seconds(2)

    nonisolated let worker: RTMPWorker
    nonisolated let peer: PeerAddress
    /// `rtmp` or `rtmps`.
    nonisolated let scheme: String

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it through the worker.
        unsafe worker.loop.asUnownedSerialExecutor()
    }

    private let transport: RTMPTransport
    private let logger: Logger
    private var session: ServerSession
    private var role = Role.guest
    private var actions: [ServerSession.Action] = []
    private var isClosed = false
    private var isLingering = false
    private var isPaused = false

    init(owning descriptor: CInt, peer: PeerAddress, identity: TLSIdentity?, worker: RTMPWorker) {
        self.worker = worker
        self.peer = peer
        scheme = identity == nil ? "rtmp" : "rtmps"
        transport = RTMPTransport(owning: descriptor, identity: identity)
        logger = worker.context.logger.with(.peer, peer)
        session = ServerSession(
            nonce: Randomness.bytes(ServerHandshake.nonceByteCount),
            configuration: worker.context.settings.session,
            now: EventLoop.now
        )
    }

    /// Begins to read.
    func start() {
        transport.enableKeepalive()
        worker.loop.watch(transport.descriptor, for: [.readable, .peerClosed], handler: self)
    }

    nonisolated var loop: EventLoop { worker.loop }

    nonisolated func ready(_ events: EventSet) {
        assumeOnLoop { $0.handle(events) }
    }

    /// Whether it has a publisher.
    var isPublishing: Bool {
        if case .publishing = role { return true }
        return false
    }

    // MARK: Reading

    private func handle(_ events: EventSet) {
        guard !isClosed else { return }
        if events.contains(.writable), !transport.flush() { return close() }
        if isPaused, events.isDisjoint(with: [.failed, .hungUp]) { return watch() }
        if isLingering { return drainInput() }
        read()
        if !isClosed { watch() }
    }

    /// Whether what is read now might find no room on its way to the bus.
    private var mustHold: Bool { isPublishing && worker.isBackedUp }

    private func read() {
        if mustHold { return hold() }
        let now = EventLoop.now
        let wallClock = Timestamp.nowMicroseconds
        let received = transport.read(through: worker.readBuffer) { bytes in
            worker.context.metrics.receivedBytes.increment(by: UInt64(bytes.count))
            session.receive(bytes, at: now, into: &actions)
            perform(now: now, wallClock: wallClock)
            return !isClosed && !isLingering && !mustHold
        }
        if received == .ended, !isClosed, !isLingering { close() }
        if mustHold { hold() }
    }

    /// Reads no more, so that TCP holds the publisher back.
    private func hold() {
        guard !isPaused, !isClosed else { return }
        isPaused = true
        worker.context.metrics.heldPublishers.add(1)
    }

    private func letGoOn() {
        guard isPaused else { return }
        isPaused = false
        worker.context.metrics.heldPublishers.add(-1)
    }

    /// Throws away what a refused client still sends, so that it can read its status.
    private func drainInput() {
        let received = transport.read(through: worker.readBuffer) { _ in true }
        if received == .ended { close() } else { watch() }
    }

    private func watch() {
        var events: EventSet = isPaused ? [] : [.readable, .peerClosed]
        if transport.isWritePending { events.insert(.writable) }
        guard events != watched else { return }
        watched = events
        worker.loop.rewatch(transport.descriptor, for: events)
    }
    private var watched: EventSet = [.readable, .peerClosed]

    // MARK: Actions

    private func perform(now: UInt64, wallClock: Int64) {
        var batch: [ServerSession.Action] = []
        swap(&batch, &actions)
        for action in batch {
            if isClosed { return }
            perform(action, now: now, wallClock: wallClock)
        }
        // The storage goes back for the next read.
        batch.removeAll(keepingCapacity: true)
        if actions.isEmpty { swap(&batch, &actions) }
    }

    private func perform(_ action: ServerSession.Action, now: UInt64, wallClock: Int64) {
        switch action {
        case .media(let message):
            if case .publishing(let carrier) = role {
                carrier.assumeOnLoop { $0.take(message, now: now, wallClock: wallClock) }
            }
        case .metadata(let object):
            if case .publishing(let carrier) = role { carrier.assumeIsolated { $0.take(metadata: object) } }
        case .send(let bytes):
            if !transport.send(bytes) { close() }
        case .publishRequested(let request):
            role = .deciding(request.id)
            worker.context.admission.decide(request, of: self)
        case .unpublish:
            unpublish()
        case .close(let reason):
            note(reason)
            linger()
        }
    }

    private func note(_ reason: ServerSession.Failure) {
        worker.context.metrics.closed[ClosedReason(reason)].increment()
        logger.log(.info, "closing an RTMP connection", [.reason: "\(reason)"])
    }

    private func performNow(_ new: [ServerSession.Action]) {
        actions += new
        perform(now: EventLoop.now, wallClock: Timestamp.nowMicroseconds)
        if !isClosed { watch() }
    }

    // MARK: Publishing

    /// Lets the client publish through `carrier`.
    ///
    /// - Returns: whether the request is still open.
    func accept(_ request: RequestID, _ carrier: PublisherToBus) -> Bool {
        guard !isClosed, !isLingering, case .deciding(request) = role else { return false }
        role = .publishing(carrier)
        performNow(session.accept(request))
        return true
    }

    /// Refuses the client.
    func refuse(_ request: RequestID, _ refusal: PublishRefusal) {
        guard !isClosed, case .deciding(request) = role else { return }
        role = .guest
        performNow(session.reject(request, code: refusal.code, description: refusal.text))
    }

    /// Ends the client's stream because of `reason`; it may try again where that helps.
    func end(_ reason: PublisherEnd) {
        guard !isClosed else { return }
        if case .publishing(let carrier) = role {
            role = .guest
            worker.context.registry.lost(carrier, because: reason)
        }
        logger.log(.notice, "ending a publisher", [.reason: "\(reason)"])
        performNow(session.end(code: reason.code, description: reason.text))
    }

    /// Tells the client what is wrong with its stream, which goes on with what is right.
    func tell(_ trouble: PublisherTrouble) {
        guard !isClosed, !isLingering else { return }
        performNow(session.complain(code: trouble.code, description: trouble.text))
    }

    /// Asks the client to connect anew, if it knows how.
    func requestReconnect() {
        performNow(session.requestReconnect(tcURL: nil, description: "The server is restarting."))
    }

    private func unpublish() {
        defer { role = .guest }
        if case .publishing(let carrier) = role { worker.context.registry.unpublished(carrier) }
    }

    // MARK: Time

    /// Looks at the clock; called by the worker some times a second.
    func tick(at now: UInt64) {
        if isPaused { return tickHeld(at: now) }
        guard let deadline = session.deadline, now >= deadline, !isLingering else { return }
        performNow(session.tick(at: now))
    }

    /// Nothing is known of a client that is not read; its silence is not its own.
    private func tickHeld(at now: UInt64) {
        session.excuseSilence(until: now)
        if case .publishing(let carrier) = role { carrier.assumeIsolated { $0.isHeld(at: now) } }
        guard !worker.isBackedUp else { return }
        letGoOn()
        watch()
    }

    // MARK: The end

    /// Closes the socket once the client has had the time to read its status.
    private func linger() {
        guard !isClosed, !isLingering else { return }
        abandon()
        isLingering = true
        letGoOn()
        transport.finish()
        worker.loop.schedule(after: Self.lingerTime) { [weak self] in self?.assumeIsolated { $0.close() } }
    }

    /// Closes the socket at once.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        letGoOn()
        abandon()
        worker.loop.unwatch(transport.descriptor)
        worker.forget(self)
    }

    private func abandon() {
        if case .publishing(let carrier) = role { worker.context.registry.lost(carrier, because: nil) }
        role = .guest
    }
}

extension PublisherTrouble {
    /// The RTMP status code.
    var code: String {
        switch self {
        case .undecodable: "NetStream.Publish.Rejected"
        }
    }

    /// What the person at the encoder reads.
    var text: String {
        switch self {
        case .undecodable(let codec):
            """
            The picture cannot be decoded: the encoder's \(codec.spokenName) configuration is broken or empty. \
            Choose another video encoder, or restart this one.
            """
        }
    }
}

extension Codec {
    /// What people call a codec of pictures.
    fileprivate var spokenName: String {
        switch self {
        case .h264: "H.264"
        case .hevc: "HEVC"
        case .av1: "AV1"
        case .vp9: "VP9"
        case .vp8: "VP8"
        default: rawValue
        }
    }
}

extension PublisherEnd {
    /// The RTMP status code.
    var code: String {
        switch self {
        case .fenced, .replaced: "NetStream.Publish.BadName"
        case .keyRevoked: "NetStream.Publish.Unauthorized"
        case .outageBufferFull, .busFull, .busUnavailable, .draining: "NetStream.Publish.Failed"
        case .sampleTooLarge, .bitRateTooHigh: "NetStream.Publish.Rejected"
        }
    }

    /// What the person at the encoder reads.
    var text: String {
        switch self {
        case .fenced, .replaced: "Another publisher has taken over this stream."
        case .keyRevoked: "This stream key has been revoked. Ask for a new one."
        case .outageBufferFull, .busUnavailable: "The server cannot store media at the moment. Try again."
        case .busFull: "The server has no room for another stream at the moment. Try again later."
        case .draining: "The server is restarting. Try again now."
        case .sampleTooLarge(let count): "A picture of \(count) bytes is larger than the server takes."
        case .bitRateTooHigh(let rate): "\(rate / 1000) kbit/s is more than the server takes."
        }
    }
}
