import Telemetry
import WebRTC

/// What the service counts.
struct SFUMeasures: Sendable {
    let gaps: Counter
    let packets: Counter
    let droppedBFrames: Counter
    let malformedSamples: Counter
    let droppedAsks: Counter
    let droppedWants: Counter
    let sentPackets: Counter
    let sentBytes: Counter
    let resentPackets: Counter
    let paddingPackets: Counter
    let restarts: Counter
    let layerSwitches: Counter
    let sessionsOpened: Counter
    let viewers: Gauge
    let delay: Histogram
    let endpoint: EndpointMetrics

    /// Bounds that suit the way from the bus to the socket, in seconds.
    private static let delays: [Double] = [
        0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.5, 1,
    ]

    init(_ metrics: MetricRegistry) {
        endpoint = EndpointMetrics(metrics)
        gaps = metrics.counter("bus_gaps_total", "Times that entries of the bus were missing.")
        packets = metrics.counter("feed_packets_total", "Packets that samples were cut into.")
        droppedBFrames = metrics.counter("feed_dropped_pictures_total", "B-frames that nothing references.")
        malformedSamples = metrics.counter("feed_malformed_samples_total", "Samples that could not be cut.")
        droppedAsks = metrics.counter(
            "keyframe_asks_dropped_total",
            "Requests for keyframes beyond the queue."
        )
        droppedWants = metrics.counter(
            "rendition_wants_dropped_total",
            "Requests for renditions beyond the queue."
        )
        sentPackets = metrics.counter("packets_sent_total", "Packets that viewers were sent.")
        sentBytes = metrics.counter("bytes_sent_total", "Bytes that viewers were sent, before encryption.")
        resentPackets = metrics.counter("packets_resent_total", "Packets that viewers were sent again.")
        paddingPackets = metrics.counter(
            "packets_padding_total",
            "Packets that viewers were sent again to find out what their paths carry."
        )
        restarts = metrics.counter("viewer_restarts_total", "Times that a viewer went on at a keyframe.")
        layerSwitches = metrics.counter(
            "viewer_layer_switches_total",
            "Times that a viewer went over to another layer of a simulcast."
        )
        sessionsOpened = metrics.counter("sessions_opened_total", "Sessions of viewers that were answered.")
        viewers = metrics.gauge("viewers", "Sessions of viewers that are open.")
        delay = metrics.histogram(
            "forward_delay_seconds",
            "From the bus to a viewer's socket, by some viewers at a time.",
            bounds: Self.delays
        )
    }
}
