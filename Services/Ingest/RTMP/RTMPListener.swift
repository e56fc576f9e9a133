import Crypto
import Reactor
import Sockets
import Telemetry

/// One listening port, plain or with TLS, that spreads its clients over the workers.
final class RTMPListener: @unchecked Sendable {
    // SAFETY: after `init`, everything that changes is touched on the loop only.

    let loop: EventLoop
    /// The port that the kernel chose or confirmed.
    let port: UInt16

    private let workers: [RTMPWorker]
    private let context: IngestContext
    private let identity: TLSIdentity?
    private var listener: TCPListener?
    private var position = 0

    /// What the listening socket calls before and after there is somebody to call.
    private final class Door {
        weak var listener: RTMPListener?
    }

    /// Binds a port; `identity` makes it one with TLS.
    ///
    /// - Throws: ``SystemCallError`` where the port is taken.
    init(
        port: UInt16,
        identity: TLSIdentity?,
        workers: [RTMPWorker],
        context: IngestContext
    ) throws(SystemCallError) {
        loop = workers[0].loop
        self.workers = workers
        self.context = context
        self.identity = identity
        let door = Door()
        let settings = context.settings
        let listener = try TCPListener(
            .init(address: settings.address, port: port, reusesPort: settings.sharesPorts),
            loop: loop
        ) { accepted in door.listener?.take(accepted) }
        self.listener = listener
        self.port = listener.port
        door.listener = self
    }

    /// Begins to accept.
    func start() { loop.execute { self.listener?.start() } }

    /// Accepts no more.
    func close() {
        loop.execute {
            self.listener?.close()
            self.listener = nil
        }
    }

    private func take(_ accepted: consuming TCPListener.Accepted) {
        let peer = accepted.peer
        guard context.registry.connected(peer) else { return context.metrics.refusedConnections.increment() }
        position = (position + 1) % workers.count
        workers[position].adopt(accepted.takeDescriptor(), from: peer, identity: identity)
    }
}
