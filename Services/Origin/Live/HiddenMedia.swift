import FoundationEssentials
import Lifecycle
import Postgres
import Reactor
import Synchronization
import Telemetry

/// What was deleted in the catalog: nobody sees it any more, although it can be had back for some seconds.
struct HiddenMedia: Sendable, Equatable {
    /// Streams of which nothing is shown.
    var streams: Set<String> = []
    /// Sessions whose recording is not shown.
    var sessions: Set<String> = []

    /// Whether a session of a stream is not to be shown.
    func contains(session: String, of stream: String) -> Bool {
        streams.contains(stream) || sessions.contains(session)
    }
}

/// Keeps the directory told of what the catalog hides: at once by its events, and now and then without.
final class HiddenMediaWatch: Service {
    private static let interval = Duration.seconds(5)
    private static let types: Set<String> = ["recording.updated", "recording.deleted", "stream.updated"]

    let name = "hidden-media"
    private let pool: PostgresPool
    private let directory: SessionDirectory
    private let loop: EventLoop
    private let logger: Logger
    private let (signals, signal) = AsyncStream.makeStream(
        of: Void.self,
        bufferingPolicy: .bufferingNewest(1)
    )

    init(pool: PostgresPool, directory: SessionDirectory, loop: EventLoop, logger: Logger) {
        self.pool = pool
        self.directory = directory
        self.loop = loop
        self.logger = logger
    }

    /// Looks again where an event may be about something that was deleted or had back.
    func heard(eventOf type: String) {
        if Self.types.contains(type) { signal.yield() }
    }

    /// Looks until `shutdown` is requested.
    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling {
            try await withThrowingTaskGroup { group in
                group.addTask {
                    while true {
                        self.signal.yield()
                        try await self.loop.sleep(for: Self.interval)
                    }
                }
                group.addTask { await self.keepLooking() }
                try await group.waitForAll()
            }
        }
    }

    private func keepLooking() async {
        var isFailing = false
        for await _ in signals {
            do {
                try await look()
                isFailing = false
            } catch {
                // What is known to be hidden stays so.
                if !isFailing { logger.log(.warning, "cannot look for what is hidden", [.error: "\(error)"]) }
                isFailing = true
            }
        }
    }

    /// Reads what is hidden.
    func look() async throws {
        let rows = try await pool.query("SELECT stream_id, session_id FROM catalog.v1_hidden_media")
        var hidden = HiddenMedia()
        for row in rows {
            if let session = row["session_id"].text {
                hidden.sessions.insert(session)
            } else {
                hidden.streams.insert(try row.string("stream_id"))
            }
        }
        directory.hide(hidden)
    }
}
