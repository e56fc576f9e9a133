public import Lifecycle
public import Reactor
import Synchronization
public import Telemetry

/// A fixed number of connections that queries take turns on, reopened whenever one is lost.
///
/// Queries wait in order for a free connection, at most as long as a query may take.
public actor PostgresPool: Service {
    private struct Waiter {
        var answer: CheckedContinuation<PostgresConnection, any Error>
        var timer: LoopTimer
    }

    private static let backoffs: [Duration] = [
        .milliseconds(50), .milliseconds(100), .milliseconds(250), .milliseconds(500), .seconds(1),
    ]
    private static let lookInterval: Duration = .milliseconds(20)
    /// The most queries that may wait for a connection; further ones fail at once.
    public static let waiterLimit = 1024

    /// The name that logs use.
    public nonisolated let name = "postgres"
    /// Queries that found no free connection in time.
    public nonisolated let refused = Counter()

    private let loop: EventLoop
    private let configuration: PostgresConfiguration
    private let size: Int
    private let logger: Logger
    private nonisolated let openCount = Atomic<Int>(0)
    private nonisolated let waitingCount = Atomic<Int>(0)
    private var connections: [PostgresConnection] = []
    private var idle: [PostgresConnection] = []
    private var waiters: [UInt64: Waiter] = [:]
    private var firstWaiter: UInt64 = 0
    private var nextWaiter: UInt64 = 0
    private var isStopping = false

    // SAFETY: the actor keeps its loop alive.
    /// The loop of all its connections.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Creates a pool that opens `size` connections when it runs.
    public init(_ configuration: PostgresConfiguration, size: Int = 4, on loop: EventLoop, logger: Logger) {
        precondition(size > 0)
        self.configuration = configuration
        self.size = size
        self.loop = loop
        self.logger = logger
    }

    /// Whether at least one connection is open.
    public nonisolated var isReady: Bool { openCount.load(ordering: .relaxed) > 0 }

    /// How many queries wait for a connection.
    public nonisolated var depth: Int { waitingCount.load(ordering: .relaxed) }

    /// Keeps the connections open until `shutdown`; then closes them and fails what still waits.
    public func run(until shutdown: Shutdown) async throws {
        await withTaskGroup { group in
            for _ in 0..<size {
                group.addTask(executorPreference: loop) { await self.keepOpen() }
            }
            try? await shutdown.requested()
            stop()
            group.cancelAll()
        }
    }

    /// Suspends until a connection is open; for what must not start without PostgreSQL.
    ///
    /// - Throws: a ``PostgresError`` after `limit` or once the pool is stopped, `CancellationError` once cancelled.
    public func ready(within limit: Duration? = nil) async throws {
        let began = EventLoop.now
        // Looked at rather than waited for: so it can be given up at any moment, and nothing can be missed.
        while !isReady {
            if isStopping { throw PostgresError(.connection, "the pool is stopped") }
            if let limit, EventLoop.now &- began >= limit.nanoseconds {
                throw PostgresError(.connection, "there is no connection to PostgreSQL")
            }
            try await loop.sleep(for: Self.lookInterval)
        }
    }

    // MARK: Queries

    /// Runs one statement with `$1`, `$2`, … for the parameters.
    ///
    /// - Throws: a ``PostgresError``.
    @discardableResult
    public nonisolated func query(
        _ sql: String,
        _ parameters: [PostgresValue] = [],
        within limit: Duration? = nil
    ) async throws -> [PostgresRow] {
        try await withConnection { connection in
            try await connection.query(sql, parameters, within: limit)
        }
    }

    /// Runs `body` in one transaction, which is rolled back if `body` throws.
    @discardableResult
    public nonisolated func transaction<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await withConnection { connection in
            try await connection.transaction(body)
        }
    }

    /// Runs `body` again where it fails for want of PostgreSQL, for up to `patience`.
    ///
    /// Where a connection is lost, what `body` asked for may have been done all the same.
    ///
    /// - Throws: the last failure.
    public nonisolated func patiently<Value: Sendable>(
        for patience: Duration,
        _ body: () async throws -> Value
    ) async throws -> Value {
        let began = EventLoop.now
        while true {
            do {
                return try await body()
            } catch let error as PostgresError where error.isTransient {
                guard EventLoop.now &- began < patience.nanoseconds else { throw error }
                try await loop.sleep(for: Self.lookInterval)
            }
        }
    }

    /// Lends one connection to `body`.
    @discardableResult
    public nonisolated func withConnection<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let connection = try await lease()
        do {
            let value = try await body(connection)
            await release(connection)
            return value
        } catch {
            await release(connection)
            throw error
        }
    }

    private func lease() async throws -> PostgresConnection {
        if let connection = idle.popLast() { return connection }
        guard !isStopping, waiters.count < Self.waiterLimit else {
            refused.increment()
            throw PostgresError(.busy, "too many queries wait for a connection")
        }
        return try await withCheckedThrowingContinuation { answer in
            let id = nextWaiter
            nextWaiter += 1
            let timer = loop.schedule(after: configuration.queryLimit) { [weak self] in
                self?.assumeIsolated { $0.refuseWaiter(id) }
            }
            waiters[id] = Waiter(answer: answer, timer: timer)
            noteWaiters()
        }
    }

    private func release(_ connection: PostgresConnection) {
        let isReusable = connection.assumeIsolated { $0.isReusable }
        guard isReusable, !isStopping else { return connection.assumeIsolated { $0.close() } }
        offer(connection)
    }

    private func offer(_ connection: PostgresConnection) {
        while firstWaiter < nextWaiter {
            defer { firstWaiter += 1 }
            guard let waiter = waiters.removeValue(forKey: firstWaiter) else { continue }
            noteWaiters()
            waiter.timer.cancel()
            return waiter.answer.resume(returning: connection)
        }
        idle.append(connection)
    }

    private func refuseWaiter(_ id: UInt64) {
        guard let waiter = waiters.removeValue(forKey: id) else { return }
        noteWaiters()
        refused.increment()
        let error =
            connections.isEmpty
            ? PostgresError(.connection, "there is no connection to PostgreSQL")
            : PostgresError(.busy, "no connection was free in time")
        waiter.answer.resume(throwing: error)
    }

    private func noteWaiters() { waitingCount.store(waiters.count, ordering: .relaxed) }

    // MARK: Connections

    private func keepOpen() async {
        var failures = 0
        while !isStopping, !Task.isCancelled {
            do {
                let connection = try await PostgresConnection.open(configuration, on: loop)
                failures = 0
                add(connection)
                await connection.closed()
                remove(connection)
            } catch {
                if failures == 0 { logger.log(.warning, "postgres is out of reach", [.error: "\(error)"]) }
                try? await loop.sleep(for: Self.backoffs[min(failures, Self.backoffs.count - 1)])
                failures += 1
            }
        }
    }

    private func add(_ connection: PostgresConnection) {
        guard !isStopping else { return connection.assumeIsolated { $0.close() } }
        connections.append(connection)
        openCount.store(connections.count, ordering: .relaxed)
        offer(connection)
    }

    private func remove(_ connection: PostgresConnection) {
        connections.removeAll { $0 === connection }
        idle.removeAll { $0 === connection }
        openCount.store(connections.count, ordering: .relaxed)
    }

    private func stop() {
        isStopping = true
        for connection in connections { connection.assumeIsolated { $0.close() } }
        for id in Array(waiters.keys) { refuseWaiter(id) }
    }
}

extension PostgresConnection {
    /// Runs `body` in one transaction, which is rolled back if `body` throws.
    @discardableResult
    public nonisolated func transaction<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await script("BEGIN")
        do {
            let value = try await body(self)
            try await script("COMMIT")
            return value
        } catch {
            // Where even this fails, the pool closes the connection, which rolls back too.
            _ = try? await script("ROLLBACK")
            throw error
        }
    }
}
