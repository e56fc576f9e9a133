import RTMP
import Telemetry
import WebRTC

/// What the service counts.
struct IngestMetrics: Sendable {
    let connections: Gauge
    let publishers: Gauge
    let heldPublishers: Gauge
    let receivedBytes: Counter
    let refusedConnections: Counter
    let discarded: Counter
    let dropped: CounterFamily<DroppedPacket>
    let admissions: CounterFamily<AdmissionResult>
    let closed: CounterFamily<ClosedReason>
    let endpoint: EndpointMetrics

    init(_ registry: MetricRegistry) {
        endpoint = EndpointMetrics(registry)
        connections = registry.gauge("rtmp_connections", "RTMP connections that are open.")
        publishers = registry.gauge("publishers", "Publishers on this replica, those that are away included.")
        heldPublishers = registry.gauge("held_publishers", "Publishers not read until the bus has room.")
        receivedBytes = registry.counter("received_bytes_total", "Bytes received over RTMP.")
        refusedConnections = registry.counter(
            "refused_connections_total",
            "Connections closed at once because a limit was reached."
        )
        discarded = registry.counter(
            "discarded_samples_total",
            "Samples without a place on the timeline: from before a break, or sound without room."
        )
        dropped = registry.counters(
            "dropped_packets_total",
            "Packets of publishers that did not become samples.",
            by: "reason",
            DroppedPacket.self
        )
        admissions = registry.counters(
            "admissions_total",
            "Answers to publishers.",
            by: "result",
            AdmissionResult.self
        )
        closed = registry.counters(
            "closed_connections_total",
            "RTMP connections that the service closed.",
            by: "reason",
            ClosedReason.self
        )
    }
}

/// What became of a wish to publish.
enum AdmissionResult: String, CaseIterable, Hashable, Sendable {
    case accepted
    case wrongKey = "wrong_key"
    case revokedKey = "revoked_key"
    case busy
    case unavailable
    case draining

    init(_ refusal: PublishRefusal) {
        switch refusal {
        case .wrongKey: self = .wrongKey
        case .revokedKey: self = .revokedKey
        case .busy: self = .busy
        case .unavailable: self = .unavailable
        case .draining: self = .draining
        }
    }
}

/// Why the service closed a connection.
enum ClosedReason: String, CaseIterable, Hashable, Sendable {
    case badHandshake = "bad_handshake"
    case badChunks = "bad_chunks"
    case timedOut = "timed_out"
    case playRefused = "play_refused"
    case refused
    case tooMuchBeforeAnswer = "too_much_before_answer"

    init(_ failure: ServerSession.Failure) {
        switch failure {
        case .handshake: self = .badHandshake
        case .chunks: self = .badChunks
        case .timedOut: self = .timedOut
        case .playRefused: self = .playRefused
        case .refused: self = .refused
        case .tooMuchBeforeAnswer: self = .tooMuchBeforeAnswer
        }
    }
}
