public import ICE
import Sockets

/// Where an endpoint listens, what it tells peers, and its limits.
public struct EndpointConfiguration: Sendable {
    /// Literal addresses to bind, at most one of each family.
    ///
    /// Where there are two, one may be missing on the machine.
    public var addresses = ["0.0.0.0", "::"]
    /// The port of UDP and TCP, or 0 for any free one.
    public var port: UInt16 = 0
    /// Addresses that peers are told before the interfaces' own, for networks with address translation.
    public var advertisedAddresses: [IPAddress] = []
    /// The ports at those addresses, where the own one is translated to one of them that cannot be known.
    public var advertisedPorts: [UInt16] = []
    /// Whether peers may connect by TCP.
    public var acceptsTCP = true
    /// Whether other sockets may bind the same port: other loops of this process, or the next generation.
    public var reusesPort = false
    /// Whether runs of packets are cut by the kernel (UDP_SEGMENT).
    public var usesRuns = true
    /// The wish for the kernel's UDP queues in either direction.
    public var socketByteCount = 4 << 20
    /// STUN requests a second that are looked at from one source address, where no peer is known to be for certain.
    public var strangersPerSecondAndSource = 2000
    /// TCP connections at once; further ones are closed.
    public var tcpConnectionLimit = 2000
    /// TCP connections at once that no check has proven; further ones are closed.
    public var unprovenConnectionLimit = 128
    /// Of these, connections of one source address.
    public var unprovenConnectionLimitPerSource = 32
    /// How long a TCP connection may stay without a check that proves whose it is, whatever else comes by it.
    public var unprovenConnectionTime = Duration.seconds(10)
    /// The endpoints of other loops on the same port, where there are any.
    public var group: EndpointGroup?
    /// What is told of refusals, where anybody wants to know.
    public var metrics: EndpointMetrics?

    /// Creates a configuration for all addresses and any free port.
    public init() {}

    /// Creates the configuration of one of several replicas.
    ///
    /// - Parameters:
    ///   - slot: The number of the replica, from 0.
    ///   - firstPort: The port of the first one, which the others count up from. All have the same where it is
    ///     translated, and where it is 0.
    ///   - address: The literal address to bind; all of them where it is empty or `::`.
    public init(
        slot: Int,
        firstPort: UInt16,
        address: String,
        advertisedAddresses: [String],
        advertisedPorts: [UInt16]
    ) {
        let isSame = firstPort == 0 || !advertisedPorts.isEmpty
        port = isSame ? firstPort : UInt16(clamping: Int(firstPort) + slot)
        if !address.isEmpty, address != "::" { addresses = [address] }
        self.advertisedAddresses = advertisedAddresses.compactMap { IPAddress($0) }
        self.advertisedPorts = advertisedPorts
    }
}

/// Where a peer can reach an endpoint.
public struct LocalCandidate: Sendable, Hashable {
    /// Datagrams, or a TCP connection that the peer opens.
    public var transport: TransportProtocol
    /// The address and port.
    public var address: TransportAddress
    /// What candidates of one address and transport share.
    public var foundation: String
    /// The priority (RFC 8445 §5.1.2); UDP before TCP, configured addresses before interfaces.
    public var priority: UInt32
}

extension LocalCandidate {
    private static let udpPreference: UInt32 = 126
    private static let tcpPreference: UInt32 = 90

    /// The candidates of `configuration` on `port`.
    static func all(
        of configuration: EndpointConfiguration,
        port: UInt16,
        acceptsTCP: Bool
    ) -> [LocalCandidate] {
        let places = Self.hosts(configuration).flatMap { host in
            let isTranslated = configuration.advertisedAddresses.contains(host)
            let ports = isTranslated ? configuration.advertisedPorts : []
            return (ports.isEmpty ? [port] : ports).map { TransportAddress(host, port: $0) }
        }
        let transports: [TransportProtocol] = acceptsTCP ? [.udp, .tcp] : [.udp]
        return transports.flatMap { transport in
            places.enumerated().map { index, place in
                let preference = transport == .udp ? udpPreference : tcpPreference
                let local = UInt32(65_535 - min(index, 65_535))
                return LocalCandidate(
                    transport: transport,
                    address: place,
                    foundation: "\(transport == .udp ? "u" : "t")\(index + 1)",
                    priority: preference << 24 | local << 8 | 255
                )
            }
        }
    }

    /// Configured addresses, then those of the interfaces that are bound; loopback ones only where nothing else is.
    private static func hosts(_ configuration: EndpointConfiguration) -> [IPAddress] {
        let bound = configuration.addresses.compactMap { IPAddress($0) }
        let interfaces = InterfaceAddress.all().compactMap { IPAddress($0) }.filter { host in
            bound.contains { $0.isUnspecified && $0.isV4 == host.isV4 }
        }
        let own = bound.filter { !$0.isUnspecified } + interfaces
        let outside = own.filter { !$0.isLoopback }
        let all = configuration.advertisedAddresses + (outside.isEmpty ? own : outside)
        var seen: Set<IPAddress> = []
        return all.filter { seen.insert($0).inserted }
    }
}

extension IPAddress {
    var isV4: Bool { if case .v4 = self { true } else { false } }

    var isUnspecified: Bool { self == .v4(0) || self == .v6(high: 0, low: 0) }

    var isLoopback: Bool {
        switch self {
        case .v4(let bits): bits >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }
}

extension TransportAddress {
    /// The address as sockets write it.
    var datagramAddress: DatagramAddress {
        switch ip {
        case .v4(let bits): DatagramAddress(v4: bits, port: port)
        case .v6(let high, let low): DatagramAddress(high: high, low: low, port: port)
        }
    }
}

extension DatagramAddress {
    /// The address as ICE writes it.
    var transportAddress: TransportAddress {
        TransportAddress(IPAddress(high: high, low: low), port: port)
    }
}
