import Glibc
import ICE
import Reactor
import Sockets

/// The sockets of an endpoint, all on one port number.
struct BoundPorts {
    /// What is done with accepted connections, which is known only once the endpoint is made.
    final class Acceptance {
        var body: (consuming TCPListener.Accepted) -> Void = { _ in }
    }

    let datagrams: [DatagramPort]
    let listener: TCPListener?
    let port: UInt16
    let accept = Acceptance()

    /// Binds; where any port will do, one is looked for that is free for UDP and TCP.
    init(
        _ configuration: EndpointConfiguration,
        loop: EventLoop,
        attempts: Int
    ) throws(SystemCallError) {
        var failure = SystemCallError(call: "bind", code: EADDRNOTAVAIL)
        for _ in 0..<(configuration.port == 0 ? attempts : 1) {
            do {
                let datagrams = try Self.bindDatagrams(configuration, loop: loop)
                let port = datagrams.port
                let accept = accept
                listener = try Self.listen(configuration, port: port, loop: loop) { accept.body($0) }
                self.datagrams = datagrams.ports
                self.port = port
                return
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private static func bindDatagrams(
        _ configuration: EndpointConfiguration,
        loop: EventLoop
    ) throws(SystemCallError) -> (ports: [DatagramPort], port: UInt16) {
        var port = configuration.port
        var ports: [DatagramPort] = []
        for address in configuration.addresses {
            var wanted = DatagramSocket.Configuration(address: address, port: port)
            wanted.reusesPort = configuration.reusesPort
            wanted.receiveByteCount = configuration.socketByteCount
            wanted.sendByteCount = configuration.socketByteCount
            do {
                let socket = try DatagramSocket(wanted)
                port = socket.port
                let isV4 = IPAddress(address)?.isV4 ?? true
                ports.append(DatagramPort(socket, isV4: isV4, usesRuns: configuration.usesRuns, loop: loop))
            } catch  where isMissingFamily(error) && configuration.addresses.count > 1 {
                continue
            }
        }
        guard !ports.isEmpty else { throw SystemCallError(call: "bind", code: EADDRNOTAVAIL) }
        return (ports, port)
    }

    private static func isMissingFamily(_ error: SystemCallError) -> Bool {
        error.code == EAFNOSUPPORT || error.code == EADDRNOTAVAIL
    }

    /// One listener for both families where both are bound whole, else one for the first address.
    private static func listen(
        _ configuration: EndpointConfiguration,
        port: UInt16,
        loop: EventLoop,
        accept: @escaping (consuming TCPListener.Accepted) -> Void
    ) throws(SystemCallError) -> TCPListener? {
        guard configuration.acceptsTCP, let first = configuration.addresses.first else { return nil }
        let addresses = configuration.addresses.contains("::") ? ["::", first] : [first]
        var failure = SystemCallError(call: "listen", code: EADDRNOTAVAIL)
        for address in addresses {
            do {
                let wanted = TCPListener.Configuration(
                    address: address,
                    port: port,
                    reusesPort: configuration.reusesPort
                )
                return try TCPListener(wanted, loop: loop, accept: accept)
            } catch {
                failure = error
                guard isMissingFamily(error) else { break }
            }
        }
        throw failure
    }
}
