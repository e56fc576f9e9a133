import Lifecycle
import Postgres
import Reactor
import Synchronization
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct SchemaUpkeepTests {
    private static let steps = (1...5).map { number in
        PostgresMigrations.Step(number, "table \(number)", "CREATE TABLE auth.table\(number) (text text)")
    }

    private final class Complaints: Sendable {
        private let messages = Mutex<[String]>([])
        var all: [String] { messages.withLock { $0 } }
        var logger: Logger {
            Logger(level: .warning) { event in self.messages.withLock { $0.append(event.message) } }
        }
    }

    private struct Owner {
        let loop = EventLoop(name: "owner")
        let complaints = Complaints()
        let pool: PostgresPool
        let schema: SchemaUpkeep

        init(_ address: String) {
            let configuration = PostgresConfiguration(address: address, applicationName: "tests")
            pool = PostgresPool(configuration, size: 3, on: loop, logger: complaints.logger)
            let migrations = PostgresMigrations(schema: "auth", steps)
            schema = SchemaUpkeep(migrations, pool: pool, loop: loop, logger: complaints.logger)
        }
    }

    @Test func `many owners that start before the server does all become ready`() async throws {
        let server = try PostgresServer()
        let address = try server.makeDatabase().address(for: "martlet_auth")
        for _ in 0..<3 {
            server.stop(keepingData: true)
            try await withThrowingTaskGroup { group in
                for _ in 0..<6 {
                    group.addTask {
                        let owner = Owner(address)
                        try await running(owner.pool) {
                            try await owner.schema.prepare { try await owner.pool.query("SELECT 1") }
                        }
                        #expect(owner.schema.isReady)
                        owner.loop.stop()
                    }
                }
                group.addTask { try server.start() }
                try await group.waitForAll()
            }
        }
    }

    @Test func `a server that dies again and again while schemas are made leaves nobody waiting`()
        async throws
    {
        let server = try PostgresServer()
        let address = try server.makeDatabase().address(for: "martlet_auth")
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    let owner = Owner(address)
                    try await running(owner.pool) {
                        for _ in 0..<3 { try await owner.schema.prepare() }
                    }
                    owner.loop.stop()
                }
            }
            group.addTask {
                for _ in 0..<4 {
                    server.stop(keepingData: true)
                    try server.start()
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `preparing can be given up while there is no server`() async throws {
        let owner = Owner("host=/nonexistent dbname=none")
        try await running(owner.pool) {
            let preparing = Task { try await owner.schema.prepare() }
            try await eventually("it is out of reach") { !owner.complaints.all.isEmpty }
            let began = ContinuousClock.now
            preparing.cancel()
            await #expect(throws: CancellationError.self) { try await preparing.value }
            #expect(ContinuousClock.now - began < .seconds(2))
            #expect(!owner.schema.isReady)
        }
    }

    @Test func `what trying again does not help against is thrown`() async throws {
        let address = try PostgresServer.shared().makeDatabase().address(for: "martlet_auth")
        let owner = Owner(address)
        try await running(owner.pool) {
            await #expect {
                try await owner.schema.prepare { try await owner.pool.query("SELECT 1/0") }
            } throws: {
                ($0 as? PostgresError)?.sqlState == "22012"
            }
        }
    }

    @Test func `of failures in a row the first is told`() async throws {
        let owner = Owner("host=/nonexistent dbname=none")
        let count = Mutex(0)
        let regular = Task {
            try await owner.schema.every(.milliseconds(1), orSay: "it fails") {
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                if number != 4 { throw CancellationError() }
            }
        }
        try await eventually("it was done often") { count.withLock { $0 } > 8 }
        regular.cancel()
        _ = await regular.result
        #expect(owner.complaints.all == ["it fails", "it fails"])
    }
}
