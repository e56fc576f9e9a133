import Contracts
import Lifecycle
import Postgres
import Reactor
import Telemetry

/// Deletes the media of recordings that were deleted in the catalog and can no longer be had back.
struct PurgeService: Service {
    private static let interval = Duration.seconds(30)
    /// How long ago a recording may have been given up and still be looked for, after an outage of this volume.
    private static let horizon = "7 days"

    let name = "purge"
    let pool: PostgresPool
    let volume: Volume
    let directory: SessionDirectory
    let loop: EventLoop
    let logger: Logger

    /// Looks for recordings that were given up until `shutdown` is requested.
    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling {
            var isFailing = false
            while true {
                do {
                    try await purge()
                    isFailing = false
                } catch {
                    if !isFailing {
                        logger.log(.warning, "cannot look for deleted recordings", [.error: "\(error)"])
                    }
                    isFailing = true
                }
                try await loop.sleep(for: Self.interval)
            }
        }
    }

    /// Deletes what is there of the recordings that were given up.
    func purge() async throws {
        let rows = try await pool.query(
            """
            SELECT stream_id, session_id FROM catalog.v1_recordings
            WHERE purged_at > now() - interval '\(Self.horizon)'
            """
        )
        let root = volume.root
        let folders = try rows.compactMap { row -> SessionFolder? in
            let (stream, session) = (try row.string("stream_id"), try row.string("session_id"))
            guard Identifier.isValid(stream), Identifier.isValid(session) else { return nil }
            return SessionFolder(root: root, streamID: stream, sessionID: session)
        }
        let found = await volume.reading { folders.filter { FileSystem.exists($0.path) } }
        for folder in found {
            directory.forget(folder.path)
            volume.perform { FileSystem.removeFolder(folder.path) }
            logger.log(.info, "deleted a recording", [.folder: folder.path])
        }
    }
}
