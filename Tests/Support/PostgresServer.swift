import Foundation
import Synchronization

/// A throw-away PostgreSQL cluster on a unix socket in a temporary folder, gone with the test process.
public final class PostgresServer: Sendable {
    /// Why there is no server.
    public struct Failure: Error, CustomStringConvertible {
        /// What went wrong, with the tool's own words.
        public var description: String
    }

    private static let instance = Mutex<PostgresServer?>(nil)

    /// The server that the tests of this process share; the first call starts it.
    public static func shared() throws -> PostgresServer {
        try instance.withLock { instance in
            if let instance { return instance }
            let server = try PostgresServer()
            instance = server
            return server
        }
    }

    /// The folder of the unix socket.
    public let folder: String
    private let keeper = Mutex<(process: Process, lifeline: Pipe)?>(nil)
    private let databaseCount = Mutex(0)

    /// Makes and starts a cluster of its own, for tests that stop it.
    public init() throws {
        folder = "/tmp/martlet-pg-\(getpid())-\(UUID().uuidString.prefix(8))"
        try Self.run("/bin/mkdir", ["-m", "700", folder])
        if Self.isRoot { try Self.run("/bin/chown", ["postgres:", folder]) }
        try Self.run(
            Self.asUser,
            [
                Self.tool("initdb"), "-D", folder + "/data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
                "--no-sync",
            ]
        )
        try start()
        try run(sqlFile: Self.bootstrapFile, on: "template1")
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Starts the server and waits until it answers.
    public func start() throws {
        let process = Process()
        let lifeline = Pipe.notInherited()
        // The shell reads its input, whose other end dies with the test process; then it stops the server.
        let script = """
            "$@" >"\(folder)/log" 2>&1 & server=$!
            cat >/dev/null; kill -INT $server; wait $server; [ -e "\(folder)/keep" ] || rm -rf "\(folder)"
            """
        process.executableURL = URL(filePath: "/bin/sh")
        process.currentDirectoryURL = URL(filePath: folder)
        process.arguments =
            ["-c", script, "keeper"] + Self.asUser
            + [
                Self.tool("postgres"), "-D", folder + "/data", "-k", folder, "-c", "listen_addresses=",
                "-c", "fsync=off", "-c", "max_connections=200", "-c", "shared_buffers=32MB",
                "-c", "log_min_messages=warning", "-c", "autovacuum=off",
            ]
        process.standardInput = lifeline
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.runAlone()
        keeper.withLock { $0 = (process, lifeline) }
        try waitUntilReady()
    }

    /// Stops the server, breaking its connections; the data stays for ``start()`` if `keepingData`.
    public func stop(keepingData: Bool = false) {
        guard let (process, lifeline) = keeper.withLock({ $0.take() }) else { return }
        let mark = folder + "/keep"
        if keepingData { _ = FileManager.default.createFile(atPath: mark, contents: nil) }
        try? lifeline.fileHandleForWriting.close()
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: mark)
    }

    /// One empty database with Martlet's roles and schemas.
    public struct Database: Sendable {
        /// Its name.
        public var name: String
        fileprivate var folder: String

        /// The address for libpq, as the superuser or as one of Martlet's roles.
        public func address(for role: String = "postgres") -> String {
            "host=\(folder) dbname=\(name) user=\(role)"
        }
    }

    /// Makes a database that no other test uses.
    public func makeDatabase() throws -> Database {
        // Only one copy of the template can be made at a time.
        try databaseCount.withLock { count in
            count += 1
            let database = Database(name: "test\(count)", folder: folder)
            let arguments = ["-h", folder, "-U", "postgres", "-T", "template1", database.name]
            try Self.run(Self.tool("createdb"), arguments)
            return database
        }
    }

    private func run(sqlFile: String, on database: String) throws {
        try Self.run(
            Self.tool("psql"),
            ["-h", folder, "-U", "postgres", "-d", database, "-q", "-v", "ON_ERROR_STOP=1", "-f", sqlFile]
        )
    }

    private func waitUntilReady() throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            let arguments = ["-h", folder, "-U", "postgres", "-q", "-t", "1"]
            if (try? Self.run(Self.tool("pg_isready"), arguments)) != nil { return }
            usleep(20_000)
        }
        let log = (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? ""
        throw Failure(description: "PostgreSQL does not answer: \(log)")
    }

    private static let isRoot = getuid() == 0
    /// The server refuses to run as root.
    private static let asUser =
        isRoot
        ? ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : ["/usr/bin/env"]

    private static let bootstrapFile = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Shared/Postgres/bootstrap.sql").path

    private static func tool(_ name: String) -> String { "/usr/lib/postgresql/15/bin/" + name }

    private static func run(_ command: [String], _ arguments: [String]) throws {
        try run(command[0], command.dropFirst() + arguments)
    }

    private static func run(_ executable: String, _ arguments: some Sequence<String>) throws {
        let outcome = try ExternalTool.run(executable, Array(arguments), in: URL(filePath: "/"))
        guard outcome.status == 0 else { throw Failure(description: "\(executable): \(outcome.errors)") }
    }
}
