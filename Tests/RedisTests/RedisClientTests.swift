import Lifecycle
import Reactor
import Redis
import Synchronization
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct RedisClientTests {
    @Test func `a value of any bytes comes back as it was`() async throws {
        try await withClient { client, _ in
            let value = (0...255).map { UInt8($0) } + Array("\r\n$-1\r\n".utf8)
            try await client.command("SET", "binary", value)
            #expect(try await client.command("GET", "binary") == .bytes(value))
            #expect(try await client.command("GET", "absent") == .null)
        }
    }

    @Test func `a refusal carries the text of Redis`() async throws {
        try await withClient { client, _ in
            try await client.command("SET", "text", "x")
            let error = await #expect(throws: RedisError.self) { try await client.command("XLEN", "text") }
            #expect(error?.code == .refused)
            #expect(error?.prefix == "WRONGTYPE")
        }
    }

    @Test func `pipelined commands are answered in order, refusals among them`() async throws {
        try await withClient { client, _ in
            let commands =
                (0..<1000).map { RedisCommand("RPUSH", "list", $0) } + [RedisCommand("INCR", "list")]
            let values = try await client.pipeline(commands)
            #expect(values.count == 1001)
            #expect(values[999] == .integer(1000))
            #expect(values.last?.isRefusal == true)
        }
    }

    @Test func `commands of many tasks are all answered`() async throws {
        try await withClient { client, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<200 {
                    group.addTask {
                        let value = [UInt8](repeating: UInt8(index), count: 50_000)
                        try await client.command("SET", "key\(index)", value)
                        #expect(try await client.command("GET", "key\(index)") == .bytes(value))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `commands sent before the connection wait for it`() async throws {
        let server = try RedisServer()
        let loop = EventLoop(name: "test")
        let client = RedisClient(try .init(url: server.url), loop: loop, logger: .silent)
        let shutdown = Shutdown()
        async let pong = client.command("PING")
        async let run: Void = client.run(until: shutdown)
        #expect(try await pong == .status("PONG"))
        shutdown.request()
        try await run
        loop.stop()
    }

    @Test func `what was pending when the server died fails, and later commands find the new server`()
        async throws
    {
        try await withClient { client, server in
            // A command that still waits for its first connection would be kept for the next server.
            try await client.command("PING")
            let blocked = Task { try await client.command("BLPOP", "nothing", 0, deadline: .seconds(30)) }
            try await client.waitForPending(1)
            server.kill()
            let error = await #expect(throws: RedisError.self) { try await blocked.value }
            #expect(error?.code == .connectionLost)
            try server.start()
            #expect(try await client.command("PING") == .status("PONG"))
        }
    }

    @Test func `a server that does not answer costs its deadline, not more`() async throws {
        try await withClient { client, server in
            try await client.command("PING")
            server.pause()
            let error = await #expect(throws: RedisError.self) {
                try await client.command("PING", deadline: .milliseconds(300))
            }
            #expect(error?.code == .timedOut)
            server.resume()
            #expect(try await client.command("PING") == .status("PONG"))
        }
    }

    @Test func `the queue for a missing server is bounded`() async throws {
        let loop = EventLoop(name: "test")
        var configuration = try RedisClient.Configuration(url: "unix:///nowhere/redis.sock")
        configuration.queuedCommandLimit = 2
        configuration.commandDeadline = .milliseconds(200)
        let client = RedisClient(configuration, loop: loop, logger: .silent)
        let codes = await withTaskGroup(of: String.self) { group in
            for _ in 0..<5 {
                group.addTask {
                    do throws(RedisError) {
                        try await client.command("PING")
                        return "answered"
                    } catch {
                        return error.message
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(codes["too many commands wait for a connection"] == 3)
        #expect(codes["no connection in time"] == 2)
        #expect(client.dropped.current == 3)
        loop.stop()
    }

    @Test func `a client logs in and selects its database`() async throws {
        let server = try RedisServer(["--requirepass", "s e/c:r@t"])
        let url = server.url.replacing("unix://", with: "unix://:s%20e%2Fc:r%40t@") + "?db=3"
        try await withClient(url: url) { client in
            try await client.command("SET", "here", "yes")
            #expect(try await client.command("CLIENT", "INFO").string?.contains(" db=3 ") == true)
        }
    }

    @Test func `a host name is resolved and a free port that nobody has refuses`() async throws {
        let loop = EventLoop(name: "test")
        var configuration = try RedisClient.Configuration(url: "redis://localhost:1")
        configuration.commandDeadline = .milliseconds(300)
        let client = RedisClient(configuration, loop: loop, logger: .silent)
        let shutdown = Shutdown()
        async let run: Void = client.run(until: shutdown)
        let error = await #expect(throws: RedisError.self) { try await client.command("PING") }
        #expect(error?.code == .unavailable)
        shutdown.request()
        try await run
        loop.stop()
    }
}

extension RedisValue {
    fileprivate var isRefusal: Bool {
        if case .error = self { return true }
        return false
    }
}

extension RedisClient {
    /// Returns when `count` commands wait for replies.
    func waitForPending(_ count: Int) async throws {
        while pendingCount < count { await Task.yield() }
    }
}

extension Logger {
    /// A logger that writes nothing.
    static let silent = Logger(level: .error) { _ in }
}

/// Runs `body` with a client of a new server.
func withClient(_ body: (RedisClient, RedisServer) async throws -> Void) async throws {
    let server = try RedisServer()
    try await withClient(url: server.url) { try await body($0, server) }
}

/// Runs `body` with a client of the server at `url`.
func withClient(url: String, _ body: (RedisClient) async throws -> Void) async throws {
    let loop = EventLoop(name: "test")
    let client = RedisClient(try .init(url: url), loop: loop, logger: .silent)
    let shutdown = Shutdown()
    async let run: Void = client.run(until: shutdown)
    try await body(client)
    shutdown.request()
    try await run
    loop.stop()
}
