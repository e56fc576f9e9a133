import Contracts
import RTP

/// The pictures that one viewer gets: those of its stream, or the layer of a simulcast that is best for it.
final class ViewerPictures {
    /// The feed of the pictures, whose layers these are.
    let main: ShardFeed
    /// The feed that they come from now.
    private(set) var feed: ShardFeed
    /// The feed that they are to come from as soon as it has a keyframe, and since when.
    private(set) var next: (feed: ShardFeed, since: UInt64)?
    private(set) var choice = LayerChoice()
    /// Why the layer is what it is.
    var reason: LayerSelector.Reason { choice.reason }
    private let feeds: ShardFeeds
    /// What a path must carry for a layer to be taken, with what is sent again, in percent of its bitrate and the sound's.
    private static let probeRoom = 135

    /// Begins with the feed that is called `name`.
    init(_ name: BusStreamName, in feeds: ShardFeeds) {
        self.feeds = feeds
        main = feeds.hold(name)
        feed = main
    }

    /// The layers there are, the smallest first; none where there is no simulcast.
    var layers: [ShardLayer] { main.layers }

    /// The layer that is sent now.
    var layer: FeedLayer? { current.map { layers[$0].layer } }

    private var current: Int? { layers.firstIndex { $0.feed === feed } }

    /// The request for a keyframe of what is waited for, or else is sent.
    var keyframeRequest: KeyframeRequest {
        let wanted = next?.feed ?? feed
        return layers.first { $0.feed === wanted }?.layer.keyframeRequest ?? .all
    }

    // MARK: Sending

    /// Sends what may be sent, and goes over to another layer where its time has come.
    ///
    /// - Returns: Whether there is more that had to wait.
    func pump(
        _ media: inout ViewerMedia,
        for viewer: Viewer,
        at now: UInt64,
        _ sink: inout some PacketSink
    ) -> Bool {
        guard let next else { return media.pumpVideo(feed.videoRing, at: now, &sink) }
        let change = media.switchLayer(
            to: next.feed.videoRing,
            since: next.since,
            from: feed.videoRing,
            at: now,
            &sink
        )
        switch change {
        case .waiting: break
        case .leaving(let isBehind): return isBehind
        case .done:
            goOver(to: next.feed, for: viewer)
            choice.noteSwitch()
        }
        return media.pumpVideo(feed.videoRing, at: now, &sink)
    }

    // MARK: Choosing

    /// Changes what the viewer wants.
    func wish(_ change: LayerWish.Change) { change.apply(to: &choice.wish) }

    /// Chooses anew which layer the viewer gets.
    ///
    /// - Returns: Whether a keyframe must be asked for.
    func choose(for viewer: Viewer, at now: UInt64) -> Bool {
        guard !layers.isEmpty else { return false }
        let current = current
        let sound = viewer.sound?.soundRate.bitsPerSecond ?? 0
        let chosen = choice.choose(
            among: layers.map(\.layer),
            bitrates: layers.map { $0.bitrate(at: now) },
            current: current,
            estimate: viewer.media.estimator.bitsPerSecond - sound,
            now: now
        )
        probe(for: viewer, beside: sound, at: now)
        guard let chosen else { return false }
        return aim(at: chosen == current ? feed : layers[chosen].feed, for: viewer, at: now)
    }

    /// Finds out whether the path carries the largest layer that is of use.
    private func probe(for viewer: Viewer, beside sound: Int, at now: UInt64) {
        guard let largest = choice.largest(of: layers.map(\.layer)) else { return }
        let bitrate = layers[largest].bitrate(at: now) + sound
        viewer.media.probe(for: bitrate * Self.probeRoom / 100, at: now)
    }

    private func aim(at target: ShardFeed, for viewer: Viewer, at now: UInt64) -> Bool {
        guard target !== next?.feed else { return false }
        if let next { drop(next.feed, for: viewer) }
        next = nil
        viewer.media.isRetreating = false
        guard target !== feed else { return false }
        target.audience.add(viewer)
        feeds.hold(target)
        next = (target, now)
        guard viewer.media.packetCount == 0, VideoPlayhead.canBegin(in: target.videoRing) else {
            viewer.media.isRetreating = choice.isRetreating
            return true
        }
        goOver(to: target, for: viewer)
        return false
    }

    private func goOver(to target: ShardFeed, for viewer: Viewer) {
        drop(feed, for: viewer)
        feed = target
        next = nil
    }

    private func drop(_ feed: ShardFeed, for viewer: Viewer) {
        guard feed !== main else { return }
        feed.audience.remove(viewer)
        feeds.release(feed)
    }

    /// Lets go of all of it.
    func leave(_ viewer: Viewer) {
        if let next { drop(next.feed, for: viewer) }
        drop(feed, for: viewer)
        next = nil
        feed = main
        main.audience.remove(viewer)
        feeds.release(main)
    }
}
