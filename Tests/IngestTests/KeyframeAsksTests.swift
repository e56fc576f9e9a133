import Contracts
import Lifecycle
import MediaBus
import Reactor
import Redis
import Synchronization
import TestSupport
import Testing

@testable import Ingest

@Suite(.timeLimit(.minutes(1))) struct KeyframeAsksTests {
    private final class Found: Sendable {
        let requests = Mutex<[String: Set<KeyframeRequest>]>([:])
        var all: [String: Set<KeyframeRequest>] { requests.withLock { $0 } }
    }

    @Test func `a bus that does not answer is asked once, and for all streams in one go`() async throws {
        try await IngestHarness.run { harness in
            let streams = (0..<50).map { "stream\($0)" }
            let found = Found()
            let asks = KeyframeAsks(shard: harness.parts.shards[0], errands: harness.parts.errands) {
                id,
                wanted in
                found.requests.withLock { $0[id, default: []].formUnion(wanted) }
            }
            let channel = BusBackChannel(harness.commands)
            try await channel.askForKeyframe(of: "stream7")
            try await channel.askForKeyframe(of: "stream49")
            harness.redis.pause()
            var now = EventLoop.now
            for _ in 0..<100 {
                await asks.ask(of: streams, at: now)
                now += KeyframeAsks.interval
            }
            #expect(await !asks.isDue(at: now))
            harness.redis.resume()
            try await eventually("what is wanted is found") { found.all.count == 2 }
            #expect(found.all == ["stream7": [.all], "stream49": [.all]])
            let statistics = try await harness.commands.command("INFO", "commandstats").string ?? ""
            #expect(statistics.contains("cmdstat_spop:calls=50,"))
            try await eventually("it is time for the next question") { await asks.isDue(at: now) }
            try await channel.askForKeyframe(of: "stream3")
            await asks.ask(of: streams, at: now)
            try await eventually("that is found, too") { found.all["stream3"] == [.all] }
        }
    }

    @Test func `no more errands are under way than there may be`() async throws {
        let errands = Errands()
        let gate = Shutdown()
        try await running(errands) {
            for _ in 0..<Errands.limit { #expect(errands.run { try? await gate.requested() }) }
            #expect(!errands.run {})
            gate.request()
            try await eventually("there is room again") { errands.run {} }
        }
    }
}
