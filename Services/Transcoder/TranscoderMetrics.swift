import Contracts
import Telemetry

/// What the service counts.
struct TranscoderMetrics: Sendable {
    /// How the making of a rendition ended.
    enum Ending: String, CaseIterable, Hashable, Sendable {
        /// Nobody wants it any longer.
        case unwanted
        /// The session is over.
        case sessionEnded = "session_ended"
        /// The source has nothing that the rendition could be made of.
        case unsupported
        /// Another worker has it.
        case leaseLost = "lease_lost"
        /// The bus or the codecs failed.
        case failed
        /// The worker is stopping.
        case draining
    }

    let makers: Gauge
    let samples: Counter
    let damaged: Counter
    let givenUp: Counter
    let endings: CounterFamily<Ending>
    let soundDelay: Histogram
    let pictureDelay: Histogram

    init(_ registry: MetricRegistry) {
        makers = registry.gauge("renditions", "Renditions that are being made here.")
        samples = registry.counter("samples_total", "Samples of renditions that were made.")
        damaged = registry.counter("damaged_samples_total", "Samples of sources that could not be decoded.")
        givenUp = registry.counter(
            "given_up_total",
            "Times that a rendition was left alone because its makers had died of it."
        )
        endings = registry.counters(
            "endings_total",
            "Renditions that are no longer made here.",
            by: "reason",
            Ending.self
        )
        soundDelay = registry.histogram(
            "sound_delay_seconds",
            "From the arrival of the publisher's bytes to the rendition of their sound."
        )
        pictureDelay = registry.histogram(
            "picture_delay_seconds",
            "From the arrival of the publisher's bytes to the rendition of their picture."
        )
    }
}
