import Lifecycle
import Postgres
import Reactor
import Synchronization
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct PostgresPoolTests {
    private let loop = EventLoop(name: "postgres")
    private let logger = Logger(level: .error) { _ in }

    private func pool(_ address: String, size: Int = 2, queryLimit: Duration = .seconds(30)) -> PostgresPool {
        var configuration = PostgresConfiguration(address: address, applicationName: "tests")
        configuration.queryLimit = queryLimit
        return PostgresPool(configuration, size: size, on: loop, logger: logger)
    }

    @Test func `many tasks share few connections`() async throws {
        let pool = pool(try PostgresServer.shared().makeDatabase().address())
        try await running(pool) {
            try await withThrowingTaskGroup { group in
                for number in 0..<200 {
                    group.addTask {
                        let rows = try await pool.query("SELECT $1::int AS number", [.int(Int64(number))])
                        #expect(try #require(rows.first).int("number") == number)
                    }
                }
                try await group.waitForAll()
            }
            let count = try await pool.query(
                "SELECT count(*) AS count FROM pg_stat_activity WHERE application_name = 'tests' AND datname = current_database()"
            )
            #expect(try #require(count.first).int("count") <= 2)
        }
    }

    @Test func `a transaction that fails leaves nothing behind`() async throws {
        let pool = pool(try PostgresServer.shared().makeDatabase().address(), size: 1)
        try await running(pool) {
            try await pool.query("CREATE TABLE auth.note (text text)")
            await #expect(throws: CancellationError.self) {
                try await pool.transaction { connection in
                    _ = try await connection.query("INSERT INTO auth.note VALUES ('lost')")
                    throw CancellationError()
                }
            }
            try await pool.transaction { connection in
                _ = try await connection.query("INSERT INTO auth.note VALUES ('kept')")
            }
            let rows = try await pool.query("SELECT text FROM auth.note")
            #expect(try rows.map { try $0.string("text") } == ["kept"])
        }
    }

    @Test func `a waiter that no connection comes free for is refused in time`() async throws {
        let pool = pool(
            try PostgresServer.shared().makeDatabase().address(),
            size: 1,
            queryLimit: .seconds(1)
        )
        try await running(pool) {
            try await pool.ready()
            try await pool.withConnection { _ in
                await #expect { try await pool.query("SELECT 1") } throws: {
                    ($0 as? PostgresError)?.code == .busy
                }
            }
            #expect(pool.refused.current == 1)
            #expect(pool.depth == 0)
            try await pool.query("SELECT 1")
        }
    }

    @Test func `a restart of the server is survived`() async throws {
        let server = try PostgresServer()
        let pool = pool(try server.makeDatabase().address(), queryLimit: .seconds(2))
        try await running(pool) {
            try await pool.ready()
            try await pool.query("SELECT 1")
            server.stop(keepingData: true)
            var failure: PostgresError?
            while failure == nil {
                do {
                    try await pool.query("SELECT 1")
                } catch let error as PostgresError {
                    failure = error
                }
            }
            #expect(failure?.isTransient == true)
            try server.start()
            try await pool.ready()
            try await pool.query("SELECT 1")
        }
    }

    @Test func `a listener hears what is notified and says when it was deaf`() async throws {
        let server = try PostgresServer()
        let address = try server.makeDatabase().address()
        let pool = pool(address)
        let (signals, continuation) = AsyncStream.makeStream(
            of: PostgresListener.Signal.self,
            bufferingPolicy: .bufferingOldest(64)
        )
        let listener = PostgresListener(
            PostgresConfiguration(address: address, applicationName: "listener"),
            channels: ["grants"],
            on: loop,
            logger: logger
        ) { continuation.yield($0) }
        try await running(pool) {
            try await running(listener) {
                var heard = signals.makeAsyncIterator()
                #expect(await heard.next() == .connected)
                try await pool.query("SELECT pg_notify('grants', 'one')")
                #expect(await heard.next() == .notified(channel: "grants", payload: "one"))
                server.stop(keepingData: true)
                #expect(await heard.next() == .lost)
                try server.start()
                #expect(await heard.next() == .connected)
                try await pool.query("SELECT pg_notify('grants', 'two')")
                #expect(await heard.next() == .notified(channel: "grants", payload: "two"))
            }
        }
    }
}

@Suite(.timeLimit(.minutes(2))) struct PostgresMigrationsTests {
    private let loop = EventLoop(name: "postgres")
    private let steps = [
        PostgresMigrations.Step(
            1,
            "notes",
            "CREATE TABLE auth.note (text text); INSERT INTO auth.note VALUES ('a')"
        ),
        PostgresMigrations.Step(2, "authors", "ALTER TABLE auth.note ADD author text"),
    ]

    private func makePool() throws -> PostgresPool {
        let address = try PostgresServer.shared().makeDatabase().address(for: "martlet_auth")
        var configuration = PostgresConfiguration(address: address, applicationName: "tests")
        configuration.queryLimit = .seconds(30)
        return PostgresPool(configuration, on: loop, logger: Logger(level: .error) { _ in })
    }

    @Test func `each step is applied once, also by many at the same time`() async throws {
        let pool = try makePool()
        let migrations = PostgresMigrations(schema: "auth", steps)
        try await running(pool) {
            let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<4 { group.addTask { try await migrations.apply(with: pool) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied.sorted() == [1, 2])
            let appliedAgain = try await migrations.apply(with: pool)
            #expect(appliedAgain.isEmpty)
            let notes = try await pool.query("SELECT * FROM auth.note")
            #expect(notes.count == 1)
        }
    }

    @Test func `a step that fails leaves no trace and does not stop a better one`() async throws {
        let pool = try makePool()
        try await running(pool) {
            let broken = PostgresMigrations.Step(
                2,
                "authors",
                "ALTER TABLE auth.note ADD author text; SELECT 1/0"
            )
            await #expect(throws: PostgresError.self) {
                try await PostgresMigrations(schema: "auth", [steps[0], broken]).apply(with: pool)
            }
            let applied = try await PostgresMigrations(schema: "auth", steps).apply(with: pool)
            #expect(applied == [2])
        }
    }

    @Test func `a step that was changed after it was applied is refused`() async throws {
        let pool = try makePool()
        try await running(pool) {
            try await PostgresMigrations(schema: "auth", steps).apply(with: pool)
            let changed = PostgresMigrations.Step(1, "notes", "CREATE TABLE auth.note (text varchar)")
            await #expect {
                try await PostgresMigrations(schema: "auth", [changed]).apply(with: pool)
            } throws: {
                ($0 as? PostgresError)?.code == .migrationChanged(version: 1)
            }
        }
    }
}
