import Reactor
import Sockets

/// The listening socket of a server, which hands its connections to the workers in turn.
///
/// There is one for all loops: sockets that share a port could be another process's too, without either noticing.
final class HTTPListener: @unchecked Sendable {
    // SAFETY: after `init`, everything that changes is touched on the loop only.

    /// The port that the kernel chose or confirmed.
    let port: UInt16

    private let workers: [HTTPWorker]
    private let loop: EventLoop
    private var listener: TCPListener?
    private var position = 0

    /// What the listening socket calls before and after there is somebody to call.
    private final class Door {
        weak var listener: HTTPListener?
    }

    /// Binds the port.
    ///
    /// - Throws: ``SystemCallError`` where it is taken.
    init(_ configuration: HTTPServer.Configuration, workers: [HTTPWorker]) throws(SystemCallError) {
        precondition(!workers.isEmpty)
        self.workers = workers
        loop = workers[0].loop
        let door = Door()
        let listener = try TCPListener(
            .init(address: configuration.address, port: configuration.port),
            loop: loop
        ) { accepted in door.listener?.take(accepted) }
        self.listener = listener
        port = listener.port
        door.listener = self
    }

    /// Begins to accept.
    func start() { loop.execute { self.listener?.start() } }

    /// Hands over what has connected already and accepts no more; what ``HTTPWorker/adopt(_:from:)`` has been given by
    /// then comes before whatever the workers are told afterwards.
    func finish() async {
        await withCheckedContinuation { continuation in
            loop.execute {
                self.listener?.finish()
                self.listener = nil
                continuation.resume()
            }
        }
    }

    /// Accepts no more.
    func close() {
        loop.execute {
            self.listener?.close()
            self.listener = nil
        }
    }

    private func take(_ accepted: consuming TCPListener.Accepted) {
        let peer = accepted.peer
        position = (position + 1) % workers.count
        workers[position].adopt(accepted.takeDescriptor(), from: peer)
    }
}
