import Contracts
import Media
import MediaBus
import Reactor
import Telemetry

/// One stream of the bus, cut into packets once and handed to the shards that have viewers of it.
///
/// Made anywhere, then used on the bus reader's loop only.
final class StreamFeed: BusStreamHandler, @unchecked Sendable {
    // SAFETY: the reader calls its handlers on its own loop only, and so does the hub; `name` is immutable.

    /// Pictures after which it is known whether they are shown in the order that they come in.
    private static let decidingSamples = 6

    let name: BusStreamName
    private var videoSampleCount = 0
    private let byteLimit: Int
    private let measures: SFUMeasures
    /// The session that a rendition was asked for.
    let sessionID: String?
    private let scheduleFlush: () -> Void
    private let layersChanged: ([FeedLayer]) -> Void
    private var layers: [FeedLayer] = []
    private var session: SessionDescription?
    private var configurations: [TrackID: [UInt16: TrackConfiguration]] = [:]
    private var current: [SessionDescription.Track] = []
    private var video: TrackPacketiser?
    private var audio: TrackPacketiser?
    private var audioConfiguration: TrackConfiguration?
    private var videoConfiguration: TrackConfiguration?
    private var watch = ReorderingWatch()
    private var timeline = SessionTimeline()
    private var videoRing: PacketRing
    private var audioRing: PacketRing
    private var pending: FeedDelivery
    private var subscribers: [ObjectIdentifier: any FeedSubscriber] = [:]
    private var waiters: [UInt64: (FeedSnapshot) -> Void] = [:]
    private var nextWaiter: UInt64 = 0
    private var problem: FeedProblem?
    private var isAway = false
    private(set) var hasEnded = false
    /// Viewers and others that need the feed.
    var holderCount = 0

    /// Creates a feed.
    ///
    /// - Parameters:
    ///   - sessionID: The session that a rendition belongs to.
    ///   - layersChanged: Called before subscribers hear of other layers.
    ///   - scheduleFlush: Called when there is something to hand over; ``flush()`` is to follow soon.
    init(
        _ name: BusStreamName,
        session sessionID: String? = nil,
        byteLimit: Int,
        measures: SFUMeasures,
        layersChanged: @escaping ([FeedLayer]) -> Void = { _ in },
        scheduleFlush: @escaping () -> Void
    ) {
        self.name = name
        self.sessionID = sessionID
        self.layersChanged = layersChanged
        self.byteLimit = byteLimit
        self.measures = measures
        self.scheduleFlush = scheduleFlush
        videoRing = PacketRing(byteLimit: byteLimit)
        audioRing = PacketRing(byteLimit: byteLimit / 16)
        pending = FeedDelivery(feed: name, timeline: timeline)
    }

    var snapshot: FeedSnapshot {
        FeedSnapshot(
            session: session,
            video: videoConfiguration,
            audio: audioConfiguration,
            problem: problem,
            hasKeyframe: videoRing.newestKeyframe != nil || videoConfiguration == nil && !audioRing.isEmpty,
            isAway: isAway,
            hasEnded: hasEnded,
            keyframeArrival: videoRing.newestKeyframe.flatMap { videoRing.block(at: $0)?.arrival }
        )
    }

    /// Whether it is known what a viewer would get.
    private var isDecided: Bool {
        let snapshot = snapshot
        let isShown = snapshot.hasKeyframe && (video == nil || videoSampleCount >= Self.decidingSamples)
        return isShown || snapshot.hasEnded || snapshot.problem != nil
            || snapshot.session != nil && snapshot.video == nil && snapshot.audio != nil
    }

    /// Calls `body` once it is known what a viewer would get.
    ///
    /// - Returns: what ``giveUp(_:)`` takes; `nil` where it is known already.
    func whenDecided(_ body: @escaping (FeedSnapshot) -> Void) -> UInt64? {
        guard !isDecided else {
            body(snapshot)
            return nil
        }
        nextWaiter += 1
        waiters[nextWaiter] = body
        return nextWaiter
    }

    /// Calls one that has waited long enough, unless it has been called.
    func giveUp(_ waiter: UInt64) { waiters.removeValue(forKey: waiter)?(snapshot) }

    /// Who waits.
    var waiterCount: Int { waiters.count }

    /// Calls all that wait, as nothing more can be waited for.
    func decide() {
        let waiters = waiters
        self.waiters = [:]
        for waiter in waiters.values { waiter(snapshot) }
    }

    // MARK: Subscribers

    /// Hands over what is there, and from now on all that comes.
    func subscribe(_ subscriber: any FeedSubscriber) {
        flush()
        subscribers[ObjectIdentifier(subscriber)] = subscriber
        var delivery = FeedDelivery(feed: name, timeline: timeline)
        delivery.isSeed = true
        delivery.video = videoRing.all
        delivery.audio = audioRing.all
        if !layers.isEmpty { delivery.events.append(.layers(layers)) }
        if let problem { delivery.events.append(.unplayable(problem)) }
        if isAway { delivery.events.append(.away(true)) }
        if hasEnded { delivery.events.append(.ended) }
        if !delivery.isEmpty { subscriber.receive(delivery) }
    }

    func unsubscribe(_ subscriber: any FeedSubscriber) {
        subscribers[ObjectIdentifier(subscriber)] = nil
    }

