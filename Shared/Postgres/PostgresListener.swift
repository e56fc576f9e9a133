public import Lifecycle
public import Reactor
public import Telemetry

/// Hears notifications on a connection of its own, which it reopens whenever it is lost.
public actor PostgresListener: Service {
    /// What the listener reports, on its loop.
    public enum Signal: Sendable, Equatable {
        /// It listens from now on: whatever came before may have been missed, so read everything again.
        case connected
        /// A notification arrived.
        case notified(channel: String, payload: String)
        /// The connection is gone; notifications are being missed.
        case lost
    }

    private static let backoffs: [Duration] = [
        .milliseconds(50), .milliseconds(200), .milliseconds(500), .seconds(1),
    ]
    private static let checkInterval: Duration = .seconds(5)
    private static let checkLimit: Duration = .seconds(2)

    /// The name that logs use.
    public nonisolated let name = "postgres-listener"

    private let configuration: PostgresConfiguration
    private let channels: [String]
    private let loop: EventLoop
    private let logger: Logger
    private let onSignal: @Sendable (Signal) -> Void

    // SAFETY: the actor keeps its loop alive.
    /// The loop of its connection.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Creates a listener for channels with the names of SQL identifiers.
    public init(
        _ configuration: PostgresConfiguration,
        channels: [String],
        on loop: EventLoop,
        logger: Logger,
        onSignal: @escaping @Sendable (Signal) -> Void
    ) {
        self.configuration = configuration
        self.channels = channels
        self.loop = loop
        self.logger = logger
        self.onSignal = onSignal
    }

    /// Listens until `shutdown`.
    public func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling { await self.listen() }
    }

    private func listen() async {
        var failures = 0
        while !Task.isCancelled {
            do {
                let connection = try await PostgresConnection.open(configuration, on: loop)
                try await subscribe(connection)
                failures = 0
                onSignal(.connected)
                await watch(connection)
                onSignal(.lost)
            } catch {
                if failures == 0 {
                    logger.log(.warning, "postgres notifications are lost", [.error: "\(error)"])
                }
                try? await loop.sleep(for: Self.backoffs[min(failures, Self.backoffs.count - 1)])
                failures += 1
            }
        }
    }

    private func subscribe(_ connection: PostgresConnection) async throws {
        await connection.onNotification { [onSignal] channel, payload in
            onSignal(.notified(channel: channel, payload: payload))
        }
        for channel in channels { try await connection.script("LISTEN \"\(channel)\"") }
    }

    /// Returns once the connection is closed; closes it when a check fails or the task is cancelled.
    private func watch(_ connection: PostgresConnection) async {
        await withTaskGroup { group in
            group.addTask(executorPreference: loop) { await connection.closed() }
            group.addTask(executorPreference: loop) { [loop] in
                while !Task.isCancelled {
                    try? await loop.sleep(for: Self.checkInterval)
                    let isAlive = try? await connection.script("SELECT 1", within: Self.checkLimit)
                    if isAlive == nil { break }
                }
                await connection.close()
            }
            await group.next()
            group.cancelAll()
        }
    }
}
