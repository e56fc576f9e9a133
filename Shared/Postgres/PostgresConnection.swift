public import Reactor

/// One connection to PostgreSQL on an event loop; queries are answered in the order they are asked.
///
/// Cancelling the asking task does not stop a query; its deadline does.
public actor PostgresConnection {
    private enum Statement {
        case cached(sql: String, parameters: [String?])
        case script(String)
    }

    private struct Request {
        var statement: Statement
        var limit: Duration
        var answer: CheckedContinuation<[PostgresRow], any Error>
    }

    private struct Current {
        var request: Request
        var preparing: (sql: String, name: String)?
        var rows: [PostgresRow] = []
        var failure: PostgresError?
        var timer: LoopTimer
    }

    private final class Watcher: EventHandler {
        weak var connection: PostgresConnection?
        init(_ connection: PostgresConnection) { self.connection = connection }
        func ready(_ events: EventSet) { connection?.assumeIsolated { $0.ready() } }
    }

    /// The most statements that one connection keeps prepared; others are sent unprepared.
    private static let statementLimit = 256

    /// Runs on the loop for each NOTIFY that arrives.
    public typealias NotificationHandler = @Sendable (_ channel: String, _ payload: String) -> Void

    private let loop: EventLoop
    private let queryLimit: Duration
    private let socket: LibpqConnection
    private var descriptor: CInt = -1
    private var watched: EventSet = .readable
    private var opening: (answer: CheckedContinuation<Void, any Error>, timer: LoopTimer)?
    private var queue: [Request] = []
    private var current: Current?
    private var prepared: [String: String] = [:]
    private var isRetired = false
    private var closeReason: PostgresError?
    private var closeWaiters: [CheckedContinuation<Void, Never>] = []
    private var notificationHandler: NotificationHandler?

    // SAFETY: the actor keeps its loop alive.
    /// The loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private init(_ socket: LibpqConnection, loop: EventLoop, queryLimit: Duration) {
        self.socket = socket
        self.loop = loop
        self.queryLimit = queryLimit
    }

    deinit {
        guard closeReason == nil, descriptor >= 0 else { return }
        loop.execute { [loop, socket, descriptor] in
            loop.unwatch(descriptor)
            withExtendedLifetime(socket) {}
        }
    }

    /// Opens a connection.
    ///
    /// - Throws: a ``PostgresError``.
    public static func open(
        _ configuration: PostgresConfiguration,
        on loop: EventLoop
    ) async throws -> PostgresConnection {
        // Starting looks up names, which blocks.
        let socket = await withCheckedContinuation { answer in
            PlatformThread.detach(named: "postgres-lookup") {
                answer.resume(returning: LibpqConnection(configuration))
            }
        }
        let connection = PostgresConnection(socket, loop: loop, queryLimit: configuration.queryLimit)
        try await connection.finishOpening(within: configuration.connectLimit)
        return connection
    }

    // MARK: Queries

    /// Runs one statement with `$1`, `$2`, … for the parameters; it is prepared once per connection.
    ///
    /// - Throws: a ``PostgresError``.
    public func query(
        _ sql: String,
        _ parameters: [PostgresValue] = [],
        within limit: Duration? = nil
    ) async throws -> [PostgresRow] {
        let texts = parameters.map(\.wireText)
        guard !texts.contains(where: { $0?.utf8.contains(0) ?? false }) else {
            throw PostgresError(.parameter, "a text with a zero byte")
        }
        return try await run(.cached(sql: sql, parameters: texts), within: limit)
    }

    /// Runs statements separated by semicolons, without parameters, and returns the rows of the last.
    @discardableResult
    public func script(_ sql: String, within limit: Duration? = nil) async throws -> [PostgresRow] {
        try await run(.script(sql), within: limit)
    }

    /// Sets who is told of notifications; listen by `LISTEN`.
    public func onNotification(_ handler: @escaping NotificationHandler) { notificationHandler = handler }

    /// Whether the connection is open and outside of a transaction.
    public var isReusable: Bool { closeReason == nil && !isRetired && current == nil && socket.isIdle }

    /// Suspends until the connection is closed by either side.
    public func closed() async {
        guard closeReason == nil else { return }
        await withCheckedContinuation { closeWaiters.append($0) }
    }

    /// Closes the connection and fails what is under way.
    public func close() { close(PostgresError(.connection, "the connection was closed")) }

    private func run(_ statement: Statement, within limit: Duration?) async throws -> [PostgresRow] {
        try await withCheckedThrowingContinuation { answer in
            if let closeReason { return answer.resume(throwing: closeReason) }
            queue.append(Request(statement: statement, limit: limit ?? queryLimit, answer: answer))
            startNext()
        }
    }

    // MARK: Opening

    private func finishOpening(within limit: Duration) async throws {
        try await withCheckedThrowingContinuation { answer in
            let timer = loop.schedule(after: limit) { [weak self] in
                self?.assumeIsolated { $0.close(PostgresError(.timedOut, "no connection in time")) }
            }
            opening = (answer, timer)
            guard socket.socket >= 0 else { return failOpening() }
            watch(socket.socket, for: .writable)
        }
    }

    private func advanceOpening() {
        // The next step may close this socket and try the next address with a new one.
        loop.unwatch(descriptor)
        descriptor = -1
        switch socket.poll() {
        case .reading: watch(socket.socket, for: .readable)
        case .writing: watch(socket.socket, for: .writable)
        case .failed: failOpening()
        case .open:
            watch(socket.socket, for: .readable)
            opening?.timer.cancel()
            opening?.answer.resume()
            opening = nil
        }
    }

    private func failOpening() { close(PostgresError(.connection, socket.message)) }

    private func watch(_ descriptor: CInt, for events: EventSet) {
        self.descriptor = descriptor
        watched = events
        loop.watch(descriptor, for: events, handler: Watcher(self))
    }

    // MARK: The socket

    private func ready() {
        if opening != nil { return advanceOpening() }
        guard socket.consumeInput() else { return close(PostgresError(.connection, socket.message)) }
        flush()
        while let notification = socket.nextNotification() {
            notificationHandler?(notification.channel, notification.payload)
        }
        readResults()
    }

    private func readResults() {
        while closeReason == nil, current != nil, !socket.isBusy {
            guard let result = socket.nextResult() else {
                finishStep()
                continue
            }
            switch result {
            case .success(let rows): current?.rows = rows
            case .failure(let failure):
                if current?.failure == nil { current?.failure = failure }
            }
        }
        // An idle connection may hold the server's farewell.
        if closeReason == nil, current == nil, !socket.isBusy,
            case .failure(let failure) = socket.nextResult()
        {
            close(PostgresError(.connection, failure.message))
        }
    }

    private func flush() {
        switch socket.flush() {
        case .done: rewatch(for: .readable)
        case .pending: rewatch(for: [.readable, .writable])
        case .failed: close(PostgresError(.connection, socket.message))
        }
    }

    private func rewatch(for events: EventSet) {
        guard events != watched, descriptor >= 0 else { return }
        watched = events
        loop.rewatch(descriptor, for: events)
    }

    // MARK: One query after the other

    private func startNext() {
        guard current == nil, closeReason == nil, !queue.isEmpty else { return }
        let request = queue.removeFirst()
        let timer = loop.schedule(after: request.limit) { [weak self] in
            self?.assumeIsolated { $0.cancelCurrent() }
        }
        current = Current(request: request, timer: timer)
        send(request.statement)
    }

    private func send(_ statement: Statement) {
        let isSent: Bool
        switch statement {
        case .script(let sql):
            isSent = socket.send(script: sql)
        case .cached(let sql, let parameters):
            if let name = prepared[sql] {
                isSent = socket.send(execute: name, parameters)
            } else if prepared.count < Self.statementLimit {
                let name = "s\(prepared.count)"
                current?.preparing = (sql, name)
                isSent = socket.send(prepare: name, sql)
            } else {
                isSent = socket.send(unnamed: sql, parameters)
            }
        }
        guard isSent else { return close(PostgresError(.connection, socket.message)) }
        flush()
    }

    private func finishStep() {
        guard let finished = current else { return }
        if let (sql, name) = finished.preparing, finished.failure == nil {
            prepared[sql] = name
            current?.preparing = nil
            return send(finished.request.statement)
        }
        finished.timer.cancel()
        current = nil
        if let failure = finished.failure {
            // The tables changed under a prepared statement; a new connection prepares it afresh.
            if failure.sqlState == "0A000" || failure.sqlState == "26000" { isRetired = true }
            finished.request.answer.resume(throwing: failure)
        } else {
            finished.request.answer.resume(returning: finished.rows)
        }
        startNext()
    }

    private func cancelCurrent() {
        if let cancellation = socket.cancellation() {
            PlatformThread.detach(named: "postgres-cancel") { cancellation.request() }
        }
        close(PostgresError(.timedOut, "the query took too long"))
    }

    private func close(_ reason: PostgresError) {
        guard closeReason == nil else { return }
        closeReason = reason
        if descriptor >= 0 { loop.unwatch(descriptor) }
        descriptor = -1
        opening?.timer.cancel()
        opening?.answer.resume(throwing: reason)
        opening = nil
        current?.timer.cancel()
        current?.request.answer.resume(throwing: current?.failure ?? reason)
        current = nil
        for request in queue { request.answer.resume(throwing: reason) }
        queue = []
        for waiter in closeWaiters { waiter.resume() }
        closeWaiters = []
    }
}
