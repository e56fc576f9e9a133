import Lifecycle
import Outbox
import Postgres
import Reactor
import Telemetry

/// Brings the schema up to date at the start, then relays events, sweeps sessions and purges what was deleted.
final class CatalogUpkeep: Service {
    private static let channels = ["catalog_outbox"]

    private static let purgeInterval: Duration = .seconds(5)
    private static let forgetInterval: Duration = .seconds(3600)

    let name = "catalog-upkeep"
    private let relay: OutboxRelay
    private let sweeper: SessionSweeper
    private let recordings: RecordingStore
    private let creation: IdempotentCreation
    private let settings: CatalogSettings
    private let loop: EventLoop
    private let logger: Logger
    private let schema: SchemaUpkeep

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
        self.relay = relay
        self.sweeper = sweeper
        self.recordings = recordings
        self.creation = creation
        self.settings = settings
        self.loop = loop
        self.logger = logger
        schema = SchemaUpkeep(CatalogMigrations.all, pool: pool, loop: loop, logger: logger)
    }

    /// Whether the schema is there and requests can be answered.
    var isReady: Bool { schema.isReady }

    /// Suspends until the schema is there.
    func ready() async throws { try await schema.ready() }

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
            try await self.schema.prepare()
            try await withThrowingTaskGroup { group in
                group.addTask { try await self.relay.run() }
                group.addTask { try await self.keepSweeping() }
                group.addTask { try await self.keepPurging() }
                group.addTask { try await self.keepForgetting() }
                try await group.waitForAll()
            }
        }
    }

    private func keepSweeping() async throws {
        var memory = SessionSweeper.Memory()
        try await schema.every(settings.sweepInterval, orSay: "sessions cannot be watched") {
            try await sweeper.sweep(&memory, at: .now)
        }
    }

    private func keepPurging() async throws {
        let interval = min(Self.purgeInterval, settings.undo + .milliseconds(200))
        try await schema.every(interval, orSay: "what was deleted could not be given up") {
            try await recordings.purge(after: settings.undo)
        }
    }

    private func keepForgetting() async throws {
        try await schema.every(Self.forgetInterval, orSay: "old events could not be deleted") {
            try await relay.forget(after: 1)
            try await creation.forgetOld()
        }
    }
}
