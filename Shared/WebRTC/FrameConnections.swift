import ICE
import Reactor

/// The TCP connections of one endpoint: those of its peers, and for a moment those of strangers.
struct FrameConnections {
    /// How long a connection of a peer may be silent.
    static let idle = Duration.seconds(45)

    private let limit: Int
    private let unprovenLimit: Int
    private let unprovenLimitPerSource: Int
    private let unprovenTime: UInt64
    private var connections: [TransportAddress: FrameConnection] = [:]

    init(_ configuration: EndpointConfiguration) {
        limit = configuration.tcpConnectionLimit
        unprovenLimit = configuration.unprovenConnectionLimit
        unprovenLimitPerSource = configuration.unprovenConnectionLimitPerSource
        unprovenTime = configuration.unprovenConnectionTime.nanoseconds
    }

    var count: Int { connections.count }
    var all: [FrameConnection] { Array(connections.values) }

    subscript(remote: TransportAddress) -> FrameConnection? { connections[remote] }

    /// Whether there is room for one more connection, which comes from `remote`.
    ///
    /// Strangers of one address cannot take the room of those from elsewhere.
    func admit(_ remote: TransportAddress) -> Bool {
        guard connections.count < limit, connections[remote] == nil else { return false }
        let strangers = connections.values.filter { !$0.isProven }
        return strangers.count < unprovenLimit
            && strangers.count { $0.pair.remote.ip == remote.ip } < unprovenLimitPerSource
    }

    mutating func add(_ connection: FrameConnection) { connections[connection.pair.remote] = connection }

    mutating func remove(_ connection: FrameConnection) {
        if connections[connection.pair.remote] === connection { connections[connection.pair.remote] = nil }
    }

    func all(of peer: PeerTransport) -> [FrameConnection] { connections.values.filter { $0.peer === peer } }

    /// Those that have been silent, or unproven, for too long.
    func stale(at now: UInt64) -> [FrameConnection] {
        connections.values.filter { connection in
            if connection.isProven { return now &- connection.lastReceived > Self.idle.nanoseconds }
            return now &- connection.opened > unprovenTime
        }
    }
}
