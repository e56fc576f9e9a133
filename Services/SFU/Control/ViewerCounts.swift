import Events
import FoundationEssentials
import Lifecycle
import Reactor
import Redis
import Replicas
import Telemetry

/// Tells the suite how many watch each stream, as an event whenever that has changed, at most once a second.
///
/// What was told stands on Redis too, by slot: whoever comes after a replica that was killed, in its slot or in
/// another, takes it back.
final class ViewerCounts: Service {
    private struct Change: Encodable {
        var streamId: String
        var replica: Int
        var viewers: Int
    }

    private static let type = "viewers.changed"
    private static let interval = Duration.seconds(1)
    /// Rounds from one look at what others have told to the next.
    private static let lookInterval = 5

    let name = "viewer-counts"
    private let client: RedisClient
    private let slots: SlotLease
    private let logger: Logger
    private let counts: @Sendable () -> [String: Int]

    /// Creates a service that tells what `counts` returns: viewers, by stream.
    init(
        client: RedisClient,
        slots: SlotLease,
        logger: Logger,
        counts: @escaping @Sendable () -> [String: Int]
    ) {
        self.client = client
        self.slots = slots
        self.logger = logger
        self.counts = counts
    }

    /// Tells until `shutdown` is requested, and then that nobody watches here any more.
    func run(until shutdown: Shutdown) async throws {
        var told: [String: Int]?
        var round = 0
        while !shutdown.isRequested {
            if let slot = slots.held {
                await tell(slot, &told, round: round)
                round += 1
            }
            _ = try await shutdown.cancelling { try await self.client.loop.sleep(for: Self.interval) }
        }
        guard let slot = slots.held, let told, !told.isEmpty else { return }
        _ = try? await send([:], since: told, slot)
    }

    private func tell(_ slot: Int, _ told: inout [String: Int]?, round: Int) async {
        do throws(RedisError) {
            // A replica that had the slot before may have told something.
            if told == nil { told = try await recall(slot) }
            if round % Self.lookInterval == Self.lookInterval - 1 { try await look(slot, &told) }
            told = try await send(counts(), since: told ?? [:], slot)
        } catch {
            logger.log(.debug, "viewers cannot be told of", [.error: "\(error)"])
        }
    }

    /// Takes back what replicas have told that are no more, and notices where somebody has done so with this one.
    private func look(_ slot: Int, _ told: inout [String: Int]?) async throws(RedisError) {
        if try await client.command("EXISTS", Self.key(slot)).integer == 0 { told = [:] }
        for vacant in try await slots.vacant() where vacant != slot {
            let left = try await take(vacant)
            guard !left.isEmpty else { continue }
            logger.log(.notice, "the viewers of a replica that is gone are counted no more", [.slot: vacant])
            for streamID in left.keys { _ = try await client.command(event(streamID, 0, vacant).command) }
        }
    }

    private func recall(_ slot: Int) async throws(RedisError) -> [String: Int] {
        Self.counts(in: try await client.command("GET", Self.key(slot)))
    }

    private func take(_ slot: Int) async throws(RedisError) -> [String: Int] {
        Self.counts(in: try await client.command("GETDEL", Self.key(slot)))
    }

    /// Tells what is not as it was told before.
    ///
    /// - Returns: what is known then.
    private func send(
        _ counts: [String: Int],
        since told: [String: Int],
        _ slot: Int
    ) async throws(RedisError) -> [String: Int] {
        let changed = Set(told.keys).union(counts.keys).filter { counts[$0] != told[$0] }
        guard !changed.isEmpty else { return counts }
        let events = changed.sorted().map { event($0, counts[$0] ?? 0, slot).command }
        let known = (try? JSONEncoder().encode(counts)).map(Array.init) ?? []
        _ = try await client.pipeline(events + [RedisCommand("SET", Self.key(slot), known)])
        return counts
    }

    private func event(_ streamID: String, _ count: Int, _ slot: Int) -> SuiteEvent {
        let change = Change(streamId: streamID, replica: slot, viewers: count)
        let time = Timestamp.now
        return SuiteEvent(
            id: "sfu-\(slot)-\(time)-\(streamID)",
            type: Self.type,
            subject: streamID,
            data: (try? JSONEncoder().encode(change)).map(Array.init) ?? [],
            time: time
        )
    }

    private static func counts(in reply: RedisValue) -> [String: Int] {
        reply.bytes.flatMap { try? JSONDecoder().decode([String: Int].self, from: Data($0)) } ?? [:]
    }

    private static func key(_ slot: Int) -> String { "sfu:told:\(slot)" }
}
