import Contracts
import Glibc
import Redis

/// Whether somebody publishes a stream, as its writer's heartbeats say.
struct StreamLiveness: Sendable {
    /// Heartbeats older than this are of writers that have gone, in milliseconds.
    private static let heartbeatLimit = 30_000.0
    private static let identifierByteCount = 26

    let bus: RedisClient

    /// Whether there is a session.
    ///
    /// - Throws: ``RedisError`` while the bus cannot be asked.
    func isLive(_ streamID: String) async throws(RedisError) -> Bool {
        let replies = try await bus.pipeline([
            RedisCommand("ZSCORE", BusKeys.live, streamID),
            RedisCommand("HEXISTS", BusKeys.tracks(streamID), BusKeys.sessionField),
        ])
        guard replies.count == 2, replies[1].integer == 1 else { return false }
        guard let beat = replies[0].string.flatMap({ Double($0) }) else { return false }
        return Self.milliseconds - beat < Self.heartbeatLimit
    }

    /// Whether `text` has the form of an ID: 26 characters of lower-case base32.
    static func isIdentifier(_ text: String) -> Bool {
        text.utf8.count == identifierByteCount
            && text.utf8.allSatisfy { (97...122).contains($0) || (50...55).contains($0) }
    }

    private static var milliseconds: Double {
        var time = timespec()
        // SAFETY: the kernel fills a local variable before the call returns.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1e6
    }
}
