import Contracts
import FoundationEssentials
import Lifecycle
import Postgres
import Reactor
import Telemetry

/// Deletes what was recorded longer ago than the retention allows, a session at a time.
struct RetentionService: Service {
    private static let interval = Duration.seconds(600)

    let name = "retention"
    let volume: Volume
    let directory: SessionDirectory
    /// How long ended sessions are kept; zero keeps them for ever.
    let retention: Duration
    let loop: EventLoop
    let logger: Logger
    /// Where the catalog is told of what was deleted.
    var pool: PostgresPool?

    /// Looks for old sessions until `shutdown` is requested.
    func run(until shutdown: Shutdown) async throws {
        guard retention > .zero else { return try await shutdown.requested() }
        _ = try await shutdown.cancelling {
            while true {
                await deleteOld(now: Timestamp.nowMicroseconds)
                try await loop.sleep(for: Self.interval)
            }
        }
    }

    /// Deletes the sessions whose last change is longer ago than the retention.
    func deleteOld(now: Int64) async {
        let root = volume.root
        // RFC 3339 in UTC sorts like the times it stands for.
        let limit = Timestamp.rfc3339(microseconds: now - Int64(clamping: retention.nanoseconds / 1000))
        let old = await volume.reading {
            FileSystem.names(in: "\(root)/live").filter(Identifier.isValid).flatMap { streamID in
                SessionFolder.sessions(root: root, streamID: streamID)
                    .filter { $0.record.state != .recording && $0.record.updatedAt < limit }
                    .map { SessionFolder(root: root, streamID: streamID, sessionID: $0.id) }
            }
        }
        for folder in old {
            directory.forget(folder.path)
            volume.perform { FileSystem.removeFolder(folder.path) }
            logger.log(.info, "deleted an old recording", [.folder: folder.path])
            await tellCatalog(folder)
        }
    }

    private func tellCatalog(_ folder: SessionFolder) async {
        guard let session = folder.path.split(separator: "/").last else { return }
        do {
            _ = try await pool?.query("SELECT catalog.v1_forget_recording($1)", [.text(String(session))])
        } catch {
            // The list then shows a recording that answers 404, until an administrator deletes it.
            logger.log(.warning, "the catalog could not be told of a deletion", [.error: "\(error)"])
        }
    }
}

extension LogKey {
    /// The folder an event is about.
    static let folder = LogKey(rawValue: "folder")
}
