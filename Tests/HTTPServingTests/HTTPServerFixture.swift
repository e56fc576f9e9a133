import Glibc
import HTTPServing
import Lifecycle
import Reactor
import Sockets
import Telemetry

/// A server on a free port for the length of one test, whose body runs on a thread that may block.
func withServer<Result: Sendable>(
    _ router: HTTPRouter,
    loopCount: Int = 2,
    configure: (inout HTTPServer.Configuration) -> Void = { _ in },
    _ body: @escaping @Sendable (HTTPServer, Shutdown) async throws -> Result
) async throws -> Result {
    let clients = EventLoop(name: "clients")
    let loops = EventLoopGroup(count: loopCount, name: "test")
    var configuration = HTTPServer.Configuration(port: 0)
    configure(&configuration)
    let server = try HTTPServer(
        configuration,
        router: router,
        loops: loops,
        logger: Logger(level: .error) { _ in },
        metrics: MetricRegistry(service: "test")
    )
    let shutdown = Shutdown()
    // Not on the shared threads, which other tests may block.
    let running = Task(executorPreference: loops.loops[0]) { try await server.run(until: shutdown) }
    let result = await Task(executorPreference: clients) { try await body(server, shutdown) }.result
    running.cancel()
    _ = await running.result
    loops.stop()
    clients.stop()
    return try result.get()
}

/// A blocking client that sends exactly the bytes it is told to.
struct RawClient: ~Copyable {
    let descriptor: CInt

    init(port: UInt16) throws {
        let socket = try StreamSocket.connecting(to: "127.0.0.1", port: port)
        descriptor = dup(socket.descriptor)
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// Sends everything, or as much as the server takes before it closes.
    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Receives once; empty at the end.
    func receive(upTo limit: Int = 65536) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = unsafe recv(descriptor, &buffer, limit, 0)
        return count > 0 ? Array(buffer[..<count]) : []
    }

    /// Receives until `text` has come or the server closes.
    func receive(until text: String) -> String {
        var bytes: [UInt8] = []
        while true {
            let more = receive()
            bytes += more
            let sofar = String(decoding: bytes, as: UTF8.self)
            if more.isEmpty || sofar.contains(text) { return sofar }
        }
    }

    /// What receives next: 0 where the server ends the connection in order, -1 where it resets it.
    func receivedCount() -> Int {
        var byte: UInt8 = 0
        return unsafe recv(descriptor, &byte, 1, 0)
    }

    /// Receives until the server closes.
    func receiveAll() -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let more = receive()
            if more.isEmpty { return bytes }
            bytes += more
        }
    }

    /// Sends a text and returns everything that comes back until the server closes.
    func exchange(_ text: String) -> String {
        send(text)
        return String(decoding: receiveAll(), as: UTF8.self)
    }
}
