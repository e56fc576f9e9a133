import Crypto
import Lifecycle
import Reactor
import Sockets
import Telemetry

/// Serves RTMP and RTMPS until it is told to stop, then lets its publishers go.
final class RTMPServer: Service {
    /// How often a draining server looks whether its publishers have gone.
    private static let drainInterval = Duration.milliseconds(100)

    let name = "rtmp"
    /// The port of RTMP.
    let port: UInt16
    /// The port of RTMPS, where there is a certificate.
    let securePort: UInt16?

    private let context: IngestContext
    private let workers: [RTMPWorker]
    private let listeners: [RTMPListener]

    /// Binds the ports.
    ///
    /// - Throws: ``SystemCallError`` where a port is taken.
    init(context: IngestContext, workers: [RTMPWorker], identity: TLSIdentity?) throws(SystemCallError) {
        precondition(!workers.isEmpty)
        self.context = context
        self.workers = workers
        let plain = try RTMPListener(
            port: context.settings.port,
            identity: nil,
            workers: workers,
            context: context
        )
        port = plain.port
        guard let identity else {
            listeners = [plain]
            securePort = nil
            return
        }
        let secure = try RTMPListener(
            port: context.settings.securePort,
            identity: identity,
            workers: workers,
            context: context
        )
        listeners = [plain, secure]
        securePort = secure.port
    }

    func run(until shutdown: Shutdown) async throws {
        for listener in listeners {
            listener.start()
            let address = PeerAddress(host: context.settings.address, port: listener.port)
            context.logger.log(.info, "listening for publishers", [.address: address])
        }
        do {
            try await shutdown.requested()
            await drain()
        } catch {
            await stop()
            throw error
        }
    }

    private func drain() async {
        for listener in listeners { listener.close() }
        context.admission.close()
        for worker in workers { await worker.drain() }
        let deadline = EventLoop.now &+ context.settings.drainTime.nanoseconds
        while EventLoop.now < deadline, await hasPublishers() {
            do { try await workers[0].loop.sleep(for: Self.drainInterval) } catch { break }
        }
        await stop()
    }

    private func stop() async {
        for listener in listeners { listener.close() }
        for worker in workers { await worker.stop() }
        await context.registry.letGo()
    }

    private func hasPublishers() async -> Bool {
        for worker in workers where await !worker.publishing.isEmpty { return true }
        return false
    }
}
