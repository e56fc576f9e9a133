import Foundation
import Synchronization

/// A redis-server of its own for one test, on a UNIX socket in a temporary folder; it dies with the test.
public final class RedisServer: Sendable {
    /// The ways the server can fail to start.
    public enum Failure: Error { case didNotStart(log: String) }

    private struct Running {
        var shell: Process
        var leash: Pipe
        var processID: pid_t
    }

    /// The folder of the socket.
    public let folder: String
    private let arguments: [String]
    private let running = Mutex<Running?>(nil)

    /// Starts a server without persistence and waits until it accepts connections.
    public init(_ arguments: [String] = []) throws {
        self.arguments = arguments
        folder = NSTemporaryDirectory() + "redis-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The URL for clients.
    public var url: String { "unix://\(socketPath)" }

    /// The path of the socket.
    public var socketPath: String { "\(folder)/redis.sock" }

    /// Starts the server again after ``kill()``, empty.
    public func start() throws {
        let shell = Process()
        let leash = Pipe.notInherited()
        let output = Pipe.notInherited()
        // The shell holds the server on a leash: when this process is gone, the pipe ends and so does Redis.
        // Its ID is said before it can be ready.
        let server = #"sh -c 'echo "pid $$"; exec redis-server "$@"' redis "$@""#
        let script = server + " & cat >/dev/null; kill -9 $! 2>/dev/null"
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments =
            ["-c", script, "redis", "--port", "0", "--unixsocket", socketPath, "--save", "", "--dir", folder]
            + arguments
        shell.standardInput = leash
        shell.standardOutput = output
        try shell.runAlone()
        let log = Self.readUntilReady(output.fileHandleForReading)
        guard let processID = Self.processID(in: log) else { throw Failure.didNotStart(log: log) }
        running.withLock { $0 = Running(shell: shell, leash: leash, processID: processID) }
    }

    /// Kills the server at once, as a crash would.
    public func kill() {
        guard let running = running.withLock({ $0.take() }) else { return }
        Foundation.kill(running.processID, SIGKILL)
        try? running.leash.fileHandleForWriting.close()
        running.shell.waitUntilExit()
    }

    /// Stops the server from answering, as an overloaded machine would.
    public func pause() { signal(SIGSTOP) }

    /// Lets the server answer again.
    public func resume() { signal(SIGCONT) }

    private func signal(_ number: CInt) {
        running.withLock { if let running = $0 { _ = Foundation.kill(running.processID, number) } }
    }

    private static func readUntilReady(_ handle: FileHandle) -> String {
        var text = ""
        while !text.contains("now ready to accept connections at"), !text.contains("# Fatal") {
            let data = handle.availableData
            if data.isEmpty { break }
            text += String(decoding: data, as: UTF8.self)
        }
        return text
    }

    private static func processID(in log: String) -> pid_t? {
        guard log.contains("now ready to accept connections at"), let mark = log.range(of: "pid ") else {
            return nil
        }
        return pid_t(log[mark.upperBound...].prefix { $0.isNumber })
    }
}
