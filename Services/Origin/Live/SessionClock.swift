import Lifecycle
import Reactor

/// Gives up requests that have been held for too long, and memory that is no longer needed.
struct SessionClock: Service {
    private static let interval = Duration.milliseconds(100)

    let name = "session-clock"
    let directory: SessionDirectory
    let loop: EventLoop

    /// Runs until `shutdown` is requested.
    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling {
            while true {
                try await loop.sleep(for: Self.interval)
                let now = EventLoop.now
                for session in directory.allSessions { session.expireWaiters(at: now) }
                directory.sweep(at: now)
            }
        }
    }
}
