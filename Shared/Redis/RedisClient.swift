public import Lifecycle
public import Reactor
import Synchronization
public import Telemetry

/// One Redis behind one connection that is made again whenever it is lost.
///
/// Commands are pipelined in the order of the calls. While there is no connection they wait in a bounded
/// queue until their deadline. What was sent when the connection broke fails with `connectionLost` and is
/// never sent again by the client: only the caller knows whether it may be.
/// Commands that block (XREAD BLOCK) need a client of their own and a deadline beyond their time.
public actor RedisClient: LoopActor, Service {
    /// How to reach Redis and how patient to be.
    public struct Configuration: Sendable {
        /// Where it is.
        public var address: RedisAddress
        /// How long a command may take, waiting for a connection included.
        public var commandDeadline: Duration = .seconds(5)
        /// How long an attempt to connect and log in may take.
        public var connectLimit: Duration = .seconds(5)
        /// The wait after the first failed attempt; it doubles, and half of it is random.
        public var shortestBackoff: Duration = .milliseconds(50)
        /// The longest wait between attempts.
        public var longestBackoff: Duration = .seconds(2)
        /// Commands that may wait for a connection; further ones fail at once.
        public var queuedCommandLimit = 4096
        /// Bytes of commands that may wait for a connection.
        public var queuedByteLimit = 16 << 20

        /// Creates a configuration for one address.
        public init(address: RedisAddress) { self.address = address }

        /// Creates a configuration from a URL, see ``RedisAddress/init(url:)``.
        public init(url: String) throws(RedisError) { address = try RedisAddress(url: url) }
    }

    /// What observers are told, on the loop.
    public enum ConnectionEvent: Sendable, Equatable {
        case connected
        case disconnected
    }

    /// What is called with a command's reply, on the loop, exactly once.
    public typealias Completion = @Sendable (Result<RedisValue, RedisError>) -> Void

    private struct Waiting {
        var command: RedisCommand
        var deadline: UInt64
        var completion: Completion
    }

    private enum State {
        case idle
        case resolving
        case connecting(RedisConnection)
        case ready(RedisConnection)
        case backingOff
        case stopped
    }

    private static let sweepInterval = Duration.milliseconds(100)

    /// The name for logs.
    public nonisolated let name: String
    /// The loop that the client lives on.
    public nonisolated let loop: EventLoop
    /// Commands that failed because there was no connection and no room to wait for one.
    public nonisolated let dropped = Counter()

    private nonisolated let connectedFlag = Atomic<Bool>(false)
    private let configuration: Configuration
    /// The deadline of commands without their own, in nanoseconds.
    private let usualPatience: UInt64
    private let logger: Logger
    private var state = State.idle
    private var attempt: UInt64 = 0
    private var failures = 0
    private var waiting: [Waiting] = []
    private var waitingByteCount = 0
    private var observers: [@Sendable (ConnectionEvent) -> Void] = []
    private var isSweeping = false

    /// Runs on the loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    /// Creates a client; it connects when it is run.
    public init(_ configuration: Configuration, name: String = "redis", loop: EventLoop, logger: Logger) {
        self.configuration = configuration
        usualPatience = configuration.commandDeadline.nanoseconds
        self.name = name
        self.loop = loop
        self.logger = logger.with(.redisAddress, configuration.address)
    }

    /// Whether there is a connection that has logged in.
    public nonisolated var isConnected: Bool { connectedFlag.load(ordering: .relaxed) }

    /// Keeps the connection until `shutdown` is requested or the task is cancelled.
    public func run(until shutdown: Shutdown) async throws {
        start()
        defer { stop() }
        try await shutdown.requested()
    }

    /// Sends a command of its words and returns its reply.
    ///
    /// - Throws: ``RedisError``; a refusal of Redis has the code `refused`.
    @discardableResult
    public nonisolated func command(
        _ arguments: any RedisArgument...,
        deadline: Duration? = nil
    ) async throws(RedisError) -> RedisValue {
        try await command(RedisCommand(arguments: arguments), deadline: deadline)
    }

    /// Sends a command and returns its reply.
    ///
    /// - Throws: ``RedisError``; a refusal of Redis has the code `refused`.
    @discardableResult
    public nonisolated func command(
        _ command: RedisCommand,
        deadline: Duration? = nil
    ) async throws(RedisError) -> RedisValue {
        let value = try await reply(to: command, deadline: deadline).get()
        if case .error(let message) = value { throw RedisError(.refused, message) }
        return value
    }

    /// Sends `commands` together and returns their replies, refusals among them as values.
    ///
    /// - Throws: the first ``RedisError`` that is no refusal.
    public nonisolated func pipeline(
        _ commands: [RedisCommand],
        deadline: Duration? = nil
    ) async throws(RedisError) -> [RedisValue] {
        var values: [RedisValue] = []
        for result in await replies(to: commands, deadline: deadline) { values.append(try result.get()) }
        return values
    }

    // MARK: On the loop

    /// Sends a command; the reply, refusals as values, comes through `completion`.
    public func send(
        _ command: RedisCommand,
        deadline: Duration? = nil,
        completion: @escaping Completion
    ) {
        let deadline = EventLoop.now &+ (deadline?.nanoseconds ?? usualPatience)
        sweepLater()
        if case .ready(let connection) = state {
            if connection.send(command.bytes, deadline: deadline, completion: completion) { return }
        }
        wait(Waiting(command: command, deadline: deadline, completion: completion))
    }

    /// Sends a command only if there is a connection, and fails at once where there is none.
    ///
    /// To be called on the loop, from whatever lives there.
    public nonisolated func sendNow(
        _ command: RedisCommand,
        deadline: Duration? = nil,
        completion: @escaping Completion
    ) {
        assumeOnLoop { $0.sendOrFail(command, deadline: deadline, completion: completion) }
    }

    /// Tells `observer` of every connection made and lost from now on.
    ///
    /// To be called on the loop, from whatever lives there.
    public nonisolated func observe(_ observer: @escaping @Sendable (ConnectionEvent) -> Void) {
        assumeIsolated { $0.observers.append(observer) }
    }

    /// The commands that wait for a connection or a reply.
    public var pendingCount: Int {
        if case .ready(let connection) = state { return waiting.count + connection.pendingCount }
        return waiting.count
    }

    private func sendOrFail(
        _ command: RedisCommand,
        deadline: Duration?,
        completion: @escaping Completion
    ) {
        let deadline = EventLoop.now &+ (deadline?.nanoseconds ?? usualPatience)
        sweepLater()
        if case .ready(let connection) = state {
            if connection.send(command.bytes, deadline: deadline, completion: completion) { return }
        }
        loop.schedule(after: .zero) { completion(.failure(RedisError(.unavailable, "no connection"))) }
    }

    private func reply(to command: RedisCommand, deadline: Duration?) async -> Result<RedisValue, RedisError>
    {
        await withCheckedContinuation { continuation in
            send(command, deadline: deadline) { continuation.resume(returning: $0) }
        }
    }

    private func replies(
        to commands: [RedisCommand],
        deadline: Duration?
    ) async -> [Result<RedisValue, RedisError>] {
        guard !commands.isEmpty else { return [] }
        return await withCheckedContinuation { continuation in
            let collector = ReplyCollector(count: commands.count, continuation)
            for (index, command) in commands.enumerated() {
                send(command, deadline: deadline) { collector.set($0, at: index) }
            }
        }
    }

    private func wait(_ item: Waiting) {
        if case .stopped = state { return refuse(item, "the client has been stopped") }
        guard waiting.count < configuration.queuedCommandLimit,
            waitingByteCount + item.command.bytes.count <= configuration.queuedByteLimit
        else { return refuse(item, "too many commands wait for a connection") }
        waiting.append(item)
        waitingByteCount += item.command.bytes.count
    }

    private func refuse(_ item: Waiting, _ reason: String) {
        dropped.increment()
        loop.schedule(after: .zero) { item.completion(.failure(RedisError(.unavailable, reason))) }
    }

    private func flushWaiting() {
        let items = waiting
        waiting = []
        waitingByteCount = 0
        for item in items {
            if case .ready(let connection) = state,
                connection.send(item.command.bytes, deadline: item.deadline, completion: item.completion)
            {
                continue
            }
            wait(item)
        }
    }

    // MARK: Deadlines

    private func sweepLater() {
        guard !isSweeping else { return }
        isSweeping = true
        loop.schedule(after: Self.sweepInterval) { self.assumeIsolated { $0.sweep() } }
    }

    private func sweep() {
        isSweeping = false
        let now = EventLoop.now
        let expired = waiting.filter { $0.deadline <= now }
        waiting.removeAll { $0.deadline <= now }
        for item in expired {
            waitingByteCount -= item.command.bytes.count
            item.completion(.failure(RedisError(.unavailable, "no connection in time")))
        }
        if case .ready(let connection) = state, connection.expire(at: now) {
            logger.log(.warning, "Redis does not answer")
            connection.close()
        }
        if pendingCount > 0 { sweepLater() }
    }

    // MARK: The connection

    private func start() {
        guard case .idle = state else { return }
        resolve()
    }

    private func stop() {
        let old = state
        state = .stopped
        attempt &+= 1
        switch old {
        case .connecting(let connection), .ready(let connection): connection.close()
        default: break
        }
        if connectedFlag.exchange(false, ordering: .relaxed) { notify(.disconnected) }
        let items = waiting
        waiting = []
        waitingByteCount = 0
        for item in items { refuse(item, "the client has been stopped") }
    }

    private func resolve() {
        attempt &+= 1
        let attempt = attempt
        guard case .tcp(let host, let port) = configuration.address.endpoint else {
            return connect(to: configuration.address.endpoint)
        }
        state = .resolving
        PlatformThread.detach(named: "redis-resolver") { [loop] in
            let result = HostResolver.literalAddress(of: host)
            loop.execute { self.assumeIsolated { $0.resolved(result, port: port, attempt: attempt) } }
        }
    }

    private func resolved(_ result: Result<String, RedisError>, port: UInt16, attempt: UInt64) {
        guard attempt == self.attempt else { return }
        switch result {
        case .success(let address): connect(to: .tcp(host: address, port: port))
        case .failure(let error): backOff(after: error)
        }
    }

    private func connect(to endpoint: RedisAddress.Endpoint) {
        let attempt = attempt
        do throws(RedisError) {
            let connection = try RedisConnection.connect(
                to: endpoint,
                loop: loop,
                connected: { self.assumeIsolated { $0.logIn(attempt: attempt) } },
                closed: { error in self.assumeIsolated { $0.lost(error, attempt: attempt) } }
            )
            state = .connecting(connection)
            loop.schedule(after: configuration.connectLimit) {
                self.assumeIsolated { $0.giveUpConnecting(attempt: attempt) }
            }
        } catch {
            backOff(after: error)
        }
    }

    private func giveUpConnecting(attempt: UInt64) {
        guard attempt == self.attempt, case .connecting(let connection) = state else { return }
        connection.close()
    }

    private func logIn(attempt: UInt64) {
        guard attempt == self.attempt, case .connecting(let connection) = state else { return }
        for command in logInCommands() {
            let isLast = command == Self.ping
            _ = connection.send(command.bytes, deadline: .max) { result in
                self.assumeIsolated { $0.loggedIn(result, isLast: isLast, attempt: attempt) }
            }
        }
    }

    private static let ping = RedisCommand("PING")

    private func logInCommands() -> [RedisCommand] {
        let address = configuration.address
        var commands: [RedisCommand] = []
        if let password = address.password {
            let words = ["AUTH"] + (address.user.map { [$0] } ?? []) + [password]
            commands.append(RedisCommand(arguments: words))
        }
        if address.database != 0 { commands.append(RedisCommand("SELECT", address.database)) }
        return commands + [Self.ping]
    }

    private func loggedIn(_ result: Result<RedisValue, RedisError>, isLast: Bool, attempt: UInt64) {
        guard attempt == self.attempt, case .connecting(let connection) = state else { return }
        if case .success(.error(let message)) = result {
            logger.log(.error, "Redis refused the login", [.error: message])
            connection.close()
        } else if isLast, case .success = result {
            state = .ready(connection)
            failures = 0
            connectedFlag.store(true, ordering: .relaxed)
            logger.log(.info, "connected to Redis")
            notify(.connected)
            flushWaiting()
        }
    }

    private func lost(_ error: RedisError, attempt: UInt64) {
        guard attempt == self.attempt else { return }
        let wasConnected = connectedFlag.exchange(false, ordering: .relaxed)
        backOff(after: error)
        if wasConnected { notify(.disconnected) }
    }

    private func backOff(after error: RedisError) {
        state = .backingOff
        if failures == 0 { logger.log(.warning, "no connection to Redis", [.error: error]) }
        let doubled = configuration.shortestBackoff * (1 << min(failures, 16))
        let delay = min(doubled, configuration.longestBackoff)
        failures += 1
        let attempt = attempt
        loop.schedule(after: delay / 2 + delay / 2 * Double.random(in: 0...1)) {
            self.assumeIsolated { client in
                if attempt == client.attempt, case .backingOff = client.state { client.resolve() }
            }
        }
    }

    private func notify(_ event: ConnectionEvent) {
        for observer in observers { observer(event) }
    }
}

/// Gathers the replies to one pipeline, on the loop.
private final class ReplyCollector: @unchecked Sendable {
    // SAFETY: all completions of a client are called on its loop.
    private let continuation: CheckedContinuation<[Result<RedisValue, RedisError>], Never>
    private var results: [Result<RedisValue, RedisError>]
    private var missing: Int

    init(count: Int, _ continuation: CheckedContinuation<[Result<RedisValue, RedisError>], Never>) {
        self.continuation = continuation
        results = Array(repeating: .success(.null), count: count)
        missing = count
    }

    func set(_ result: Result<RedisValue, RedisError>, at index: Int) {
        results[index] = result
        missing -= 1
        if missing == 0 { continuation.resume(returning: results) }
    }
}

extension LogKey {
    /// The Redis that an event is about, without its password.
    public static let redisAddress = LogKey(rawValue: "redis.address")
}
