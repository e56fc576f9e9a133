import Contracts
import Testing

@testable import SFU

/// Sound and all layers of a stream are told by one line, whichever of them comes with the least delay.
@Suite struct SharedTimelineTests {
    private let feeds = ShardFeeds(byteLimit: 1 << 20, subscribe: { _ in }, unsubscribe: { _ in })

    /// Delivers a picture by a line of its own, `delay` nanoseconds behind the media.
    private func deliver(_ name: BusStreamName, delay: Int64) -> ShardFeed {
        let feed = feeds[name] ?? feeds.hold(name)
        var own = SessionTimeline()
        own.add(mediaTime: 0, wallClock: delay, now: 0)
        var maker = BlockMaker()
        let video = [maker.next(isKeyframe: true, captureTime: own.wallClock(at: 0).map(NTPClock.time))]
        feed.take(
            FeedDelivery(feed: name, video: video, timeline: own),
            on: feeds.sharedTimeline(for: feed)
        )
        return feed
    }

    private func told(_ feed: ShardFeed) -> UInt64? { feed.videoRing.block(at: 0)?.captureTime }

    @Test func `what belongs to pictures is told by their line`() throws {
        let pictures = deliver(BusStreamName("s1"), delay: 70_000_000)
        let sound = deliver(BusStreamName("s1", rendition: .opus), delay: 46_000_000)
        let other = deliver(BusStreamName("s2", rendition: .opus), delay: 46_000_000)
        #expect(sound.timeline == pictures.timeline && other.timeline != pictures.timeline)
        let mediaTime = try #require(pictures.videoRing.block(at: 0)).mediaTime
        #expect(told(sound) == NTPClock.time(mediaTime + 70_000_000))
        #expect(told(other) == NTPClock.time(46_000_000))
    }

    @Test func `without the stream's own feed the pictures without B-frames have the line`() {
        let sound = deliver(BusStreamName("s1", rendition: .opus), delay: 46_000_000)
        #expect(sound.timeline.offset == 46_000_000)
        let pictures = deliver(BusStreamName("s1", rendition: .withoutBFrames), delay: 90_000_000)
        #expect(pictures.timeline.offset == 90_000_000)
        #expect(deliver(sound.name, delay: 46_000_000).timeline.offset == 90_000_000)
        #expect(deliver(BusStreamName("s1"), delay: 70_000_000).timeline.offset == 70_000_000)
        #expect(deliver(pictures.name, delay: 90_000_000).timeline.offset == 70_000_000)
    }
}
