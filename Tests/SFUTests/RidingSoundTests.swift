import Contracts
import Crypto
import Media
import Reactor
import Telemetry
import Testing
import WebRTC

@testable import SFU

/// Which sound of a shard waits for the next picture.
@Suite final class RidingSoundTests {
    private static let start: UInt64 = 1_000_000_000
    private let loop = EventLoop(name: "shard")
    private let shard: ViewerShard
    private let feeds = ShardFeeds(byteLimit: 1 << 20, subscribe: { _ in }, unsubscribe: { _ in })
    private let pictures: ShardFeed
    private let sound: ShardFeed
    private var maker = BlockMaker()
    private var soundFrame: UInt64 = 0

    init() throws {
        let measures = SFUMeasures(MetricRegistry(service: "sfu"))
        var configuration = EndpointConfiguration()
        configuration.addresses = ["127.0.0.1"]
        shard = try ViewerShard(
            configuration,
            identity: DTLSIdentity(),
            loop: loop,
            hub: FeedHub(
                loop: loop,
                byteLimit: 1 << 20,
                replica: "test",
                measures: measures,
                logger: Logger(level: .error) { _ in }
            ),
            byteLimit: 1 << 20,
            measures: measures,
            connected: { _ in },
            closed: { _ in }
        )
        pictures = feeds.hold(BusStreamName("s1"))
        sound = feeds.hold(BusStreamName("s1", rendition: .opus))
    }

    deinit { loop.stop() }

    private func watch(_ count: Int) {
        for index in 0..<count {
            let plan = ViewerPlan(
                streamID: "s1",
                canonicalName: "c",
                held: [],
                media: ViewerMedia(video: .pictures(), audio: nil)
            )
            let viewer = Viewer(plan, id: "\(index)", pictures: nil, sound: nil, shard: shard, now: 0)
            for feed in [pictures, sound] { feed.audience.add(viewer) }
        }
    }

    private func deliverPicture(at milliseconds: UInt64) -> Bool {
        var delivery = FeedDelivery(feed: pictures.name, timeline: SessionTimeline())
        delivery.video = [maker.next(arrival: Self.start + milliseconds * 1_000_000)]
        pictures.take(delivery)
        return feeds.releases(delivery, of: pictures, at: Self.start + milliseconds * 1_000_000)
    }

    private func deliverSound(
        _ count: Int = 1,
        at milliseconds: UInt64,
        isSeed: Bool = false
    ) -> Bool {
        var delivery = FeedDelivery(feed: sound.name, timeline: SessionTimeline())
        delivery.audio = (soundFrame..<soundFrame + UInt64(count)).map { .sound($0) }
        delivery.isSeed = isSeed
        soundFrame += UInt64(count)
        sound.take(delivery)
        return feeds.releases(delivery, of: sound, at: Self.start + milliseconds * 1_000_000)
    }

    private var sent: [Int] { sound.audioRing.all.map { max(1, $0.parts.count) } }

    @Test func `with many viewers all that has come goes with the picture as one packet`() {
        watch(200)
        #expect(deliverPicture(at: 0))
        #expect(!deliverSound(at: 10) && !deliverSound(at: 30))
        #expect(sent.isEmpty)
        #expect(deliverPicture(at: 33))
        #expect(sent == [2])
        #expect(!deliverSound(at: 50) && deliverPicture(at: 66))
        #expect(sent == [2, 1])
    }

    @Test func `where no picture comes, sound goes after 60 ms`() {
        watch(200)
        #expect(deliverPicture(at: 0))
        #expect(!deliverSound(at: 20) && !deliverSound(at: 40) && deliverSound(at: 60))
        #expect(sent == [3])
        #expect(deliverSound(at: 80))
        #expect(sent == [3, 1])
    }

    @Test func `few viewers have each packet as it comes`() {
        watch(199)
        #expect(deliverPicture(at: 0) && deliverSound(2, at: 10))
        #expect(sent == [1, 1])
    }

    @Test func `what was there before and what is heard without pictures stays as it is`() {
        watch(200)
        #expect(deliverSound(3, at: 0, isSeed: true) && deliverPicture(at: 0))
        #expect(sent == [1, 1, 1])
        sound.listenerCount = 1
        #expect(deliverSound(2, at: 10))
        #expect(sent == [1, 1, 1, 1, 1])
    }

    @Test func `the sound of another stream does not go with the picture`() {
        watch(200)
        #expect(deliverPicture(at: 0) && !deliverSound(at: 10))
        let other = feeds.hold(BusStreamName("s2"))
        let delivery = FeedDelivery(feed: other.name, video: [maker.next()], timeline: SessionTimeline())
        #expect(feeds.releases(delivery, of: other, at: Self.start))
        #expect(sent.isEmpty)
    }
}
