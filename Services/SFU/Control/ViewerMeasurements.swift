import Events
import FoundationEssentials
import Lifecycle
import Reactor
import Redis
import Replicas
import Telemetry

/// Tells the suite every few seconds how the viewers of each stream fare.
final class ViewerMeasurements: Service {
    private struct Report: Encodable {
        var streamId: String
        var replica: Int
        var viewers: Int
        var items: [ViewerSummary]
        var rest: StreamMeasurement.Rest
    }

    private static let type = "viewers.measured"
    private static let interval = Duration.seconds(5)
    /// Streams that are told of at a time; where there are more, they take turns.
    private static let streamLimit = 64

    let name = "viewer-measurements"
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
            var last = ""
            while true {
                try await self.client.loop.sleep(for: Self.interval)
                last = await self.tell(after: last)
            }
        }
    }

    /// Tells of the streams whose turn it is.
    ///
    /// - Returns: the last of them.
    private func tell(after last: String) async -> String {
        guard let slot = slots.held else { return last }
        var all: [String: StreamMeasurement] = [:]
        for shard in viewers.shards {
            let measurements = await shard.perform { $0.measurements }
            all.merge(measurements) { known, other in
                var sum = known
                sum.add(other)
                return sum
            }
        }
        let names = all.keys.sorted()
        let start = names.firstIndex { $0 > last } ?? 0
        let turn = (names[start...] + names[..<start]).prefix(Self.streamLimit)
        let commands = turn.compactMap { name in all[name].map { event(name, $0, slot).measurementCommand } }
        if !commands.isEmpty { _ = try? await client.pipeline(commands) }
        return turn.last ?? last
    }

    private func event(_ streamID: String, _ measurement: StreamMeasurement, _ slot: Int) -> SuiteEvent {
        let report = Report(
            streamId: streamID,
            replica: slot,
            viewers: measurement.count,
            items: measurement.items,
            rest: measurement.rest
        )
        let time = Timestamp.now
        return SuiteEvent(
            id: "sfu-measured-\(slot)-\(time)-\(streamID)",
            type: Self.type,
            subject: streamID,
            data: (try? JSONEncoder().encode(report)).map(Array.init) ?? [],
            time: time
        )
    }
}
