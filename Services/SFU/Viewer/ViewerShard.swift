import Contracts
import Crypto
import ICE
import Reactor
import Sockets
import Telemetry
import WebRTC

/// The viewers of one event loop: takes what feeds deliver and sends it to each of them.
///
/// Made anywhere, then used on its loop only.
final class ViewerShard: FeedSubscriber, @unchecked Sendable {
    // SAFETY: everything but the immutable members is touched on `loop` only, which `perform` and `receive` see to.

    /// How often viewers that were held back are looked after.
    private static let pumpInterval = Duration.milliseconds(5)
    /// Viewers that are sent what has come before the loop looks at what else there is to do.
    private static let viewersPerTurn = 64
    /// Each viewer is looked after once in so many intervals.
    private static let careSlots: UInt64 = 10
    private static let careInterval = Duration.milliseconds(100)

    let loop: EventLoop
    let candidates: [LocalCandidate]
    let load = ShardLoad()
    private let endpoint: WebRTCEndpoint
    private let hub: FeedHub
    private let measures: SFUMeasures
    private let connected: @Sendable (String) -> Void
    private let closed: @Sendable (ClosedViewer) -> Void
    private(set) lazy var feeds = ShardFeeds(
        byteLimit: byteLimit,
        subscribe: { [hub, unowned self] in hub.subscribeLater(self, to: $0) },
        unsubscribe: { [hub, unowned self] in hub.unsubscribeLater(self, from: $0) }
    )
    private let byteLimit: Int
    private var viewers: [String: Viewer] = [:]
    private var behind: [String: Viewer] = [:]
    /// Feeds with viewers who have not been sent all yet.
    private var serving: [ShardFeed] = []
    private var isRunning = false
    private var careSlot: UInt64 = 0
    /// How the viewers of each stream fared when each was looked after last.
    private(set) var measurements: [String: StreamMeasurement] = [:]
    private var nextMeasurements: [String: StreamMeasurement] = [:]

    /// Binds the port of the shard's viewers.
    ///
    /// - Parameters:
    ///   - connected: Called on the loop when a session's viewer has connected.
    ///   - closed: Called on the loop when a session is over.
    init(
        _ configuration: EndpointConfiguration,
        identity: DTLSIdentity,
        loop: EventLoop,
        hub: FeedHub,
        byteLimit: Int,
        measures: SFUMeasures,
        connected: @escaping @Sendable (String) -> Void,
        closed: @escaping @Sendable (ClosedViewer) -> Void
    ) throws(SystemCallError) {
        endpoint = try WebRTCEndpoint(configuration, identity: identity, loop: loop)
        candidates = endpoint.candidates
        self.loop = loop
        self.hub = hub
        self.byteLimit = byteLimit
        self.measures = measures
        self.connected = connected
        self.closed = closed
    }

    /// The port that the kernel chose or confirmed.
    var port: UInt16 { endpoint.port }

