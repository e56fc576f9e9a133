import Reactor
import Synchronization
import Telemetry

/// The memory that all live sessions together may hold parts in.
final class MemoryBudget: Sendable {
    private static let leastShare = 1 << 20

    /// The loop that all owners live on.
    let loop: EventLoop
    private let byteLimit: Int
    private let sessions = Atomic<Int>(0)

    init(byteLimit: Int, loop: EventLoop) {
        self.byteLimit = byteLimit
        self.loop = loop
    }

    var sessionCount: Int { sessions.load(ordering: .relaxed) }

    /// What one session may hold: an equal share, at most ``MediaSession/memoryLimit``.
    var share: Int {
        min(MediaSession.memoryLimit, max(Self.leastShare, byteLimit / max(1, sessionCount)))
    }

    func add() { sessions.wrappingAdd(1, ordering: .relaxed) }

    func remove() { sessions.wrappingSubtract(1, ordering: .relaxed) }
}

/// What the origin counts.
struct OriginMeasures: Sendable {
    let parts: Counter
    let partBytes: Counter
    let gaps: Counter
    let recordFailures: Counter
    let recordingsStopped: Counter
    let opening: Gauge
    let feeds: Gauge
    let heldRequests: Gauge
    let movieBuilds: Counter

    init(_ registry: MetricRegistry) {
        parts = registry.counter("parts_published_total", "Parts that were packaged and published.")
        partBytes = registry.counter("parts_published_bytes_total", "Bytes of the parts that were published.")
        gaps = registry.counter("bus_gaps_total", "Times that entries of the bus were missing.")
        recordFailures = registry.counter("recording_failures_total", "Writes that the volume refused.")
        recordingsStopped = registry.counter(
            "recordings_stopped_total",
            "Recordings of live sessions that stopped because the volume refused a part."
        )
        opening = registry.gauge("sessions_opening", "Live streams that are about to be packaged here.")
        feeds = registry.gauge("feeds_open", "Feeds that are being sent.")
        heldRequests = registry.gauge("requests_held", "Requests that wait for a part.")
        movieBuilds = registry.counter("movie_builds_total", "Heads of file.mp4 that were made.")
    }
}
