import Lifecycle
import Postgres
import Reactor
import Telemetry

/// Once, at the start: tells the catalog of recordings that an earlier process finished but could not report.
struct UnreportedRecordings: Service {
    private static let retryDelay = Duration.seconds(2)

    let name = "unreported-recordings"
    let pool: PostgresPool
    let volume: Volume
    let directory: SessionDirectory
    let reporter: RecordingReporter
    let loop: EventLoop
    let logger: Logger

    /// Looks until it could once, then waits for `shutdown`.
    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling {
            while true {
                do {
                    return try await look()
                } catch let error as PostgresError {
                    logger.log(.info, "cannot compare recordings with the catalog yet", [.error: "\(error)"])
                    try await loop.sleep(for: Self.retryDelay)
                }
            }
        }
        try await shutdown.requested()
    }

    /// Hands the reporter what lies finished on the volume and is not known to be so.
    func look() async throws {
        let root = volume.root
        let stored = await volume.reading { SessionFolder.all(root: root) }
        guard !stored.isEmpty else { return }
        let known = try await pool.query(
            "SELECT session_id FROM catalog.v1_recordings WHERE state <> 'recording' AND session_id = ANY ($1::text[])",
            [.texts(stored.map(\.sessionID))]
        ).map { try $0.string("session_id") }
        let reported = Set(known)
        for (streamID, sessionID) in stored where !reported.contains(sessionID) {
            await report(sessionID, of: streamID)
        }
    }

    private func report(_ sessionID: String, of streamID: String) async {
        let folder = SessionFolder(root: volume.root, streamID: streamID, sessionID: sessionID)
        guard let record = await volume.reading({ folder.record }), record.state != .recording,
            case .found(let session) = await directory.session(sessionID, of: streamID)
        else { return }
        logger.log(.info, "reporting a recording late", [.session: sessionID])
        reporter.begin(session, failure: record.lastingFailure)
        reporter.end(session)
    }
}
