import Contracts
import Media
import MediaBus
import Synchronization
import Telemetry
import Testing

@testable import SFU

@Suite struct StreamFeedTests {
    private static let measures = SFUMeasures(MetricRegistry(service: "sfu"))

    private func feed() -> StreamFeed {
        StreamFeed(BusStreamName("stream"), byteLimit: 1 << 20, measures: Self.measures, scheduleFlush: {})
    }

    @Test func `who has waited long enough for a stream is not remembered`() throws {
        let feed = feed()
        var answers = 0
        for _ in 0..<100 {
            let waiter = try #require(feed.whenDecided { _ in answers += 1 })
            feed.giveUp(waiter)
            feed.giveUp(waiter)
        }
        #expect(answers == 100 && feed.waiterCount == 0)
        _ = feed.whenDecided { _ in answers += 1 }
        feed.decide()
        #expect(answers == 101 && feed.waiterCount == 0)
    }

    @Test func `the time of capture is when it reached ingest, not when it came here`() throws {
        let feed = feed()
        let track = TrackConfiguration(
            track: TrackID(rawValue: 1),
            generation: 1,
            codec: .opus,
            timescale: 48_000,
            decoderConfiguration: [],
            codecString: "opus",
            kind: .audio(.init(sampleRate: 48_000, channelCount: 2))
        )
        let session = SessionDescription(
            streamId: "stream",
            sessionId: "session",
            epoch: 1,
            slug: "slug",
            title: "title",
            startedAt: "2026-01-01T00:00:00Z",
            publisher: .init(protocol: "whip", encoder: "test", address: "192.0.2.1"),
            tracks: [.init(track: 1, generation: 1)]
        )
        feed.tracksChanged(session, tracks: [track])
        let subscriber = Collector()
        let clock: UInt64 = 1_700_000_000_000_000_000
        let sample = BusSample(
            track: track.track,
            generation: 1,
            flags: .keyframe,
            decodeTime: 480_000,
            captureClock: clock,
            payload: [0xfc, 1, 2]
        )
        feed.receive(BusEntry(keyframeCounter: 1, samples: [sample]), id: BusEntryID(epoch: 1, counter: 1))
        feed.subscribe(subscriber)
        #expect(subscriber.newest.withLock { $0 }?.timeline.wallClock(at: 10_000_000_000) == Int64(clock))
    }

    private final class Collector: FeedSubscriber {
        let newest = Mutex<FeedDelivery?>(nil)
        func receive(_ delivery: FeedDelivery) { newest.withLock { $0 = delivery } }
    }
}
