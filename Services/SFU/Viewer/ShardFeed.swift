import Contracts

/// One feed as one shard has it: its newest packets and who is sent them.
final class ShardFeed {
    /// What a packet adds to a frame of sound, which is about as long.
    private static let soundHeaderByteCount = 20

    let name: BusStreamName
    private(set) var videoRing: PacketRing
    private(set) var audioRing: PacketRing
    private var waitingSound = WaitingSound()
    /// By which its times of capture and reports are; that of the stream's other feeds too.
    private(set) var timeline = SessionTimeline()
    private(set) var isAway = false
    private(set) var problem: FeedProblem?
    private(set) var hasEnded = false
    private(set) var rate = PictureRate()
    /// The same of the sound.
    private(set) var soundRate = PictureRate()
    /// The layers of the simulcast whose own feed it is, the smallest first.
    fileprivate(set) var layers: [ShardLayer] = []
    /// Who takes its pictures or its sound, or waits for them, by session.
    var audience = Audience<Viewer>()
    /// Sessions that take its sound and no pictures of anything.
    var listenerCount = 0
    /// How many need it: sessions, and the feed whose layer it is.
    fileprivate(set) var holderCount = 0

    init(_ name: BusStreamName, byteLimit: Int) {
        self.name = name
        videoRing = PacketRing(byteLimit: byteLimit)
        audioRing = PacketRing(byteLimit: byteLimit / 16)
    }

    /// Takes what has come.
    ///
    /// - Parameter shared: The timeline of the stream, where another feed has it.
    func take(_ delivery: FeedDelivery, on shared: SessionTimeline? = nil) {
        for event in delivery.events { take(event) }
        timeline = shared ?? delivery.timeline
        for block in delivery.video.lazy.map({ self.timed($0, shared) }) {
            videoRing.append(block)
            rate.add(block.byteCount, at: block.arrival)
        }
        for block in delivery.audio.lazy.map({ self.timed($0, shared) }) {
            if !waitingSound.add(block) { audioRing.removeAll() }
            soundRate.add(block.byteCount + block.packetCount * Self.soundHeaderByteCount, at: block.arrival)
        }
    }

    private func timed(_ block: PacketBlock, _ shared: SessionTimeline?) -> PacketBlock {
        shared.map(block.timed(by:)) ?? block
    }

    /// Lets viewers have the sound that has come.
    ///
    /// - Parameter merging: Whether several packets become one, as far as they can.
    func releaseSound(merging: Bool) {
        for block in waitingSound.take(merging: merging) { audioRing.append(block) }
    }

    private func take(_ event: FeedDelivery.Event) {
        switch event {
        case .broken: videoRing.removeAll()
        case .away(let isAway): self.isAway = isAway
        case .unplayable(let problem): self.problem = problem
        case .ended: hasEnded = true
        case .layers: break
        }
    }

    /// When the newest keyframe that is still there came, in monotonic nanoseconds.
    var keyframeArrival: UInt64? { videoRing.newestKeyframe.flatMap { videoRing.block(at: $0)?.arrival } }
}

/// One layer of a simulcast on one shard.
struct ShardLayer {
    let layer: FeedLayer
    let feed: ShardFeed

    /// Bits a second that it needs now; 0 while it is not sent.
    func bitrate(at now: UInt64) -> Int {
        feed.rate.isSilent(at: now) ? 0 : feed.rate.bitsPerSecond ?? layer.bitrate
    }
}

/// The feeds of one shard, each as long as somebody there needs it.
final class ShardFeeds {
    private let byteLimit: Int
    private let subscribe: (BusStreamName) -> Void
    private let unsubscribe: (BusStreamName) -> Void
    private var feeds: [BusStreamName: ShardFeed] = [:]
    /// Those whose sound waits for pictures: few, as only those with many viewers wait.
    private var waiting: [ShardFeed] = []

    /// Creates an empty set.
    ///
    /// - Parameters:
    ///   - byteLimit: What each feed keeps at most.
    ///   - subscribe: Called when the first needs a feed.
    ///   - unsubscribe: Called when nobody needs it any more.
    init(
        byteLimit: Int,
        subscribe: @escaping (BusStreamName) -> Void,
        unsubscribe: @escaping (BusStreamName) -> Void
    ) {
        self.byteLimit = byteLimit
        self.subscribe = subscribe
        self.unsubscribe = unsubscribe
    }

    subscript(name: BusStreamName) -> ShardFeed? { feeds[name] }

    /// Whether all pictures of a stream that are watched keep coming.
    func pictures(of streamID: String, flowAt now: UInt64) -> Bool {
        let watched = feeds.values.filter {
            $0.name.streamID == streamID && !$0.audience.members.isEmpty && $0.rate.last != nil
        }
        return !watched.isEmpty && watched.allSatisfy { $0.rate.isFlowing(at: now) }
    }

    /// The timeline that a feed shares with its stream's other ones, so that sound and all layers of the pictures are
    /// told by one line; `nil` where its own is the one.
    func sharedTimeline(for feed: ShardFeed) -> SessionTimeline? {
        let streamID = feed.name.streamID
        return [BusStreamName(streamID), BusStreamName(streamID, rendition: .withoutBFrames)]
            .prefix { $0 != feed.name }.lazy
            .compactMap { self.feeds[$0]?.timeline }
            .first { $0.offset != nil }
    }

    /// Keeps in mind that the sound of a feed waits.
    func keepWaiting(_ feed: ShardFeed) {
        if !waiting.contains(where: { $0 === feed }) { waiting.append(feed) }
    }

    /// The feeds of a stream whose sound waits, and forgets them.
    func takeWaiting(of streamID: String) -> [ShardFeed] {
        guard !waiting.isEmpty else { return [] }
        let taken = waiting.filter { $0.name.streamID == streamID }
        waiting.removeAll { $0.name.streamID == streamID }
        return taken
    }

    /// Takes a feed, until ``release(_:)``.
    func hold(_ name: BusStreamName) -> ShardFeed {
        let feed = present(name)
        hold(feed)
        return feed
    }

    /// Takes a feed that somebody has already.
    func hold(_ feed: ShardFeed) { feed.holderCount += 1 }

    private func present(_ name: BusStreamName) -> ShardFeed {
        if let feed = feeds[name], !feed.hasEnded { return feed }
        let feed = ShardFeed(name, byteLimit: byteLimit)
        feeds[name] = feed
        subscribe(name)
        return feed
    }

    func release(_ feed: ShardFeed) {
        feed.holderCount -= 1
        guard feed.holderCount == 0 else { return }
        use([], of: feed)
        waiting.removeAll { $0 === feed }
        guard feeds[feed.name] === feed else { return }
        feeds[feed.name] = nil
        unsubscribe(feed.name)
    }

    /// Takes the layers beside a feed, and lets go of those before.
    func use(_ layers: [FeedLayer], of feed: ShardFeed) {
        let old = feed.layers
        feed.layers = layers.map { layer in
            ShardLayer(layer: layer, feed: layer.feed == feed.name ? feed : hold(layer.feed))
        }
        for layer in old where layer.feed !== feed { release(layer.feed) }
    }
}
