import CPlatform
import Glibc
public import Reactor

/// A listening TCP socket that hands every accepted connection to one handler.
///
/// Bound to one loop: `start` and `close` are called there.
public final class TCPListener: EventHandler {
    /// Where and how to listen.
    public struct Configuration: Sendable {
        /// A literal IPv4 or IPv6 address; `::` takes both families.
        public var address: String
        /// The port, or 0 for any free one.
        public var port: UInt16
        /// Connections that may wait to be accepted.
        public var backlog: Int = 1024
        /// Whether other processes of the same user may listen there too, and get their share of the connections.
        public var reusesPort = false

        /// Creates a configuration for one address and port.
        public init(address: String, port: UInt16, reusesPort: Bool = false) {
            self.address = address
            self.port = port
            self.reusesPort = reusesPort
        }
    }

    /// One accepted connection.
    public struct Accepted: ~Copyable {
        /// The connected socket, non-blocking.
        public var descriptor: FileDescriptor
        /// Who connected.
        public var peer: PeerAddress

        /// Gives up the descriptor.
        public consuming func takeDescriptor() -> CInt { descriptor.release() }
    }

    /// The connections accepted in one wake-up, so that no flood starves the loop.
    private static let acceptsPerWakeUp = 64
    /// How long to leave connections waiting when there are no descriptors for them.
    private static let exhaustionPause = Duration.milliseconds(100)

    /// The port that the kernel chose or confirmed.
    public let port: UInt16
    private let descriptor: CInt
    private let loop: EventLoop
    private let accept: (consuming Accepted) -> Void
    private var isOpen = true

    /// Binds and listens; connections arrive after ``start()``.
    ///
    /// - Throws: ``SystemCallError`` where the address is taken or not ours.
    public init(
        _ configuration: Configuration,
        loop: EventLoop,
        accept: @escaping (consuming Accepted) -> Void
    ) throws(SystemCallError) {
        // SAFETY: the C string lives for the call.
        let descriptor = unsafe cplatform_listen_tcp(
            configuration.address,
            configuration.port,
            CInt(clamping: configuration.backlog),
            configuration.reusesPort
        )
        guard descriptor >= 0 else {
            throw SystemCallError(
                call: "listen on \(configuration.address):\(configuration.port)",
                code: errno
            )
        }
        self.descriptor = descriptor
        self.loop = loop
        self.accept = accept
        port = UInt16(clamping: cplatform_local_port(descriptor))
    }

    deinit {
        if isOpen { Glibc.close(descriptor) }
    }

    /// Begins to accept.
    public func start() {
        loop.watch(descriptor, for: .readable, handler: self)
    }

    /// Accepts what has connected already, lets nothing more connect, and closes the socket.
    ///
    /// The kernel resets what nobody has accepted, whatever has been asked by it.
    public func finish() {
        guard isOpen else { return }
        _ = cplatform_refuse_connections(descriptor)
        while isOpen {
            if let accepted = acceptOne() {
                accept(accepted)
            } else if errno != ECONNABORTED && errno != EINTR {
                break
            }
        }
        close()
    }

    /// Stops accepting and closes the socket.
    public func close() {
        guard isOpen else { return }
        isOpen = false
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
    }

    /// Accepts what waits.
    public func ready(_ events: EventSet) {
        for _ in 0..<Self.acceptsPerWakeUp {
            guard isOpen else { return }
            guard let accepted = acceptOne() else { return pauseIfExhausted(code: errno) }
            accept(accepted)
        }
    }

    /// Without descriptors the socket would stay readable and keep the loop spinning.
    private func pauseIfExhausted(code: CInt) {
        guard [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) else { return }
        loop.unwatch(descriptor)
        loop.schedule(after: Self.exhaustionPause) { [weak self] in
            guard let self, isOpen else { return }
            loop.watch(descriptor, for: .readable, handler: self)
        }
    }

    private func acceptOne() -> Accepted? {
        var port: UInt16 = 0
        var text = [CChar](repeating: 0, count: 64)
        // SAFETY: the buffer holds as many bytes as the capacity says, and the C function ends it by zero.
        let connection = unsafe cplatform_accept(descriptor, &text, text.count, &port)
        guard connection >= 0 else { return nil }
        let host = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return Accepted(
            descriptor: FileDescriptor(owning: connection),
            peer: PeerAddress(host: String(decoding: host, as: UTF8.self), port: port)
        )
    }
}

/// The other end of a connection.
public struct PeerAddress: Sendable, Hashable, CustomStringConvertible {
    /// A literal address, IPv4 where IPv4 came through an IPv6 socket; empty for a local socket.
    public var host: String
    /// The port.
    public var port: UInt16

    /// Creates an address from its parts.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// The address as `host:port`, IPv6 in brackets.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