    /// Runs `body` on the loop and returns its result.
    func perform<Value: Sendable>(_ body: @escaping @Sendable (ViewerShard) -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            loop.execute { continuation.resume(returning: body(self)) }
        }
    }

    // MARK: On the loop

    var viewerCount: Int { viewers.count }
    var allViewers: [Viewer] { Array(viewers.values) }
    func viewer(_ id: String) -> Viewer? { viewers[id] }

    /// Begins to receive.
    func start() {
        endpoint.start()
        isRunning = true
        care()
    }

    /// Ends all sessions and frees the port.
    func stop() {
        isRunning = false
        for viewer in Array(viewers.values) { viewer.close() }
        endpoint.close()
    }

    /// Opens a session.
    ///
    /// - Returns: the credentials for our description, `nil` where the shard has been stopped.
    func open(_ plan: ViewerPlan, id: String, peer: PeerTransport.Configuration) -> ICECredentials? {
        guard isRunning else { return nil }
        let pictures = plan.pictures.map { ViewerPictures($0, in: feeds) }
        let sound = plan.sound.map { feeds.hold($0) }
        let viewer = Viewer(
            plan,
            id: id,
            pictures: pictures,
            sound: sound,
            shard: self,
            now: EventLoop.now
        )
        let transport = endpoint.makeTransport(peer, observer: viewer)
        viewer.attach(transport)
        viewers[id] = viewer
        for feed in [pictures?.main, sound] { feed?.audience.add(viewer) }
        if pictures == nil { sound?.listenerCount += 1 }
        measures.viewers.add(1)
        return transport.credentials
    }

    /// How the viewers of a stream fare.
    func reports(of streamID: String) -> [ViewerReport] {
        let now = EventLoop.now
        return viewers.values.filter { $0.streamID == streamID }.map { ViewerReport($0, at: now) }
    }

    /// How one viewer fares; `nil` where there is no such session.
    func report(of id: String) -> ViewerReport? { viewers[id].map { ViewerReport($0, at: EventLoop.now) } }

    /// Changes what a viewer wants of the layers.
    func change(_ change: LayerWish.Change, of id: String) {
        viewers[id]?.wish(change, at: EventLoop.now)
    }

    /// Ends a session.
    func close(_ id: String) { viewers[id]?.close() }

    /// Begins an ICE restart; `nil` where there is no such session.
    func restartICE(_ id: String, remote: ICECredentials?) -> ICECredentials? {
        viewers[id]?.transport?.restart(remote: remote)
    }

    // MARK: What viewers tell

    /// Looks after a viewer that has been sent something out of turn.
    func note(_ viewer: Viewer) {
        guard viewer.isBehind, behind[viewer.id] == nil else { return }
        behind[viewer.id] = viewer
        if behind.count == 1 { pumpLater() }
    }

    /// Asks a publisher for a keyframe.
    func ask(_ request: KeyframeRequest, of streamID: String) { hub.ask(request, of: streamID) }

    /// Media can be sent to a viewer.
    func noteConnected(_ viewer: Viewer) { connected(viewer.id) }

    /// A session is over.
    func forget(_ viewer: Viewer, _ reason: PeerTransport.CloseReason) {
        guard viewers.removeValue(forKey: viewer.id) != nil else { return }
        behind[viewer.id] = nil
        viewer.leave()
        measures.viewers.add(-1)
        closed(ClosedViewer(id: viewer.id, streamID: viewer.streamID, reason: reason))
    }

    // MARK: Feeds

    /// Called on the feeds' loop.
    func receive(_ delivery: FeedDelivery) {
        loop.execute { self.take(delivery) }
    }

    private func take(_ delivery: FeedDelivery) {
        guard let feed = feeds[delivery.feed] else { return }
        feed.take(delivery, on: feeds.sharedTimeline(for: feed))
        for case .layers(let layers) in delivery.events { feeds.use(layers, of: feed) }
        guard feeds.releases(delivery, of: feed, at: EventLoop.now) else { return }
        let first = delivery.isSeed ? nil : delivery.video.first ?? delivery.audio.first
        feed.audience.announce(at: first?.arrival ?? EventLoop.now)
        serve(feed)
        if feed.hasEnded || feed.problem != nil { dismiss(feed) }
    }

    /// Sends what has come to everybody, some at once and the others in the next turns.
    private func serve(_ feed: ShardFeed) {
        guard !serving.contains(where: { $0 === feed }) else { return }
        serving.append(feed)
        if serving.count == 1 { serveSome() }
    }

    private func serveSome() {
        guard let feed = serving.first else { return }
        serving.removeFirst()
        let oldest = feed.audience.oldestArrival
        serve(feed, viewers: Self.viewersPerTurn)
        endpoint.flush()
        if let oldest { note(sinceArrival: oldest) }
        if !feed.audience.isServed { serving.append(feed) }
        guard !serving.isEmpty else { return }
        loop.executeNextTurn { [weak self] in self?.serveSome() }
    }

    private func note(sinceArrival arrival: UInt64) {
        let now = EventLoop.now
        measures.delay.observe(Double(now &- arrival) / 1e9)
        load.note(wait: now &- arrival, at: now)
    }

    private func serve(_ feed: ShardFeed, viewers count: Int) {
        let now = EventLoop.now
        for _ in 0..<count {
            guard let viewer = feed.audience.next() else { return }
            viewer.pump(at: now)
            note(viewer)
        }
    }

    /// Viewers of what cannot be shown any more come back, and get what can be, or the reason.
    private func dismiss(_ feed: ShardFeed) {
        let viewers = feed.audience.members
        serve(feed, viewers: viewers.count)
        for viewer in viewers {
            // A layer that ends is left for another.
            let isMain = viewer.pictures?.main === feed
            if isMain || feed.hasEnded && viewer.sound === feed { viewer.close() }
        }
    }

    // MARK: Time

    private func pumpLater() {
        loop.schedule(after: Self.pumpInterval) { [weak self] in self?.pumpBehind() }
    }

    private func pumpBehind() {
        let now = EventLoop.now
        for viewer in behind.values { viewer.pump(at: now) }
        behind = behind.filter { $0.value.isBehind }
        if !behind.isEmpty { pumpLater() }
    }

    /// Sends reports, a part of the viewers at a time.
    private func care() {
        guard isRunning else { return }
        careSlot = (careSlot + 1) % Self.careSlots
        if careSlot == 0 { (measurements, nextMeasurements) = (nextMeasurements, [:]) }
        let now = EventLoop.now
        for viewer in viewers.values where viewer.opened % Self.careSlots == careSlot {
            viewer.sendReports()
            let sent = viewer.care(at: now, interval: Self.careInterval.nanoseconds * Self.careSlots)
            measures.sentPackets.increment(by: sent.packets)
            measures.sentBytes.increment(by: sent.bytes)
            measures.resentPackets.increment(by: sent.resent)
            measures.paddingPackets.increment(by: sent.padding)
            measures.restarts.increment(by: sent.restarts)
            measures.layerSwitches.increment(by: sent.layerSwitches)
            nextMeasurements[viewer.streamID, default: .init()].add(ViewerSummary(viewer, at: now))
        }
        loop.schedule(after: Self.careInterval) { [weak self] in self?.care() }
    }
}

/// A session that is over.
struct ClosedViewer: Sendable {
    var id: String
    var streamID: String
    var reason: PeerTransport.CloseReason
}
