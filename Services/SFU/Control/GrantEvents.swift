import FoundationEssentials
import Lifecycle
import Reactor
import Redis
import Telemetry

/// Follows the events of the suite, and ends the sessions of a grant that was revoked.
final class GrantEvents: Service {
    private struct Revocation: Decodable {
        var grant: String
    }

    private static let key = "events"
    private static let blockMilliseconds = 1000
    private static let retryDelay = Duration.milliseconds(200)

    let name = "grant-events"
    private let client: RedisClient
    private let viewers: ViewerDirectory
    private let graceLimit: Duration
    private let logger: Logger

    /// Creates a follower.
    ///
    /// - Parameters:
    ///   - client: A connection of its own, since reading blocks it.
    ///   - graceLimit: How long sessions go on while no event can be read; then all are ended.
    init(client: RedisClient, viewers: ViewerDirectory, graceLimit: Duration, logger: Logger) {
        self.client = client
        self.viewers = viewers
        self.graceLimit = graceLimit
        self.logger = logger
    }

    /// Follows until `shutdown` is requested.
    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling { try await self.follow() }
    }

    private func follow() async throws {
        var last: String?
        var lastContact = EventLoop.now
        while true {
            do throws(RedisError) {
                last = if let known = last { try await read(after: known) } else { try await newest() }
                lastContact = EventLoop.now
            } catch {
                if EventLoop.now &- lastContact > graceLimit.nanoseconds {
                    logger.log(.warning, "no events for too long: ending what needs a grant")
                    viewers.revokeAll()
                    lastContact = EventLoop.now
                }
                try await client.loop.sleep(for: Self.retryDelay)
            }
            try Task.checkCancellation()
        }
    }

    private func newest() async throws(RedisError) -> String {
        let reply = try await client.command("XREVRANGE", Self.key, "+", "-", "COUNT", 1)
        return reply.array?.first?.array?.first?.string ?? "0-0"
    }

    private func read(after last: String) async throws(RedisError) -> String {
        let reply = try await client.command(
            "XREAD",
            "COUNT",
            256,
            "BLOCK",
            Self.blockMilliseconds,
            "STREAMS",
            Self.key,
            last,
            deadline: .milliseconds(Self.blockMilliseconds + 5000)
        )
        var last = last
        for entry in Self.entries(of: reply) {
            guard let halves = entry.array, halves.count == 2, let id = halves[0].string else { continue }
            last = id
            take(halves[1].pairs ?? [])
        }
        return last
    }

    private static func entries(of reply: RedisValue) -> [RedisValue] {
        if let pairs = reply.pairs, let first = pairs.first { return first.value.array ?? [] }
        return reply.array?.first?.array?.last?.array ?? []
    }

    private func take(_ fields: [(name: String, value: RedisValue)]) {
        let values = Dictionary(fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        guard values["type"]?.string == "grant.revoked" else { return }
        let data = values["data"]?.bytes.flatMap {
            try? JSONDecoder().decode(Revocation.self, from: Data($0))
        }
        guard let grant = data?.grant ?? values["subject"]?.string else { return }
        let ended = viewers.revoke(grant)
        if ended > 0 { logger.log(.info, "ended the sessions of a revoked grant", [.count: ended]) }
    }
}

extension LogKey {
    /// How many things an event is about.
    static let count = LogKey(rawValue: "count")
}
