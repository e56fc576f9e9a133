import Contracts
import Lifecycle
import MediaBus
import Reactor
import Telemetry

/// Follows the streams that have viewers, each once, and lets go of them when the last has left.
actor FeedHub: Service {
    /// How long a feed is kept without viewers: whoever comes back finds it ready.
    private static let linger = Duration.seconds(10)
    /// How long it may take until a stream that is live shows what it has.
    private static let decisionLimit = Duration.seconds(2)
    /// The same of a rendition, whose maker has to begin first.
    private static let renditionLimit = Duration.seconds(4)
    /// How often wanted renditions are asked for again.
    private static let wantInterval = Duration.seconds(2)

    /// Requests for keyframes, and for renditions, that wait to be passed on; beyond it the oldest are dropped and
    /// counted: what is still wanted is asked for again.
    private static let askLimit = 64

    nonisolated let name = "feeds"
    nonisolated let loop: EventLoop
    private let byteLimit: Int
    private let replica: String
    private let measures: SFUMeasures
    private let logger: Logger
    private let wants: AsyncStream<BusStreamName>
    private let wanted: AsyncStream<BusStreamName>.Continuation
    private let asks: AsyncStream<FeedRequest>
    private let asker: AsyncStream<FeedRequest>.Continuation
    private var reader: BusReader?
    private var feeds: [BusStreamName: StreamFeed] = [:]
    private var dirty: [BusStreamName: StreamFeed] = [:]
    /// The layers of streams that are followed: as long as a stream has viewers, each could want any of them.
    private var layers: [BusStreamName: [FeedHold]] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    init(loop: EventLoop, byteLimit: Int, replica: String, measures: SFUMeasures, logger: Logger) {
        self.loop = loop
        self.byteLimit = byteLimit
        self.replica = replica
        self.measures = measures
        self.logger = logger
        (wants, wanted) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.askLimit))
        (asks, asker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.askLimit))
    }

    /// Hands over the reader of the bus, which lives on the same loop.
    func setReader(_ reader: BusReader) { self.reader = reader }

    /// The number of streams that are followed.
    var feedCount: Int { feeds.count }

    /// Passes on what viewers ask for, until `shutdown` is requested.
    func run(until shutdown: Shutdown) async throws {
        _ = try await shutdown.cancelling {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await self.askForKeyframes() }
                group.addTask { await self.startWanting() }
                group.addTask { try await self.keepWanting() }
                try await group.waitForAll()
            }
        }
    }

    // MARK: Holding feeds

    /// Follows a stream, if it is not followed yet, as long as the hold lives, and waits until it is known what a
    /// viewer would get of it.
    ///
    /// - Parameter sessionID: The session that a rendition belongs to.
    func hold(_ name: BusStreamName, session sessionID: String? = nil) async -> (FeedSnapshot, FeedHold) {
        let (feed, hold) = take(name, session: sessionID)
        let snapshot = await withCheckedContinuation { continuation in
            guard let waiter = feed.whenDecided({ continuation.resume(returning: $0) }) else { return }
            let limit = name.rendition == nil ? Self.decisionLimit : Self.renditionLimit
            loop.schedule(after: limit) { feed.giveUp(waiter) }
        }
        return (snapshot, hold)
    }

    /// Follows a stream like ``hold(_:session:)``, without waiting for anything.
    func holdNow(_ name: BusStreamName, session sessionID: String) -> FeedHold {
        take(name, session: sessionID).1
    }

    private func take(_ name: BusStreamName, session sessionID: String?) -> (StreamFeed, FeedHold) {
        let feed = feed(name, session: sessionID)
        feed.holderCount += 1
        if case .dropped = wanted.yield(name) { measures.droppedWants.increment() }
        let hold = FeedHold(name) { [self] in
            loop.execute { self.assumeIsolated { $0.release(feed) } }
        }
        return (feed, hold)
    }

    private func release(_ feed: StreamFeed) {
        feed.holderCount -= 1
        guard feed.holderCount == 0 else { return }
        loop.schedule(after: Self.linger) { self.assumeIsolated { $0.close(feed) } }
    }

    /// Hands a stream that is held to a shard, until ``unsubscribe(_:from:)``.
    func subscribe(_ subscriber: any FeedSubscriber, to name: BusStreamName) {
        feeds[name]?.subscribe(subscriber)
    }

    func unsubscribe(_ subscriber: any FeedSubscriber, from name: BusStreamName) {
        feeds[name]?.unsubscribe(subscriber)
    }

    /// ``subscribe(_:to:)``, from any loop.
    nonisolated func subscribeLater(_ subscriber: any FeedSubscriber, to name: BusStreamName) {
        loop.execute { self.assumeIsolated { $0.subscribe(subscriber, to: name) } }
    }

    /// ``unsubscribe(_:from:)``, from any loop.
    nonisolated func unsubscribeLater(_ subscriber: any FeedSubscriber, from name: BusStreamName) {
        loop.execute { self.assumeIsolated { $0.unsubscribe(subscriber, from: name) } }
    }

    /// Asks the publisher for a keyframe, from any loop; requests are merged, here and on the bus.
    nonisolated func ask(_ request: KeyframeRequest, of streamID: String) {
        let outcome = asker.yield(FeedRequest(streamID: streamID, request: request))
        if case .dropped = outcome { measures.droppedAsks.increment() }
    }

    private func askForKeyframes() async {
        for await ask in asks {
            try? await reader?.backChannel.askForKeyframe(of: ask.streamID, ask.request)
        }
    }

    private func startWanting() async {
        for await name in wants { await want(name) }
    }

    private func feed(_ name: BusStreamName, session sessionID: String?) -> StreamFeed {
        if let feed = feeds[name], !feed.hasEnded, feed.sessionID == sessionID { return feed }
        let feed = StreamFeed(
            name,
            session: sessionID,
            byteLimit: byteLimit,
            measures: measures,
            layersChanged: { [self] layers in assumeIsolated { $0.follow(layers, of: name) } },
            scheduleFlush: { [self] in assumeIsolated { $0.scheduleFlush(of: name) } }
        )
        feeds[name] = feed
        if let rendition = name.rendition, let sessionID {
            reader?.assumeIsolated {
                $0.follow(rendition, of: name.streamID, session: sessionID, handler: feed)
            }
        } else {
            reader?.assumeIsolated { $0.follow(name.streamID, handler: feed) }
        }
        return feed
    }

    private func close(_ feed: StreamFeed) {
        guard feed.holderCount <= 0, feeds[feed.name] === feed else { return }
        feeds[feed.name] = nil
        layers[feed.name] = nil
        reader?.assumeIsolated { $0.unfollow(feed.name.streamID, rendition: feed.name.rendition) }
        feed.decide()
    }

    /// Follows the layers of a stream beside it.
    private func follow(_ layers: [FeedLayer], of name: BusStreamName) {
        guard let sessionID = feeds[name]?.snapshot.session?.sessionId else { return }
        self.layers[name] = layers.map(\.feed).filter { $0 != name }.map {
            holdNow($0, session: sessionID)
        }
    }

    /// What several entries of one read bring is handed over together.
    private func scheduleFlush(of name: BusStreamName) {
        if dirty.isEmpty { loop.execute { self.assumeIsolated { $0.flush() } } }
        dirty[name] = feeds[name]
    }

    private func flush() {
        let feeds = dirty
        dirty = [:]
        for feed in feeds.values { feed.flush() }
    }

    // MARK: Wants

    private func keepWanting() async throws {
        while true {
            await renewWants()
            try await loop.sleep(for: Self.wantInterval)
        }
    }

    private func renewWants() async {
        for feed in Array(feeds.values) where feed.holderCount > 0 {
            await want(feed.name)
        }
    }

    private func want(_ name: BusStreamName) async {
        guard let rendition = name.rendition, rendition.isMadeOnDemand, let reader else { return }
        try? await reader.backChannel.want(rendition, of: name.streamID, replica: replica)
    }
}

/// A request for a keyframe on its way to a publisher.
private struct FeedRequest: Sendable {
    var streamID: String
    var request: KeyframeRequest
}

/// Keeps a stream followed as long as somebody has it.
final class FeedHold: Sendable {
    let name: BusStreamName
    private let release: @Sendable () -> Void

    init(_ name: BusStreamName, release: @escaping @Sendable () -> Void) {
        self.name = name
        self.release = release
    }

    deinit { release() }
}
