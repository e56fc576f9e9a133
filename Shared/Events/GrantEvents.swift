import Contracts
import FoundationEssentials
public import Lifecycle
import Reactor
public import Redis
public import Telemetry

/// What holds things open under grants.
public protocol GrantHolder: AnyObject, Sendable {
    /// Closes all that is open under `grant`, and returns how many things that were.
    @discardableResult func revoke(_ grant: String) -> Int
    /// Closes all that is open under any grant.
    func revokeAll()
}

/// Follows the events of the suite, closes what is open under a grant that was revoked, and tells of the rest.
public final class GrantEvents: Service {
    private struct Revocation: Decodable {
        var grant: String
    }

    private static let blockMilliseconds = 1000
    private static let retryDelay = Duration.milliseconds(200)

    /// What the service is called.
    public let name = "grant-events"
    private let client: RedisClient
    private let grants: any GrantHolder
    private let graceLimit: Duration
    private let logger: Logger
    private let heard: @Sendable (_ type: String) -> Void

    /// Creates a follower.
    ///
    /// - Parameters:
    ///   - client: A connection of its own, since reading blocks it.
    ///   - graceLimit: How long open responses go on while no event can be read; then all are closed.
    ///   - heard: Is told the type of every other event.
    public init(
        client: RedisClient,
        grants: any GrantHolder,
        graceLimit: Duration,
        logger: Logger,
        heard: @escaping @Sendable (_ type: String) -> Void = { _ in }
    ) {
        self.client = client
        self.grants = grants
        self.graceLimit = graceLimit
        self.logger = logger
        self.heard = heard
    }

    /// Follows until `shutdown` is requested.
    public func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling { try await self.follow() }
    }

    private func follow() async throws {
        var last: String?
        var lastContact = EventLoop.now
        while true {
            do throws(RedisError) {
                if let known = last {
                    last = try await read(after: known)
                } else {
                    last = try await newest()
                }
                lastContact = EventLoop.now
            } catch {
                if EventLoop.now &- lastContact > graceLimit.nanoseconds {
                    logger.log(.warning, "no events for too long: closing what needs a grant")
                    grants.revokeAll()
                    lastContact = EventLoop.now
                }
                try await client.loop.sleep(for: Self.retryDelay)
            }
            try Task.checkCancellation()
        }
    }

    private func newest() async throws(RedisError) -> String {
        let reply = try await client.command("XREVRANGE", EventStream.key, "+", "-", "COUNT", 1)
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
            EventStream.key,
            last,
            deadline: .milliseconds(Self.blockMilliseconds + 5000)
        )
        var last = last
        for (_, entries) in Self.streams(of: reply) {
            for entry in entries.array ?? [] {
                guard let halves = entry.array, halves.count == 2, let id = halves[0].string else { continue }
                last = id
                take(halves[1].pairs ?? [])
            }
        }
        return last
    }

    private static func streams(of reply: RedisValue) -> [(name: String, value: RedisValue)] {
        if let pairs = reply.pairs, !pairs.isEmpty { return pairs }
        return (reply.array ?? []).compactMap { stream in
            guard let halves = stream.array, halves.count == 2, let name = halves[0].string else {
                return nil
            }
            return (name, halves[1])
        }
    }

    private func take(_ fields: [(name: String, value: RedisValue)]) {
        let values = Dictionary(fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        let type = values["type"]?.string ?? ""
        guard type == "grant.revoked" else { return heard(type) }
        let data = values["data"]?.bytes.flatMap {
            try? JSONDecoder().decode(Revocation.self, from: Data($0))
        }
        guard let grant = data?.grant ?? values["subject"]?.string else { return }
        let closed = grants.revoke(grant)
        if closed > 0 { logger.log(.info, "closed what a revoked grant had open", [.count: closed]) }
    }
}
