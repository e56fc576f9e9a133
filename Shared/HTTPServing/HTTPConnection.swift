import Reactor
import Sockets
import Telemetry

/// One client's socket on one loop: cuts what arrives into requests, runs their handlers one after the
/// other, and sends the responses.
actor HTTPConnection {
    /// One request and its response, while they last.
    struct Exchange {
        enum Phase {
            case collecting, handling, streaming, answered
        }

        let number: UInt64
        let head: HTTPMessageHead
        let body: BoundedPipe<[UInt8]>
        let began = EventLoop.now
        var phase = Phase.collecting
        var task: Task<Void, Never>?
        var bodyIsComplete = false
        var bodyIsPaused = false
        var bodyIsUnwanted = false
        var inputHasFailed = false
        var awaitsContinue = false
        var keepsAlive = true
        var promisedByteCount: Int64?
    }

    /// What the connection is doing when it is not answering requests.
    enum Mode {
        case serving
        /// The last response is on its way.
        case finishing
        /// Everything is sent; what still arrives is thrown away so that the client can read the answer.
        case lingering
        case webSocket
        case closed
    }

    /// Why a connection may not go on as it is beyond a point in time.
    enum Wait {
        case firstHead, idle, head, body, output, linger, pong
        /// The first request of a connection that began just before the server drained.
        case arrival
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    nonisolated let peer: PeerAddress
    nonisolated let server: HTTPServerContext
    unowned let worker: HTTPWorker
    let parser: HTTPMessageParser
    var socket: StreamSocket?
    let descriptor: CInt
    private let began = EventLoop.now
    var mode = Mode.serving
    var exchange: Exchange?
    var exchangeCount: UInt64 = 0
    var output = OutputQueue()
    var outputIsBlocked = false
    var flushIsScheduled = false
    var waiters = OutputWaiters()
    var peerHasEnded = false
    var isDraining = false
    var isPumping = false
    var webSocket: WebSocketState?
    private var watcher: Watcher?
    private var interest: EventSet = []
    var wait: Wait?
    private var deadline = UInt64.max

    init(
        socket: consuming StreamSocket,
        peer: PeerAddress,
        loop: EventLoop,
        server: HTTPServerContext,
        worker: HTTPWorker
    ) {
        descriptor = socket.descriptor
        self.socket = consume socket
        self.peer = peer
        self.loop = loop
        self.server = server
        self.worker = worker
        parser = HTTPMessageParser(.requests, limits: server.configuration.parserLimits)
    }

    /// Begins to read.
    func start() {
        let watcher = Watcher(self)
        self.watcher = watcher
        keepSocketAlive()
        interest = [.readable, .peerClosed]
        loop.watch(descriptor, for: interest, handler: watcher)
        expect(.firstHead)
    }

    // MARK: Readiness

    fileprivate func ready(_ events: EventSet) {
        guard events.isDisjoint(with: [.failed, .hungUp]) else { return close() }
        if events.contains(.writable) { flush() }
        guard mode != .closed else { return }
        if events.contains(.readable), wantsInput {
            receive()
        } else if events.contains(.peerClosed) {
            peerEnded()
        }
    }

    private var wantsInput: Bool {
        switch mode {
        case .closed, .finishing: return false
        case .lingering: return true
        case .webSocket: return webSocket?.isPaused == false
        case .serving:
            guard let exchange else { return true }
            let isTooMuch = exchange.bodyIsPaused && !exchange.bodyIsUnwanted
            return !exchange.bodyIsComplete && !exchange.inputHasFailed && !isTooMuch
        }
    }

    /// Watches for exactly what the connection can act on now.
    func updateInterest() {
        guard mode != .closed else { return }
        var wanted: EventSet = peerHasEnded ? [] : [.peerClosed]
        if wantsInput, !peerHasEnded { wanted.insert(.readable) }
        if outputIsBlocked { wanted.insert(.writable) }
        guard wanted != interest else { return }
        interest = wanted
        loop.rewatch(descriptor, for: wanted)
    }

    // MARK: Reading

    private func receive() {
        for _ in 0..<HTTPServerContext.receivesPerWakeUp {
            guard mode != .closed, wantsInput else { break }
            guard receiveOnce() else { break }
        }
        updateInterest()
    }

    /// - Returns: whether there may be more to read.
    private func receiveOnce() -> Bool {
        // SAFETY: the buffer belongs to the worker, which outlives its connections; one loop uses it.
        let scratch = unsafe worker.scratch
        let outcome = withSocket { socket in unsafe socket.receive(into: scratch) }
        switch outcome {
        case .moved(let count):
            // SAFETY: the kernel has filled `count` bytes.
            unsafe received(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
            return count == scratch.count
        case .wouldBlock: return false
        case .ended:
            peerEnded()
            return false
        case .failed:
            close()
            return false
        }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        switch mode {
        case .serving:
            // SAFETY: the parser copies the bytes before the call returns.
            unsafe parser.append(bytes)
            if wait == .idle || wait == .arrival { expect(.head) }
            if exchange != nil { expect(.body) }
            pump()
        case .webSocket:
            unsafe webSocketReceived(Array(bytes))
        case .finishing, .lingering, .closed:
            return
        }
    }

    /// Acts on what has been received, without recursion however many requests it holds.
    func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer {
            isPumping = false
            updateInterest()
        }
        var goesOn = true
        while goesOn, mode == .serving {
            drainParser()
            goesOn = exchange?.phase == .collecting && mode == .serving
            if goesOn { startHandler() }
            goesOn = goesOn && exchange == nil
        }
        if mode == .serving, exchange == nil, parser.isInsideHead, wait == .idle { expect(.head) }
    }

    /// Takes events from the parser until it has none or the body has no room.
    func drainParser() {
        guard exchange?.inputHasFailed != true else { return }
        do {
            while exchange?.bodyIsPaused != true || exchange?.bodyIsUnwanted == true {
                guard let event = try parser.next() else { return }
                take(event)
            }
        } catch {
            refuse(error)
        }
    }

    private func take(_ event: HTTPMessageParser.Event) {
        switch event {
        case .head(let head):
            begin(head)
        case .body(let bytes):
            guard exchange?.bodyIsUnwanted == false else { return }
            if exchange?.body.push(bytes, cost: bytes.count) == false { exchange?.bodyIsPaused = true }
        case .end:
            exchange?.bodyIsComplete = true
            exchange?.body.finish()
            if wait == .body || wait == .head || wait == .firstHead { expect(nil) }
        }
    }

    /// The client will send no more.
    private func peerEnded() {
        peerHasEnded = true
        switch mode {
        case .closed: return
        case .lingering: close()
        case .webSocket: webSocketEnded()
        case .finishing: updateInterest()
        case .serving:
            // A client that is still owed bytes of a finished answer may only have ended its own direction.
            guard exchange?.phase == .answered else { return close() }
            exchange?.keepsAlive = false
            updateInterest()
        }
    }

    // MARK: Sending

    /// Sends soon, together with what else is written in this turn of the loop.
    func scheduleFlush() {
        guard !flushIsScheduled, !outputIsBlocked else { return }
        flushIsScheduled = true
        loop.execute {
            self.assumeIsolated {
                $0.flushIsScheduled = false
                $0.flush()
            }
        }
    }

    /// Sends what the kernel takes.
    func flush() {
        guard mode != .closed else { return }
        let before = output.byteCount
        let outcome = withSocketAndOutput()
        switch outcome {
        case .failed:
            return close()
        case .blocked, .yielded:
            if !outputIsBlocked || output.byteCount < before { expect(.output) }
            outputIsBlocked = true
        case .drained:
            outputIsBlocked = false
            if wait == .output { expect(mode == .webSocket ? .pong : nil) }
        }
        if output.byteCount <= server.configuration.outputHighWater / 2 { waiters.resumeAll() }
        if outcome == .drained { outputDrained() }
        updateInterest()
    }

    private func outputDrained() {
        switch mode {
        case .serving where exchange?.phase == .answered: finishExchange()
        case .finishing: linger()
        case .webSocket where webSocket?.isOver == true: linger()
        default: return
        }
    }

    /// Makes the kernel notice a client that vanished without a word while its request is held.
    private func keepSocketAlive() {
        _ = withSocket { socket in
            socket.enableKeepalive(idle: 30, interval: 10)
            return .wouldBlock
        }
    }

    private func withSocketAndOutput() -> OutputQueue.Outcome {
        guard let socket = socket.take() else { return .failed }
        let outcome = output.flush(to: socket)
        self.socket = consume socket
        return outcome
    }

    private func withSocket(_ body: (borrowing StreamSocket) -> StreamSocket.Outcome) -> StreamSocket.Outcome
    {
        guard let socket = socket.take() else { return .ended }
        let outcome = body(socket)
        self.socket = consume socket
        return outcome
    }

    // MARK: Time

    /// Begins to wait for something; waiting too long has its own end for each kind.
    func expect(_ wait: Wait?) {
        self.wait = wait
        let limits = server.configuration
        let limit: Duration? =
            switch wait {
            case .firstHead, .head: limits.headerDeadline
            case .idle: limits.idleTimeout
            case .body: limits.bodyStallDeadline
            case .output: limits.writeStallDeadline
            case .linger: limits.lingerDeadline
            case .pong: limits.webSocketPingInterval
            case .arrival: limits.arrivalGrace - .nanoseconds(Int64(clamping: EventLoop.now &- began))
            case nil: nil
            }
        deadline = limit.map { EventLoop.now &+ $0.nanoseconds } ?? .max
    }

    /// Looks at the clock; called a few times a second.
    func tick(at now: UInt64) {
        guard now >= deadline, let wait else { return }
        server.metrics.expired.increment()
        switch wait {
        case .firstHead where parser.pendingByteCount == 0: close()
        case .firstHead, .head: refuse(HTTPProblem.slowHeader)
        case .body: bodyStalled()
        case .pong: webSocketIdle()
        case .idle, .arrival, .output, .linger: close()
        }
    }

    private func bodyStalled() {
        expect(nil)
        // A handler that reads slowly is not the client's fault.
        guard exchange?.bodyIsPaused == false else { return }
        failInput(HTTPProblem.slowBody)
    }

    // MARK: The end

    /// Finishes what is in flight and takes no more.
    func drain() {
        isDraining = true
        switch mode {
        case .serving where exchange == nil: drainBetweenRequests()
        case .webSocket: endWebSocket(code: 1001, reason: "the server is going away")
        default: return
        }
    }

    /// Answers what has been asked and not been read yet; the kernel resets a connection that is closed over it.
    private func drainBetweenRequests() {
        receive()
        guard mode == .serving, exchange == nil, !parser.isInsideHead else { return }
        guard wait == .firstHead, EventLoop.now &- began < server.configuration.arrivalGrace.nanoseconds
        else {
            return close()
        }
        expect(.arrival)
    }

    /// Answers, in place of a handler that has not, that the server stops.
    func endRequest() {
        guard mode == .serving else { return }
        switch exchange?.phase {
        case nil where !parser.isInsideHead: close()
        case nil, .collecting: refuse(HTTPProblem.interrupted)
        case .handling:
            failInput(.interrupted)
            exchange?.task?.cancel()
        case .streaming, .answered: return
        }
    }

    /// Ends responses that would go on for ever.
    func endStreams() {
        guard exchange?.phase == .streaming else { return }
        exchange?.task?.cancel()
    }

    /// Ends sending and waits, for a short while, for the client to have read it all.
    private func linger() {
        guard !peerHasEnded else { return close() }
        mode = .lingering
        _ = withSocket { socket in
            socket.endSending()
            return .wouldBlock
        }
        expect(.linger)
        updateInterest()
    }

    /// Closes at once; whoever is still busy for this client is cancelled.
    func close() {
        guard mode != .closed else { return }
        mode = .closed
        loop.unwatch(descriptor)
        socket = nil
        watcher = nil
        expect(nil)
        exchange?.body.finish(throwing: HTTPConnectionClosed())
        exchange?.task?.cancel()
        exchange = nil
        webSocketClosed()
        waiters.failAll()
        worker.closed(self)
    }
}

/// Hands readiness to the actor without keeping it alive.
private final class Watcher: EventHandler {
    private unowned let connection: HTTPConnection

    init(_ connection: HTTPConnection) { self.connection = connection }

    func ready(_ events: EventSet) {
        connection.assumeIsolated { $0.ready(events) }
    }
}

/// Writers that wait until the client has caught up.
struct OutputWaiters {
    private var next: UInt64 = 0
    private var continuations: [UInt64: CheckedContinuation<Void, any Error>] = [:]

    /// A name for one wait.
    mutating func makeName() -> UInt64 {
        next &+= 1
        return next
    }

    mutating func add(_ continuation: CheckedContinuation<Void, any Error>, named name: UInt64) {
        continuations[name] = continuation
    }

    mutating func cancel(_ name: UInt64) {
        continuations.removeValue(forKey: name)?.resume(throwing: CancellationError())
    }

    mutating func resumeAll() {
        guard !continuations.isEmpty else { return }
        let all = continuations.values.map { $0 }
        continuations = [:]
        for continuation in all { continuation.resume() }
    }

    mutating func failAll() {
        let all = continuations.values.map { $0 }
        continuations = [:]
        for continuation in all { continuation.resume(throwing: HTTPConnectionClosed()) }
    }
}
