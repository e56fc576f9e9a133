import Reactor
import Sockets

/// One connection to a server, for one request.
actor HTTPClientConnection {
    private enum Phase {
        case idle, connecting, open, closed
    }

    private nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    private let configuration: HTTPClient.Configuration
    private let parser: HTTPMessageParser
    private var phase = Phase.idle
    private var socket: StreamSocket?
    private var descriptor: CInt = -1
    private var output = OutputQueue()
    private var response: CheckedContinuation<HTTPClientResponse, any Error>?
    /// Whoever reads the response keeps the pipe alive; when nobody does, the connection ends.
    private weak var body: BoundedPipe<[UInt8]>?
    private var bodyIsPaused = false
    private var interest: EventSet = []
    private var deadline = UInt64.max

    init(loop: EventLoop, configuration: HTTPClient.Configuration, skipsBody: Bool) {
        self.loop = loop
        self.configuration = configuration
        var limits = HTTPMessageParser.Limits()
        limits.headerByteCount = configuration.maximumHeaderByteCount
        parser = HTTPMessageParser(.responses, limits: limits)
        parser.skipsBody = skipsBody
    }

    /// Connects, sends `message` and waits for the head of the response.
    func exchange(_ message: [UInt8], with address: String, port: UInt16) async throws -> HTTPClientResponse {
        output.append(message)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard !Task.isCancelled else { return continuation.resume(throwing: CancellationError()) }
                response = continuation
                connect(to: address, port: port)
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.end(throwing: CancellationError()) } }
        }
    }

    private func connect(to address: String, port: UInt16) {
        do {
            let socket = try StreamSocket.connecting(to: address, port: port)
            descriptor = socket.descriptor
            self.socket = consume socket
        } catch {
            return end(throwing: HTTPClient.Failure.cannotConnect(code: error.code))
        }
        phase = .connecting
        interest = .writable
        loop.watch(descriptor, for: interest, handler: Watcher(self))
        expect(within: configuration.connectDeadline)
        watchClock(after: min(configuration.connectDeadline, configuration.readDeadline))
    }

    fileprivate func ready(_ events: EventSet) {
        if phase == .connecting { return decideConnection() }
        if events.contains(.writable) { flush() }
        if !events.isDisjoint(with: [.readable, .peerClosed, .hungUp, .failed]), !bodyIsPaused { receive() }
    }

    private func decideConnection() {
        guard let socket = socket.take() else { return }
        let error = socket.connectionError()
        self.socket = consume socket
        if let error { return end(throwing: HTTPClient.Failure.cannotConnect(code: error.code)) }
        phase = .open
        expect(within: configuration.readDeadline)
        flush()
    }

    private func flush() {
        guard let socket = socket.take() else { return }
        let outcome = output.flush(to: socket)
        self.socket = consume socket
        switch outcome {
        case .failed: end(throwing: HTTPClient.Failure.connectionLost)
        case .drained: watch(writable: false)
        case .blocked, .yielded: watch(writable: true)
        }
    }

    private func watch(writable: Bool) {
        guard phase == .open else { return }
        var wanted: EventSet = bodyIsPaused ? [] : [.readable]
        if writable { wanted.insert(.writable) }
        guard wanted != interest else { return }
        interest = wanted
        loop.rewatch(descriptor, for: wanted)
    }

    private func receive() {
        guard let socket = socket.take() else { return }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        // SAFETY: the buffer lives for the calls; the parser copies what it is given.
        let outcome = unsafe buffer.withUnsafeMutableBytes { bytes in
            let outcome = unsafe socket.receive(into: bytes)
            if case .moved(let count) = outcome {
                unsafe parser.append(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            }
            return outcome
        }
        self.socket = consume socket
        switch outcome {
        case .moved:
            expect(within: configuration.readDeadline)
            pump()
        case .wouldBlock: return
        case .ended: finishInput()
        case .failed: end(throwing: HTTPClient.Failure.connectionLost)
        }
    }

    private func pump() {
        do {
            while phase == .open, !bodyIsPaused, let event = try parser.next() { take(event) }
        } catch {
            end(throwing: HTTPClient.Failure.malformedResponse)
        }
        watch(writable: output.byteCount > 0)
    }

    private func take(_ event: HTTPMessageParser.Event) {
        switch event {
        case .head(let head): deliver(head)
        case .body(let bytes):
            guard let body else { return end(throwing: HTTPClient.Failure.connectionLost) }
            bodyIsPaused = !body.push(bytes, cost: bytes.count)
        case .end: end(throwing: nil)
        }
    }

    private func deliver(_ head: HTTPMessageHead) {
        // An interim response announces the real one.
        guard head.status >= 200 else { return parser.beginNextMessage() }
        let pipe = BoundedPipe<[UInt8]>(highWater: configuration.inputHighWater) { [weak self, loop] in
            loop.execute { [weak self] in self?.assumeIsolated { $0.end(throwing: nil) } }
        }
        pipe.onDemand { [weak self, loop] in
            loop.execute { [weak self] in self?.assumeIsolated { $0.bodyIsWanted() } }
        }
        body = pipe
        response?.resume(
            returning: HTTPClientResponse(
                status: head.status,
                headers: head.fields,
                body: HTTPRequestBody(pipe: pipe)
            )
        )
        response = nil
    }

    private func bodyIsWanted() {
        guard phase == .open, bodyIsPaused else { return }
        bodyIsPaused = false
        expect(within: configuration.readDeadline)
        pump()
    }

    private func finishInput() {
        do {
            if let event = try parser.finish() { return take(event) }
        } catch {}
        end(throwing: HTTPClient.Failure.connectionLost)
    }

    private func end(throwing error: (any Error)?) {
        guard phase != .closed else { return }
        if phase != .idle { loop.unwatch(descriptor) }
        phase = .closed
        socket = nil
        response?.resume(throwing: error ?? HTTPClient.Failure.connectionLost)
        response = nil
        body?.finish(throwing: error)
    }

    private func expect(within limit: Duration) {
        deadline = EventLoop.now &+ limit.nanoseconds
    }

    private func watchClock(after delay: Duration) {
        loop.schedule(after: delay) { [weak self] in
            self?.assumeIsolated { $0.checkClock() }
        }
    }

    private func checkClock() {
        guard phase != .closed else { return }
        let now = EventLoop.now
        // A reader that takes its time is not the server's fault.
        if bodyIsPaused { deadline = now &+ configuration.readDeadline.nanoseconds }
        guard now < deadline else { return end(throwing: HTTPClient.Failure.timedOut) }
        watchClock(after: .nanoseconds(Int64(clamping: deadline - now)))
    }
}

/// Hands readiness to the actor, and keeps it alive as long as its socket is watched.
private final class Watcher: EventHandler {
    private let connection: HTTPClientConnection

    init(_ connection: HTTPClientConnection) { self.connection = connection }

    func ready(_ events: EventSet) {
        connection.assumeIsolated { $0.ready(events) }
    }
}
