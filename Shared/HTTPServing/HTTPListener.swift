import Lifecycle
import Reactor
import Sockets

/// The listening socket of one loop and the connections that came through it.
@safe final class HTTPListener: @unchecked Sendable {
    // SAFETY: after `init`, everything is touched on the loop only.

    /// How often connections look at the clock.
    private static let tickInterval = Duration.milliseconds(250)

    let loop: EventLoop
    let server: HTTPServerContext
    /// The port that the kernel chose or confirmed.
    let port: UInt16
    /// Requested once the last connection has gone after ``drain()``.
    let isDrained = Shutdown()
    /// Where every receive of this loop lands.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)

    private var listener: TCPListener?
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var dateSecond: Int64 = -1
    private var dateText = ""
    private var isDraining = false
    private var isStopped = false

    init(loop: EventLoop, server: HTTPServerContext, port: UInt16) throws(SystemCallError) {
        self.loop = loop
        self.server = server
        let settings = server.configuration
        let door = Door()
        let listener = try TCPListener(
            .init(address: settings.address, port: port, reusesPort: settings.reusesPort),
            loop: loop
        ) { accepted in door.listener?.accept(accepted) }
        self.listener = listener
        self.port = listener.port
        door.listener = self
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

    /// Begins to accept.
    func start() {
        listener?.start()
        tick()
    }

    /// Takes no more connections and lets those that are here finish.
    func drain() {
        listener?.close()
        listener = nil
        isDraining = true
        for connection in connections.values { connection.assumeIsolated { $0.drain() } }
        loop.schedule(after: server.configuration.streamDrain) { [weak self] in self?.endStreams() }
        reportIfDrained()
    }

    /// Closes everything at once.
    func stop() {
        listener?.close()
        listener = nil
        isDraining = true
        for connection in connections.values { connection.assumeIsolated { $0.close() } }
        reportIfDrained()
    }

    /// Forgets a connection that has closed.
    func closed(_ connection: HTTPConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        server.connectionClosed()
        reportIfDrained()
    }

    private func accept(_ accepted: consuming TCPListener.Accepted) {
        let peer = accepted.peer
        let socket = StreamSocket(owning: accepted.takeDescriptor())
        guard server.admitConnection() else {
            refuse(socket)
            return
        }
        let connection = HTTPConnection(
            socket: socket,
            peer: peer,
            loop: loop,
            server: server,
            listener: self
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
        for connection in Array(connections.values) { connection.assumeIsolated { $0.tick(at: now) } }
        guard !isStopped else { return }
        loop.schedule(after: Self.tickInterval) { [weak self] in self?.tick() }
    }

    private func endStreams() {
        for connection in Array(connections.values) { connection.assumeIsolated { $0.endStreams() } }
    }

    private func reportIfDrained() {
        guard isDraining, connections.isEmpty else { return }
        isStopped = true
        isDrained.request()
    }
}

/// Lets the listening socket find its owner, which is made after it.
private final class Door {
    weak var listener: HTTPListener?
}
