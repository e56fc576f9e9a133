import Contracts
import Foundation
import Media
import MediaBus
import Reactor
import Telemetry
import TestSupport
import Testing

@testable import Ingest

/// Two publishers of one stream, on one replica and on two: one of them has it, and the other is told so.
@Suite(.timeLimit(.minutes(5)), .serialized) struct TakeoverTests {
    private static let texts = [PublishRefusal.busy.text, PublisherEnd.replaced.text]

    @Test(arguments: [false, true])
    func `a publisher that has been silent is replaced`(byAnotherReplica: Bool) async throws {
        try await IngestHarness.run { harness in
            try await harness.withReplica { replica in
                try await takeOver(harness, on: byAnotherReplica ? replica : harness.own)
            }
        }
    }

    private func takeOver(_ harness: IngestHarness, on replica: IngestHarness.Replica) async throws {
        let (registry, received) = (harness.parts.context.registry, harness.received)
        let first = try Publisher(harness.url())
        try await eventually("the first one publishes") { received.contents.samples.count > 30 }
        first.pause()
        let silence = Instant.now
        #expect(!registry.reserve(IngestHarness.streamID))
        #expect(try await replica.parts.shards[0].isPublisherActive(IngestHarness.streamID))
        try await eventually("it counts as silent") {
            let carriers = registry.carriers
            let isSilent = carriers.allSatisfy { EventLoop.now &- $0.lastMedia > 2_000_000_000 }
            let isActive = try await replica.parts.shards[0].isPublisherActive(IngestHarness.streamID)
            return !carriers.isEmpty && isSilent && !isActive
        }
        #expect((.seconds(1.8)...(.seconds(4))).contains(silence.duration(to: .now)))
        let second = try Publisher(replica.url, size: "640x360", seconds: 3)
        try await eventually("the second one publishes") {
            Set(received.contents.entries.map(\.id.epoch)).count == 2
        }
        first.resume()
        #expect(try await first.complaints().contains(PublisherEnd.replaced.text))
        try await eventually("the session ends") { received.contents.end == .endOfSession }
        #expect(try await second.complaints() == "")
        try expectOneStream(received.contents)
        #expect(received.contents.flags.contains(.publisherBack))
        try await eventually("the catalog knows") { try await harness.sessionStates() == ["ended"] }
    }

    private typealias Instant = ContinuousClock.Instant

    /// The pictures of both go on without a gap in one session, those of the second after those of the first.
    private func expectOneStream(_ contents: ReceivedStream.Contents) throws {
        let video = contents.samples(of: .video)
        let first = try #require(video.first?.sequence)
        #expect(video.map(\.sequence) == Array(first..<first + UInt32(video.count)))
        #expect(zip(video, video.dropFirst()).allSatisfy { $0.decodeTime < $1.decodeTime })
        let epochs = contents.entries.map(\.id.epoch)
        #expect(epochs == epochs.sorted())
        #expect(contents.gapCount == 0)
    }

    @Test(arguments: [false, true])
    func `of two that come at once, one publishes`(onTwoReplicas: Bool) async throws {
        try await IngestHarness.run { harness in
            try await harness.withReplica { replica in
                try await race(harness, against: onTwoReplicas ? replica : harness.own)
            }
        }
    }

    /// More than the handshake, and less than all that a client sends up to `publish`.
    private static let requestByteCount: UInt64 = 3300

    /// Both wait for the bus, and ask the database and the gate within the same moment.
    private func race(_ harness: IngestHarness, against replica: IngestHarness.Replica) async throws {
        let received = harness.received
        harness.redis.kill()
        try await eventually("the bus is missed") {
            !(harness.parts.shards + replica.parts.shards).contains(where: \.isConnected)
        }
        let sharers: Int64 = replica.server === harness.server ? 2 : 1
        let counters = [harness.parts, replica.parts].map(\.context.metrics)
        let publishers = [try Publisher(harness.url()), try Publisher(replica.url)]
        try await eventually("both have asked to publish") {
            counters.allSatisfy { metrics in
                let byteCount = Self.requestByteCount * UInt64(sharers)
                return metrics.connections.current == sharers && metrics.receivedBytes.current > byteCount
            }
        }
        try harness.redis.start()
        try await eventually("one is sent away") { publishers.filter(\.isRunning).count == 1 }
        let loser = try #require(publishers.first { $0.isRunning == false })
        let complaint = try await loser.complaints()
        #expect(Self.texts.contains { complaint.contains($0) })
        let winner = try #require(publishers.first { $0.isRunning })
        let epoch = received.contents.entries.last?.id.epoch ?? 0
        try await eventually("the other one publishes") {
            received.contents.entries.count { $0.id.epoch >= epoch } > 60
        }
        #expect(winner.isRunning)
        try winner.finish()
        try await eventually("the session ends") { received.contents.end == .endOfSession }
        var winning = received.contents
        // The loser may have opened a session of its own, and written a picture or two, before it was told.
        let last = winning.entries.last?.id.epoch
        winning.entries.removeAll { $0.id.epoch != last }
        try expectOneStream(winning)
    }
}
