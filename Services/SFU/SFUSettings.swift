import Configuration
import Replicas
import WebRTCSignalling

/// The settings of the sfu, from the environment.
struct SFUSettings: Sendable {
    /// Where viewers' media goes from; all addresses of both families where it is empty.
    var webRTCAddress: String
    /// The port of it in the first slot, the same for UDP and TCP; each further slot has the next.
    var webRTCPort: UInt16
    /// The most replicas.
    var slotLimit: Int
    /// Addresses that viewers reach it by, beyond those of the interfaces.
    var advertisedAddresses: [String]
    /// The ports at those addresses, where all slots have the same port and it is translated to one of these.
    var advertisedPorts: [UInt16]
    /// What viewers are told of that find no way by themselves.
    var iceServers: [ICEServer]
    /// How other replicas reach this one.
    var internalAddress: String
    /// Viewers at once.
    var viewerLimit: Int
    /// The newest packets of a stream that are kept for joins and resends.
    var cacheByteLimit: Int
    /// How long the viewers of a replica that stops may take to go elsewhere.
    var drainTime: Duration
    /// How long viewers go on while it cannot be known whether their grants still hold.
    var grantGrace: Duration
    var redisControlURL: String
    var redisBusURL: String

    init(from reader: inout EnvironmentReader) {
        webRTCAddress = reader.text("WEBRTC_ADDRESS", default: "")
        webRTCPort = reader.port("WEBRTC_PORT", default: 8190)
        slotLimit = reader.integer("SLOTS", in: 1...1024, default: 10)
        advertisedAddresses = reader.text("ADVERTISED_ADDRESSES", default: "")
            .split(separator: ",").map { String($0.filter { $0 != " " }) }.filter { !$0.isEmpty }
        advertisedPorts = reader.ports("ADVERTISED_PORTS")
        iceServers = ICEServer.all(from: &reader)
        let address = reader.text("HTTP_ADDRESS", default: "127.0.0.1")
        let port = reader.text("HTTP_PORT", default: "8105")
        internalAddress = reader.text(
            "INTERNAL_ADDRESS",
            default: ReplicaAddress.ofListener(address, port: port)
        )
        viewerLimit = reader.integer("MAX_VIEWERS", in: 1...1_000_000, default: 5000)
        cacheByteLimit = reader.bytes("CACHE_BYTES", in: 1 << 20...1 << 30, default: 16 << 20)
        grantGrace = reader.seconds("GRANT_GRACE_SECONDS", default: .seconds(60), shared: true)
        drainTime = reader.seconds("DRAIN_SECONDS", default: .seconds(20), shared: true) / 2
        redisControlURL = reader.required("REDIS_CONTROL_URL", shared: true)
        redisBusURL = reader.required("REDIS_BUS_URL", shared: true)
    }
}
