import Contracts
import FoundationEssentials
import Lifecycle
import Reactor
import Redis
import Telemetry

/// Hears of revoked stream keys within a second, by events or, while those are down, by asking.
struct Revocations: Service {
    private struct Event: Decodable {
        var keyId: String
    }

    private static let type = "key.revoked"
    private static let blockMilliseconds = 500
    private static let batchCount = 100
    private static let interval = Duration.milliseconds(500)

    let name = "revocations"
    let redis: RedisClient
    let authority: any PublishAuthority
    let registry: PublisherRegistry
    let loop: EventLoop
    let logger: Logger

    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling { await follow() }
    }

    private func follow() async {
        var position: String?
        while !Task.isCancelled {
            do throws(RedisError) {
                if let after = position {
                    position = try await read(after: after)
                } else {
                    position = try await newest()
                    // What was said before is not heard again, so ask once.
                    await ask()
                }
            } catch {
                position = nil
                await ask()
                try? await loop.sleep(for: Self.interval)
            }
        }
    }

    /// The ID of the newest event, from which on they are read.
    private func newest() async throws(RedisError) -> String {
        let reply = try await redis.command("XREVRANGE", EventStream.key, "+", "-", "COUNT", 1)
        return reply.array?.first?.array?.first?.string ?? "0"
    }

    private func read(after position: String) async throws(RedisError) -> String {
        let reply = try await redis.command(
            "XREAD",
            "COUNT",
            Self.batchCount,
            "BLOCK",
            Self.blockMilliseconds,
            "STREAMS",
            EventStream.key,
            position
        )
        var last = position
        for entry in reply.array?.first?.array?.last?.array ?? [] {
            guard let parts = entry.array, let id = parts.first?.string else { continue }
            last = id
            act(on: parts.last?.array?.compactMap(\.string) ?? [])
        }
        return last
    }

    private func act(on fields: [String]) {
        let pairs = stride(from: 0, to: fields.count - 1, by: 2).map { (fields[$0], fields[$0 + 1]) }
        let event = Dictionary(pairs) { first, _ in first }
        guard event["type"] == Self.type, let data = event["data"],
            let decoded = try? JSONDecoder().decode(Event.self, from: Data(data.utf8))
        else { return }
        registry.revoke([decoded.keyId])
    }

    /// Asks which keys of running publishers are valid no more; without an answer they go on.
    private func ask() async {
        let keyIDs = Set(registry.carriers.map(\.publisher.key.keyID)).subtracting([""])
        guard !keyIDs.isEmpty, let revoked = try? await authority.revoked(among: Array(keyIDs)) else {
            return
        }
        if !revoked.isEmpty { registry.revoke(revoked) }
    }
}
