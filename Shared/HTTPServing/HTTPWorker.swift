import Lifecycle
import Reactor
import Sockets

/// The connections of one loop.
@safe final class HTTPWorker: @unchecked Sendable {
    // SAFETY: after `init`, everything is touched on the loop only.

    /// How often connections look at the clock.
    private static let tickInterval = Duration.milliseconds(250)

    let loop: EventLoop
    let server: HTTPServerContext
    /// Requested once the last connection has gone after ``drain()``.
    let isDrained = Shutdown()
    /// Where every receive of this loop lands.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)

    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var dateSecond: Int64 = -1
    private var dateText = ""
    private var isDraining = false
    private var isStopped = false

    init(loop: EventLoop, server: HTTPServerContext) {
        self.loop = loop
        self.server = server
    }

    deinit {
        unsafe scratch.deallocate()
    }

    /// The current value of the `date` field.
    var date: String {
        let now = HTTPDate.now
        if now != dateSecond {
            dateSecond = now
            dateText = HTTPDate.string(now)
        }
        return dateText
    }

    /// Begins to look at the clock.
    func start() { loop.execute { self.tick() } }

    /// Takes over a descriptor that was accepted.
    func adopt(_ descriptor: CInt, from peer: PeerAddress) {
        loop.execute { self.serve(StreamSocket(owning: descriptor), from: peer) }
    }

    /// Takes no more connections and lets those that are here finish, for a limited time.
    func drain() {
        loop.execute {
            self.isDraining = true
            let limits = self.server.configuration
            self.forEachConnection { $0.drain() }
            self.later(limits.streamDrain) { $0.endStreams() }
            self.later(limits.requestDrain) { $0.endRequest() }
            self.later(limits.requestDrain * 3 / 2) { $0.close() }
            self.reportIfDrained()
        }
    }

    /// Closes everything at once.
    func stop() {
        loop.execute {
            self.isDraining = true
            self.forEachConnection { $0.close() }
            self.reportIfDrained()
        }
    }

    /// Forgets a connection that has closed.
    func closed(_ connection: HTTPConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        server.connectionClosed()
        reportIfDrained()
    }

    private func serve(_ socket: consuming StreamSocket, from peer: PeerAddress) {
        // Accepted just before the end; the client finds the next server.
        guard !isDraining else { return }
        guard server.admitConnection() else {
            refuse(socket)
            return
        }
        let connection = HTTPConnection(
            socket: socket,
            peer: peer,
            loop: loop,
            server: server,
            worker: self
        )
        connections[ObjectIdentifier(connection)] = connection
        connection.assumeIsolated { $0.start() }
    }

    /// Says why, as far as the kernel takes it, and closes.
    private func refuse(_ socket: consuming StreamSocket) {
        let problem = HTTPProblem(503, "too_many_connections", "The server has too many connections.")
        var response = problem.response()
        response.headers["retry-after"] = "1"
        let plan = ResponsePlan(response, to: .unreadable, mayKeepAlive: false, date: date)
        var output = OutputQueue()
        output.append(plan.head)
        if case .pieces(let pieces) = plan.body { for piece in pieces { output.append(piece) } }
        _ = output.flush(to: socket)
    }

    private func tick() {
        let now = EventLoop.now
        forEachConnection { $0.tick(at: now) }
        guard !isStopped else { return }
        loop.schedule(after: Self.tickInterval) { [weak self] in self?.tick() }
    }

    private func forEachConnection(_ body: @Sendable (isolated HTTPConnection) -> Void) {
        for connection in Array(connections.values) { connection.assumeIsolated { body($0) } }
    }

    private func later(_ delay: Duration, _ body: @escaping @Sendable (isolated HTTPConnection) -> Void) {
        loop.schedule(after: delay) { [weak self] in self?.forEachConnection(body) }
    }

    private func reportIfDrained() {
        guard isDraining, connections.isEmpty else { return }
        isStopped = true
        isDrained.request()
    }
}
