public import Telemetry

/// What all endpoints of a service count of what they refuse, for whoever scrapes it.
public struct EndpointMetrics: Sendable {
    private enum Refusal: String, CaseIterable, Hashable, Sendable {
        case unknown, unproven, forged, replayed
        case crowdedOut = "crowded_out"
        case checkForNobody = "check_for_nobody"
        case checkWithoutProof = "check_without_proof"
        case connection
    }

    private enum End: String, CaseIterable, Hashable, Sendable {
        case closedLocally = "closed_locally"
        case closedByPeer = "closed_by_peer"
        case neverConnected = "never_connected"
        case consentExpired = "consent_expired"
        case handshakeTimedOut = "handshake_timed_out"
        case handshakeFailed = "handshake_failed"
        case wrongCertificate = "wrong_certificate"

        init(_ reason: PeerTransport.CloseReason) {
            switch reason {
            case .closedLocally: self = .closedLocally
            case .closedByPeer: self = .closedByPeer
            case .neverConnected: self = .neverConnected
            case .consentExpired: self = .consentExpired
            case .handshakeTimedOut: self = .handshakeTimedOut
            case .handshakeFailed: self = .handshakeFailed
            case .wrongCertificate: self = .wrongCertificate
            }
        }
    }

    private enum Transport: String, CaseIterable, Hashable, Sendable {
        case udp, tcp
    }

    private let refused: CounterFamily<Refusal>
    private let ended: CounterFamily<End>
    private let passed: Counter
    private let dropped: CounterFamily<Transport>
    private let datagramBacklog: Gauge
    private let frameBacklog: Gauge

    /// Registers the metrics of a service.
    public init(_ registry: MetricRegistry) {
        refused = registry.counters(
            "webrtc_refused_total",
            "Packets and connections of WebRTC that nothing was done with.",
            by: "reason",
            Refusal.self
        )
        ended = registry.counters(
            "webrtc_peers_ended_total",
            "WebRTC peers that are gone.",
            by: "reason",
            End.self
        )
        passed = registry.counter(
            "webrtc_connections_passed_total",
            "TCP connections handed to the loop that has their peer."
        )
        dropped = registry.counters(
            "webrtc_packets_dropped_total",
            "Packets dropped on their way out, as too much waited or the kernel refused them.",
            by: "transport",
            Transport.self
        )
        datagramBacklog = registry.gauge("webrtc_udp_backlog_bytes", "What waits to be sent by UDP.")
        frameBacklog = registry.gauge("webrtc_tcp_backlog_bytes", "What waits to be sent by TCP.")
    }

    func note(_ reason: PeerTransport.CloseReason) { ended[End(reason)].increment() }

    func add(_ now: EndpointCounters, since before: EndpointCounters) {
        refused[.unknown].increment(by: now.packetsUnknown &- before.packetsUnknown)
        refused[.unproven].increment(by: now.packetsUnproven &- before.packetsUnproven)
        refused[.forged].increment(by: now.packetsForged &- before.packetsForged)
        refused[.replayed].increment(by: now.packetsReplayed &- before.packetsReplayed)
        refused[.checkForNobody].increment(by: now.checksIgnored &- before.checksIgnored)
        refused[.checkWithoutProof].increment(by: now.checksRefused &- before.checksRefused)
        refused[.crowdedOut].increment(by: now.packetsCrowdedOut &- before.packetsCrowdedOut)
        refused[.connection].increment(by: now.connectionsRefused &- before.connectionsRefused)
        passed.increment(by: now.connectionsPassed &- before.connectionsPassed)
        let frames = now.framesDropped &- before.framesDropped
        dropped[.tcp].increment(by: frames)
        dropped[.udp].increment(by: now.packetsDropped &- before.packetsDropped &- frames)
    }

    func note(_ now: EndpointBacklog, instead before: EndpointBacklog) {
        datagramBacklog.add(Int64(now.datagrams - before.datagrams))
        frameBacklog.add(Int64(now.frames - before.frames))
    }
}
