import Lifecycle
import Outbox
import Postgres
import Reactor
import Telemetry

/// Brings the schema up to date at the start, then keeps keys, outbox and memory in order.
final class AuthUpkeep: Service {
    /// The administrator to make where there is no user yet.
    struct Administrator: Sendable {
        var name: String
        var password: String
    }

    private static let keyInterval: Duration = .seconds(60)
    private static let sweepInterval: Duration = .seconds(3600)
    private static let purgeInterval: Duration = .seconds(5)

    let name = "auth-upkeep"
    private let store: AuthStore
    private let streams: StreamDirectory
    private let keyring: MediaKeyring
    private let cache: GrantCache
    private let relay: OutboxRelay
    private let passwords: PasswordHasher
    private let administrator: Administrator?
    private let loop: EventLoop
    private let logger: Logger
    private let schema: SchemaUpkeep
    private let (keySignals, keySignal) = AsyncStream.makeStream(
        of: Void.self,
        bufferingPolicy: .bufferingNewest(1)
    )

    init(
        store: AuthStore,
        keyring: MediaKeyring,
        cache: GrantCache,
        relay: OutboxRelay,
        passwords: PasswordHasher,
        administrator: Administrator?,
        loop: EventLoop,
        logger: Logger
    ) {
        self.store = store
        streams = StreamDirectory(pool: store.pool)
        self.keyring = keyring
        self.cache = cache
        self.relay = relay
        self.passwords = passwords
        self.administrator = administrator
        self.loop = loop
        self.logger = logger
        schema = SchemaUpkeep(AuthMigrations.all, pool: store.pool, loop: loop, logger: logger)
    }

    /// Whether the schema is there and requests can be answered.
    var isReady: Bool { schema.isReady }

    /// Suspends until the schema is there.
    func ready() async throws { try await schema.ready() }

    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling {
            try await self.schema.prepare {
                try await self.makeAdministrator()
                try await self.keyring.rotate()
            }
            try await withThrowingTaskGroup { group in
                group.addTask { try await self.keepRotating() }
                group.addTask { try await self.keepSweeping() }
                group.addTask { try await self.keepForgetting() }
                group.addTask { try await self.relay.run() }
                group.addTask { try await self.keepPurging() }
                group.addTask { for await _ in self.keySignals { try? await self.keyring.load() } }
                try await group.waitForAll()
            }
        }
    }

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
        switch signal {
        case .connected:
            cache.hear()
            keySignal.yield()
            relay.wake()
        case .lost: cache.goDeaf(now: Timestamp.nowMicroseconds / 1_000_000)
        case .notified("auth_grants", let grant): cache.forget(grant: grant)
        case .notified("auth_keys", _): keySignal.yield()
        case .notified: relay.wake()
        }
    }

    private static let channels = ["auth_grants", "auth_keys", "auth_outbox"]

    // MARK: At the start

    private func makeAdministrator() async throws {
        guard let administrator else { return }
        if try await store.hasUsers() { return }
        let hash = try await passwords.hash(administrator.password)
        let isNew = try await store.createUser(named: administrator.name, passwordHash: hash, role: .admin)
        if isNew { logger.log(.notice, "made the first administrator") }
    }

    // MARK: From then on

    private func keepRotating() async throws {
        try await schema.every(Self.keyInterval, orSay: "the keys of media tokens could not be read") {
            try await keyring.rotate()
        }
    }

    private func keepSweeping() async throws {
        try await schema.every(Self.sweepInterval, orSay: "old sessions could not be deleted") {
            try await store.sweep()
        }
    }

    private func keepForgetting() async throws {
        try await schema.every(Self.sweepInterval, orSay: "old events could not be deleted") {
            try await relay.forget(after: 7)
        }
    }

    private func keepPurging() async throws {
        try await schema.every(Self.purgeInterval, orSay: "what opened deleted streams could not be revoked")
        {
            let count = try await streams.revokePurged()
            if count > 0 { logger.log(.info, "revoked what opened deleted streams", [.count: count]) }
        }
    }
}
