import Lifecycle
import Outbox
import Postgres
import Reactor
import Telemetry

/// Brings the schema up to date at the start, then relays events, sweeps sessions and purges what was deleted.
final class CatalogUpkeep: Service {
    private static let channels = ["catalog_outbox"]

    private static let retryInterval: Duration = .seconds(1)
    private static let purgeInterval: Duration = .seconds(5)
    private static let forgetInterval: Duration = .seconds(3600)

    let name = "catalog-upkeep"
    private let pool: PostgresPool
    private let relay: OutboxRelay
    private let sweeper: SessionSweeper
    private let recordings: RecordingStore
    private let creation: IdempotentCreation
    private let settings: CatalogSettings
    private let loop: EventLoop
    private let logger: Logger
    private let prepared = Shutdown()

    init(
        pool: PostgresPool,
        relay: OutboxRelay,
        sweeper: SessionSweeper,
        recordings: RecordingStore,
        creation: IdempotentCreation,
        settings: CatalogSettings,
        loop: EventLoop,
        logger: Logger
    ) {
        self.pool = pool
        self.relay = relay
        self.sweeper = sweeper
        self.recordings = recordings
        self.creation = creation
        self.settings = settings
        self.loop = loop
        self.logger = logger
    }

    /// Whether the schema is there and requests can be answered.
    var isReady: Bool { prepared.isRequested }

    /// Suspends until the schema is there.
    func ready() async throws { try await prepared.requested() }

    /// Hears what `database` notifies of.
    func listener(on database: PostgresConfiguration) -> PostgresListener {
        PostgresListener(
            database,
            channels: Self.channels,
            on: loop,
            logger: logger,
            onSignal: { self.heard($0) }
        )
    }

    /// Acts on what PostgreSQL notifies of.
    private func heard(_ signal: PostgresListener.Signal) {
        if signal != .lost { relay.wake() }
    }

    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling {
            try await self.prepare()
            try await withThrowingTaskGroup { group in
                group.addTask { try await self.relay.run() }
                group.addTask { try await self.keepSweeping() }
                group.addTask { try await self.keepPurging() }
                group.addTask { try await self.keepForgetting() }
                try await group.waitForAll()
            }
        }
    }

    private func prepare() async throws {
        while true {
            do {
                try await pool.ready()
                try await CatalogMigrations.all.apply(with: pool)
                return prepared.request()
            } catch let error as PostgresError where error.isTransient {
                logger.log(.warning, "the schema could not be prepared yet", [.error: error])
                try await loop.sleep(for: Self.retryInterval)
            }
        }
    }

    private func keepSweeping() async throws {
        var memory = SessionSweeper.Memory()
        var isFailing = false
        while true {
            try await loop.sleep(for: settings.sweepInterval)
            do {
                try await sweeper.sweep(&memory, at: .now)
                isFailing = false
            } catch {
                if !isFailing { logger.log(.warning, "sessions cannot be watched", [.error: "\(error)"]) }
                isFailing = true
            }
        }
    }

    private func keepPurging() async throws {
        try await every(min(Self.purgeInterval, settings.undo + .milliseconds(200))) {
            await self.attempt("what was deleted could not be given up") {
                try await self.recordings.purge(after: self.settings.undo)
            }
        }
    }

    private func keepForgetting() async throws {
        try await every(Self.forgetInterval) {
            await self.attempt("old events could not be deleted") {
                try await self.relay.forget(after: 1)
                try await self.creation.forgetOld()
            }
        }
    }

    private func every(_ interval: Duration, _ body: () async -> Void) async throws {
        while true {
            try await loop.sleep(for: interval)
            await body()
        }
    }

    private func attempt(_ complaint: StaticString, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch {
            logger.log(.warning, complaint, [.error: "\(error)"])
        }
    }
}
