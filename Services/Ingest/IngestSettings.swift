import Configuration
import Redis
import Replicas
import RTMP
import Telemetry
import WebRTCSignalling

/// The settings of the service; README has the table.
struct IngestSettings: Sendable {
    var address = "::"
    var port: UInt16 = 1935
    var securePort: UInt16 = 1936
    /// Whether other replicas of this machine take the same ports.
    var sharesPorts = false
    var certificateFile: String?
    var webRTCAddress = "::"
    /// The port of WebRTC in the first slot, the same for UDP and TCP; each further slot has the next.
    var webRTCPort: UInt16 = 8180
    /// The most replicas.
    var slotLimit = 10
    /// How other replicas reach this one.
    var internalAddress = ""
    /// Addresses that publishers reach it by, beyond those of the interfaces.
    var advertisedAddresses: [String] = []
    /// The ports at those addresses, where all slots have the same port and it is translated to one of these.
    var advertisedPorts: [UInt16] = []
    /// Servers of STUN and TURN that publishers are told of.
    var iceServers: [ICEServer] = []
    var maximumWebRTCSessions = 500
    var keyFile: String?
    var maximumConnections = 2000
    var maximumConnectionsPerAddress = 64
    var graceSeconds = 15
    /// How long a connected publisher may send nothing before another may take its place.
    var silenceLimit = Duration.seconds(2)
    /// How long running publishers may go on after the service was asked to stop.
    var drainTime = Duration.seconds(10)
    var outageByteCount = 256 << 20
    var session = ServerSession.Configuration()
    var publisher = PublisherToBus.Limits()
    var database = Secret("")
    var busURL = ""
    var controlURL = ""

    /// Bytes waiting for the bus from which publishers are not read any more.
    var backPressureByteCount: Int { outageByteCount / 4 * 3 }

    init() {}

    /// Reads the settings.
    init(from reader: inout EnvironmentReader) {
        address = reader.text("RTMP_ADDRESS", default: address)
        port = reader.port("RTMP_PORT", default: port)
        securePort = reader.port("RTMPS_PORT", default: securePort)
        sharesPorts = reader.flag("RTMP_SHARED", default: sharesPorts)
        certificateFile = reader.optional("TLS_CERTIFICATE_FILE")
        keyFile = reader.optional("TLS_KEY_FILE")
        readWebRTC(&reader)
        maximumConnections = reader.integer("MAX_CONNECTIONS", in: 1...1_000_000, default: maximumConnections)
        maximumConnectionsPerAddress = reader.integer(
            "MAX_CONNECTIONS_PER_ADDRESS",
            in: 1...1_000_000,
            default: maximumConnectionsPerAddress
        )
        graceSeconds = reader.integer("GRACE_SECONDS", in: 0...86_400, default: graceSeconds)
        drainTime = reader.seconds("DRAIN_SECONDS", default: .seconds(20), shared: true) / 2
        outageByteCount = reader.bytes("OUTAGE_BUFFER_BYTES", in: 1 << 20...1 << 40, default: outageByteCount)
        readSession(&reader)
        readPublisher(&reader)
        database = reader.secret("DATABASE_URL", shared: true)
        busURL = reader.url("REDIS_BUS_URL", schemes: ["redis", "unix"], shared: true)
        controlURL = reader.url("REDIS_CONTROL_URL", schemes: ["redis", "unix"], shared: true)
    }

    private mutating func readWebRTC(_ reader: inout EnvironmentReader) {
        webRTCAddress = reader.text("WEBRTC_ADDRESS", default: webRTCAddress)
        webRTCPort = reader.port("WEBRTC_PORT", default: webRTCPort)
        slotLimit = reader.integer("SLOTS", in: 1...1024, default: slotLimit)
        let host = reader.text("HTTP_ADDRESS", default: "127.0.0.1")
        let port = reader.text("HTTP_PORT", default: "8103")
        internalAddress = reader.text(
            "INTERNAL_ADDRESS",
            default: ReplicaAddress.ofListener(host, port: port)
        )
        advertisedAddresses = Self.list(reader.text("ADVERTISED_ADDRESSES", default: ""))
        advertisedPorts = reader.ports("ADVERTISED_PORTS")
        iceServers = ICEServer.all(from: &reader)
        maximumWebRTCSessions = reader.integer(
            "MAX_WEBRTC_SESSIONS",
            in: 1...100_000,
            default: maximumWebRTCSessions
        )
    }

    private static func list(_ text: String) -> [String] {
        text.split(separator: ",").map { String($0.filter { $0 != " " }) }.filter { !$0.isEmpty }
    }

    private mutating func readSession(_ reader: inout EnvironmentReader) {
        let whole = 1.0...3600.0
        session.handshakeTimeout = reader.seconds(
            "HANDSHAKE_TIMEOUT_SECONDS",
            in: whole,
            default: session.handshakeTimeout
        )
        session.publishTimeout = reader.seconds(
            "PUBLISH_TIMEOUT_SECONDS",
            in: whole,
            default: session.publishTimeout
        )
        session.idleTimeout = reader.seconds("IDLE_TIMEOUT_SECONDS", in: whole, default: session.idleTimeout)
        session.pingInterval = session.idleTimeout / 3
        session.messageByteCount = reader.bytes(
            "MAX_MESSAGE_BYTES",
            in: 64 << 10...0xff_ffff,
            default: session.messageByteCount
        )
    }

    private mutating func readPublisher(_ reader: inout EnvironmentReader) {
        publisher.bitRate = reader.integer("MAX_BITRATE", in: 64_000...Int.max, default: publisher.bitRate)
        publisher.trackSet.afterKeyframe = reader.seconds(
            "TRACK_WAIT_SECONDS",
            in: 0...60,
            default: publisher.trackSet.afterKeyframe
        )
    }
}
