import CPlatform
import Glibc
public import Reactor
import Sockets

/// Makes HTTP/1.1 requests, one connection for each, for talk between services and for webhooks.
public struct HTTPClient: Sendable {
    /// What a server may do at most.
    public struct Configuration: Sendable {
        /// How long a connection may take to be made.
        public var connectDeadline = Duration.seconds(5)
        /// How long the server may send nothing while it is waited for.
        public var readDeadline = Duration.seconds(30)
        /// The bytes of a response's header section.
        public var maximumHeaderByteCount = 16 << 10
        /// The bytes of a body that may wait for a slow reader before the server waits too.
        public var inputHighWater = 256 << 10

        /// Creates a configuration with the limits above.
        public init() {}
    }

    /// Why a request got no response, or not all of it.
    public enum Failure: Error, Equatable {
        /// Only `http://host[:port]/…` can be asked for.
        case malformedURL
        /// The name has no address.
        case unknownHost
        /// The connection could not be made, by this `errno`.
        case cannotConnect(code: CInt)
        /// The connection was lost before the response was complete.
        case connectionLost
        /// The server was silent for too long.
        case timedOut
        /// The server does not speak HTTP/1.1.
        case malformedResponse
    }

    private let loops: EventLoopGroup
    private let configuration: Configuration

    /// Creates a client whose connections are spread over `loops`.
    public init(loops: EventLoopGroup, configuration: Configuration = .init()) {
        self.loops = loops
        self.configuration = configuration
    }

    /// Sends a request and waits for the header section of its response.
    ///
    /// - Throws: ``Failure``, or `CancellationError` as soon as the task is cancelled.
    public func request(
        _ method: String,
        _ url: String,
        headers: HTTPFields = [:],
        body: [UInt8] = []
    ) async throws -> HTTPClientResponse {
        guard let target = ClientTarget(url) else { throw Failure.malformedURL }
        let message = Self.message(method, target, headers, body)
        var failure = Failure.unknownHost
        for address in await Self.addresses(of: target.host) {
            let connection = HTTPClientConnection(
                loop: loops.next(),
                configuration: configuration,
                skipsBody: method == "HEAD"
            )
            do {
                return try await connection.exchange(message, with: address, port: target.port)
            } catch let error as Failure {
                // Nothing was sent: another address of the name may listen.
                guard case .cannotConnect = error else { throw error }
                failure = error
            }
        }
        throw failure
    }

    private static func message(
        _ method: String,
        _ target: ClientTarget,
        _ headers: HTTPFields,
        _ body: [UInt8]
    ) -> [UInt8] {
        var text = "\(method) \(target.path) HTTP/1.1\r\nhost: \(target.authority)\r\nconnection: close\r\n"
        headers.forEach { name, value in
            guard !["host", "connection", "content-length", "transfer-encoding"].contains(name) else {
                return
            }
            text += "\(name): \(value.filter { $0 != "\r" && $0 != "\n" && $0 != "\r\n" })\r\n"
        }
        let carriesBody = !body.isEmpty || ["POST", "PUT", "PATCH"].contains(method)
        if carriesBody { text += "content-length: \(body.count)\r\n" }
        return Array((text + "\r\n").utf8) + body
    }

    /// Resolves a name on a thread of its own; literal addresses are themselves.
    private static func addresses(of host: String) async -> [String] {
        let isLiteral =
            host.contains(":") || host.utf8.allSatisfy { $0 == 0x2e || (0x30...0x39).contains($0) }
        if isLiteral { return [host] }
        return await withCheckedContinuation { continuation in
            PlatformThread.detach(named: "resolver") {
                continuation.resume(returning: resolve(host))
            }
        }
    }

    private static func resolve(_ host: String) -> [String] {
        var text = [CChar](repeating: 0, count: 1024)
        // SAFETY: the buffer holds as many bytes as the capacity says.
        guard unsafe cplatform_resolve(host, &text, text.count) == 0 else { return [] }
        let lines = text.prefix { $0 != 0 }.split(separator: 0x0a)
        return lines.map { String(decoding: $0.map(UInt8.init(bitPattern:)), as: UTF8.self) }
    }
}

/// A response whose body may still be on its way.
public struct HTTPClientResponse: Sendable {
    /// The status code.
    public var status: Int
    /// The header fields.
    public var headers: HTTPFields
    /// The body, read at the caller's pace; letting go of it ends the connection.
    public var body: HTTPRequestBody
}

/// The parts of a URL that a request needs.
struct ClientTarget: Equatable {
    var host: String
    var port: UInt16
    var authority: String
    var path: String

    init?(_ url: String) {
        guard url.hasPrefix("http://") else { return nil }
        let rest = url.dropFirst(7).prefix { $0 != "#" }
        let cut = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let isPrintable = rest.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        authority = String(rest[..<cut])
        path = rest[cut...].hasPrefix("/") ? String(rest[cut...]) : "/" + rest[cut...]
        let hostEnd: String.Index
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { return nil }
            host = String(authority[authority.index(after: authority.startIndex)..<bracket])
            hostEnd = authority.index(after: bracket)
        } else {
            hostEnd = authority.firstIndex(of: ":") ?? authority.endIndex
            host = String(authority[..<hostEnd])
        }
        let suffix = authority[hostEnd...]
        guard suffix.isEmpty || suffix.hasPrefix(":"), !host.isEmpty, isPrintable else { return nil }
        guard let port = suffix.isEmpty ? 80 : UInt16(suffix.dropFirst()) else { return nil }
        self.port = port
    }
}
