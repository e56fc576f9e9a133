/// What an endpoint has counted.
public struct EndpointCounters: Sendable, Equatable {
    /// Datagrams and frames received.
    public internal(set) var packetsReceived: UInt64 = 0
    /// Of these, what is no packet that belongs here.
    public internal(set) var packetsUnknown: UInt64 = 0
    /// Of these, packets from addresses that no check has proven.
    public internal(set) var packetsUnproven: UInt64 = 0
    /// RTP and RTCP packets with a wrong tag.
    public internal(set) var packetsForged: UInt64 = 0
    /// RTP and RTCP packets that had come before, or were too old.
    public internal(set) var packetsReplayed: UInt64 = 0
    /// Packets passed on to the loop whose peer they are from or for.
    public internal(set) var packetsPassed: UInt64 = 0
    /// Packets that another loop should have had, where too many waited already.
    public internal(set) var packetsCrowdedOut: UInt64 = 0
    /// Checks for nobody, checks over the budget of their source, and checks from where another peer is.
    public internal(set) var checksIgnored: UInt64 = 0
    /// Checks for a peer that do not prove to know its password, or ask for what we are not.
    public internal(set) var checksRefused: UInt64 = 0
    /// TCP connections closed at once, because there were too many.
    public internal(set) var connectionsRefused: UInt64 = 0
    /// TCP connections passed on, because their first check was for a peer of another loop.
    public internal(set) var connectionsPassed: UInt64 = 0
    /// Packets dropped on their way out, as too much waited or the kernel refused them.
    public internal(set) var packetsDropped: UInt64 = 0
    /// Of these, packets by TCP.
    public internal(set) var framesDropped: UInt64 = 0
    /// Packets sent by UDP.
    public internal(set) var datagramsSent: UInt64 = 0
    /// System calls for them.
    public internal(set) var sendCalls: UInt64 = 0
}

extension EndpointCounters {
    mutating func add(framesDropped count: UInt64) {
        packetsDropped &+= count
        framesDropped &+= count
    }
}

/// What waits at an endpoint for the kernel to take it, in bytes.
public struct EndpointBacklog: Sendable, Equatable {
    /// For all peers by UDP; each socket's has a limit of its own.
    public internal(set) var datagrams = 0
    /// For all peers by TCP.
    public internal(set) var frames = 0
}
