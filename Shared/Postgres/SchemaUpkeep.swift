import Lifecycle
public import Reactor
public import Telemetry

/// What the service that owns a schema does for it: brings it up to date at the start, then sees to it regularly.
public final class SchemaUpkeep: Sendable {
    private static let retryInterval: Duration = .seconds(1)
    /// How long an attempt waits for a connection before it is told as failed.
    private static let connectionLimit: Duration = .seconds(5)

    private let migrations: PostgresMigrations
    private let pool: PostgresPool
    private let loop: EventLoop
    private let logger: Logger
    private let prepared = Shutdown()

    /// Creates the upkeep of the schema that `migrations` make.
    public init(_ migrations: PostgresMigrations, pool: PostgresPool, loop: EventLoop, logger: Logger) {
        self.migrations = migrations
        self.pool = pool
        self.loop = loop
        self.logger = logger
    }

    /// Whether the schema is there and requests can be answered.
    public var isReady: Bool { prepared.isRequested }

    /// Suspends until the schema is there.
    public func ready() async throws { try await prepared.requested() }

    /// Applies the migrations, then `finish`, again and again while PostgreSQL is out of reach.
    ///
    /// - Throws: what trying again does not help against.
    public func prepare(_ finish: () async throws -> Void = {}) async throws {
        while true {
            do {
                try await pool.ready(within: Self.connectionLimit)
                try await migrations.apply(with: pool)
                try await finish()
                return prepared.request()
            } catch let error as PostgresError where error.isTransient {
                logger.log(.warning, "the schema could not be prepared yet", [.error: error])
                try await loop.sleep(for: Self.retryInterval)
            }
        }
    }

    /// Does `body` every `interval` until the task is cancelled; of failures in a row the first is logged.
    public func every(
        _ interval: Duration,
        orSay complaint: StaticString,
        _ body: () async throws -> Void
    ) async throws {
        var isFailing = false
        while true {
            try await loop.sleep(for: interval)
            do {
                try await body()
                isFailing = false
            } catch {
                if !isFailing { logger.log(.warning, complaint, [.error: "\(error)"]) }
                isFailing = true
            }
        }
    }
}
