/// A candidate of ICE (RFC 8839 §5.1).
public struct Candidate: Equatable, Sendable {
    /// What kind of candidate it is.
    public enum Kind: String, Sendable {
        case host, srflx, prflx, relay
    }

    /// Who opens a TCP connection (RFC 6544).
    public enum TCPRole: String, Sendable {
        case active, passive, so
    }

    /// What candidates of one base and kind share.
    public var foundation: String
    /// 1 for RTP, 2 for RTCP of its own.
    public var component: Int
    /// Whether it is TCP and who connects; `nil` for UDP.
    public var tcpRole: TCPRole?
    /// The priority.
    public var priority: UInt32
    /// An address of IPv4 or IPv6, or a name that ends in `.local`.
    public var address: String
    /// The port.
    public var port: UInt16
    /// What kind of candidate it is.
    public var kind: Kind

    /// Creates a candidate of this host.
    ///
    /// - Parameter preference: The order among our own, 0 first (RFC 8445 §5.1.2).
    public init(host address: String, port: UInt16, tcpRole: TCPRole? = nil, preference: UInt16 = 0) {
        self.address = address
        self.port = port
        self.tcpRole = tcpRole
        foundation = "\(tcpRole == nil ? 1 : 2)\(preference)"
        component = 1
        kind = .host
        // UDP first: any candidate of it has a higher local preference than those of TCP.
        let local = UInt32(tcpRole == nil ? 65_535 : 8_191) - UInt32(min(preference, 8_000))
        priority = 126 << 24 | local << 8 | 255
    }

    /// Reads the value of an `a=candidate` line; `nil` where it is none, or of another transport.
    public init?(_ value: some StringProtocol) {
        let fields = value.words
        guard fields.count >= 8, fields[6] == "typ", fields[0].utf8.count <= 32 else { return nil }
        guard let component = Int(fields[1]), (1...256).contains(component) else { return nil }
        guard let priority = UInt32(fields[3]), let port = UInt16(fields[5]) else { return nil }
        guard let kind = Kind(rawValue: String(fields[7])) else { return nil }
        self.foundation = String(fields[0])
        self.component = component
        self.priority = priority
        self.address = String(fields[4])
        self.port = port
        self.kind = kind
        switch fields[2].lowercased() {
        case "udp": tcpRole = nil
        case "tcp":
            guard let index = fields.firstIndex(of: "tcptype"), index + 1 < fields.count else { return nil }
            guard let role = TCPRole(rawValue: String(fields[index + 1])) else { return nil }
            tcpRole = role
        default: return nil
        }
    }

    /// The value of the `a=candidate` line.
    public var value: String {
        let transport = tcpRole == nil ? "udp" : "tcp"
        let line =
            "\(foundation) \(component) \(transport) \(priority) \(address) \(port) typ \(kind.rawValue)"
        return line + (tcpRole.map { " tcptype \($0.rawValue)" } ?? "")
    }
}