    /// Hands over what has come since the last time.
    func flush() {
        guard !pending.isEmpty else { return }
        pending.timeline = timeline
        for subscriber in subscribers.values { subscriber.receive(pending) }
        pending = FeedDelivery(feed: name, timeline: timeline)
        if isDecided { decide() }
    }

    private func note(_ event: FeedDelivery.Event) {
        // Shards take the events of a delivery before its blocks.
        flush()
        pending.events.append(event)
        scheduleFlush()
    }

    // MARK: BusStreamHandler

    func tracksChanged(_ session: SessionDescription, tracks: [TrackConfiguration]) {
        if let old = self.session, old.sessionId != session.sessionId { reset() }
        self.session = session
        current = session.tracks
        for track in tracks { configurations[track.track, default: [:]][track.generation] = track }
        let now = Set(session.tracks.map(\.track))
        let present = tracks.filter { now.contains($0.track.rawValue) }
        videoConfiguration = newest(present.filter(\.isVideo))
        audioConfiguration = newest(present.filter { !$0.isVideo })
        prepare()
        if name.rendition == nil { use(FeedLayer.all(of: session)) }
        scheduleFlush()
    }

    private func use(_ layers: [FeedLayer]) {
        guard !layers.elementsEqual(self.layers, by: { $0.isSame(as: $1) }) else { return }
        self.layers = layers
        layersChanged(layers)
        note(.layers(layers))
    }

    func receive(_ entry: BusEntry, id: BusEntryID) {
        let now = EventLoop.now
        if entry.flags.contains(.publisherAway), !isAway {
            isAway = true
            note(.away(true))
        }
        guard !entry.samples.isEmpty else { return }
        if isAway {
            isAway = false
            note(.away(false))
        }
        for sample in entry.samples { receive(sample, at: now) }
        scheduleFlush()
    }

    func gap(after last: BusEntryID?, next: BusEntryID) {
        measures.gaps.increment()
        breakOff()
    }

    func ended(_ reason: BusStreamEnd) {
        hasEnded = true
        note(.ended)
        flush()
        decide()
    }

    // MARK: Samples

    private func newest(_ tracks: [TrackConfiguration]) -> TrackConfiguration? {
        guard let first = tracks.map(\.track).min() else { return nil }
        let generation = current.first { $0.track == first.rawValue }?.generation
        return tracks.first { $0.track == first && $0.generation == generation }
            ?? tracks.filter { $0.track == first }.max { $0.generation < $1.generation }
    }

    private func prepare() {
        if let configuration = videoConfiguration, video == nil {
            video = TrackPacketiser(configuration)
            if video == nil { report(.coding(configuration.codec)) }
        }
        if let configuration = audioConfiguration, audio == nil { audio = TrackPacketiser(configuration) }
    }

    private func receive(_ sample: BusSample, at now: UInt64) {
        if sample.track == videoConfiguration?.track {
            receiveVideo(sample, at: now)
        } else if sample.track == audioConfiguration?.track {
            receiveAudio(sample, at: now)
        }
    }

    private func receiveVideo(_ sample: BusSample, at now: UInt64) {
        guard video != nil, follow(sample) else { return }
        videoSampleCount += 1
        switch watch.judge(sample) {
        case .send: break
        case .drop: return measures.droppedBFrames.increment()
        case .outOfOrder: return report(.referencedBFrames)
        }
        // Nothing can be decoded before the first keyframe.
        guard sample.flags.contains(.keyframe) || videoRing.newest != nil else { return }
        let isFollowed = audioConfiguration != nil
        guard let block = video?.packetise(sample, at: now, on: timeline, isFollowed: isFollowed) else {
            measures.malformedSamples.increment()
            return
        }
        note(sample, block, at: now)
        videoRing.append(block)
        pending.video.append(block)
    }

    private func receiveAudio(_ sample: BusSample, at now: UInt64) {
        guard let block = audio?.packetise(sample, at: now, on: timeline) else { return }
        if videoConfiguration == nil { note(sample, block, at: now) }
        audioRing.append(block)
        pending.audio.append(block)
    }

    /// Goes over to the sample's generation.
    private func follow(_ sample: BusSample) -> Bool {
        guard let known = video?.configuration, known.generation != sample.generation else { return true }
        guard let next = configurations[sample.track]?[sample.generation] else { return false }
        guard video?.reconfigure(next) == true else {
            report(.codingChanged)
            return false
        }
        return true
    }

    private func note(_ sample: BusSample, _ block: PacketBlock, at now: UInt64) {
        if sample.flags.contains(.discontinuity) { timeline.reset() }
        // By ingest, which is nearer to its capture and may know it; and the same on every replica.
        let told = Int64(clamping: sample.captureClock)
        let wallClock = told > 0 ? told : Timestamp.nowMicroseconds &* 1000
        timeline.add(mediaTime: block.mediaTime, wallClock: wallClock, now: now)
        measures.packets.increment(by: UInt64(block.packetCount))
    }

    private func report(_ problem: FeedProblem) {
        guard self.problem != problem else { return }
        self.problem = problem
        note(.unplayable(problem))
    }

    /// Media are missing: what was there is not followed by what comes.
    private func breakOff() {
        videoRing.removeAll()
        note(.broken)
    }

    /// Another session of the stream has begun.
    private func reset() {
        configurations = [:]
        video = nil
        audio = nil
        problem = nil
        timeline.reset()
        audioRing.removeAll()
        breakOff()
    }
}
