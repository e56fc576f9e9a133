import Events
import FoundationEssentials
import Lifecycle
import Reactor
import Redis
import Replicas
import Telemetry

/// Tells the suite how many watch each stream, as an event whenever that has changed, at most once a second.
final class ViewerCounts: Service {
    private struct Change: Encodable {
        var streamId: String
        var replica: Int
        var viewers: Int
    }

    private static let type = "viewers.changed"
    private static let interval = Duration.seconds(1)

    let name = "viewer-counts"
    private let client: RedisClient
    private let viewers: ViewerDirectory
    private let slots: SlotLease

    init(client: RedisClient, viewers: ViewerDirectory, slots: SlotLease) {
        self.client = client
        self.viewers = viewers
        self.slots = slots
    }

    /// Tells until `shutdown` is requested.
    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling {
            var told: [String: Int] = [:]
            while true {
                try await self.client.loop.sleep(for: Self.interval)
                await self.tell(&told)
            }
        }
    }

    private func tell(_ told: inout [String: Int]) async {
        let counts = viewers.counts
        for streamID in Set(told.keys).union(counts.keys) {
            let count = counts[streamID] ?? 0
            guard count != told[streamID, default: 0] else { continue }
            guard (try? await send(streamID, count)) != nil else { return }
            told[streamID] = count == 0 ? nil : count
        }
    }

    private func send(_ streamID: String, _ count: Int) async throws(RedisError) {
        let change = Change(streamId: streamID, replica: slots.slot ?? 0, viewers: count)
        guard let data = try? JSONEncoder().encode(change) else { return }
        let time = Timestamp.now
        let event = SuiteEvent(
            id: "sfu-\(change.replica)-\(time)-\(streamID)",
            type: Self.type,
            subject: streamID,
            data: Array(data),
            time: time
        )
        _ = try await client.command(event.command)
    }
}
