import Contracts
import Media
import MediaBus
import RTMP
import Reactor
import Synchronization
import Telemetry

/// Why the service ends a publisher by itself.
enum PublisherEnd: Sendable, Equatable {
    /// A publisher of a higher epoch has the stream.
    case fenced
    /// Another publisher of the same stream came after a silence.
    case replaced
    /// The stream key was revoked.
    case keyRevoked
    /// The service is stopping.
    case draining
    /// There is no room to keep media until the bus is back.
    case outageBufferFull
    /// The bus has too little memory for another stream.
    case busFull
    /// The bus could not be reached when the stream began.
    case busUnavailable
    /// An access unit is larger than the bus takes.
    case sampleTooLarge(Int)
    /// The publisher sends more than it may.
    case bitRateTooHigh(Int)
}

/// What a publisher is told that may go on all the same.
enum PublisherTrouble: Sendable, Equatable {
    /// The decoder configuration of its picture is broken, or lacks the parameter sets.
    case undecodable(Codec)
}

extension LogKey {
    /// A codec by its four characters.
    static let codec = LogKey(rawValue: "codec")
}

/// Carries one publisher's media to the bus, on the loop of its connection, and outlives the connection by
/// the grace time.
actor PublisherToBus: LoopActor {
    /// Limits of one publisher.
    struct Limits: Sendable {
        /// The wait for the set of tracks.
        var trackSet = TrackSet.Limits()
        /// What is held while the bus opens the stream.
        var outlet = BusOutlet.Limits()
        /// Bits a second over some seconds.
        var bitRate = 100_000_000
    }

    /// Who publishes, and where the session stands.
    nonisolated let publisher: AdmittedPublisher
    nonisolated let loop: EventLoop

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    private let shard: BusShard
    private let errands: Errands
    private let limits: Limits
    private let metrics: IngestMetrics
    private let logger: Logger
    private var isFinished = false
    private var outlets = SessionOutlets()
    private var layers: LayerTracks?
    private var tracks: PublisherTracks
    private var trackSet: TrackSet
    private var timeline: SessionTimeline?
    /// How old its media are when they arrive, in µs, where the publisher tells.
    private var captureAge: Int64?
    private var session: SessionDescription
    private var statistics: PublisherStatistics
    private var outputs: [TrackOutput] = []
    private var trackSetTimer: LoopTimer?
    private let tracksChanged: @Sendable ([TrackConfiguration]) -> Void
    private let troubled: @Sendable (PublisherTrouble) -> Void
    private var ended: (@Sendable (PublisherEnd) -> Void)?
    private nonisolated let lastArrival: Atomic<UInt64>

    /// Creates the carrier of a publisher that has been admitted.
    ///
    /// - Parameters:
    ///   - tracksChanged: Called on the loop with every new set of tracks.
    ///   - troubled: Called on the loop with what the publisher is to be told.
    ///   - ended: Called on the loop, once, where the service must end the publisher.
    init(
        _ publisher: AdmittedPublisher,
        shard: BusShard,
        errands: Errands,
        limits: Limits,
        metrics: IngestMetrics,
        logger: Logger,
        tracksChanged: @escaping @Sendable ([TrackConfiguration]) -> Void,
        troubled: @escaping @Sendable (PublisherTrouble) -> Void,
        ended: @escaping @Sendable (PublisherEnd) -> Void
    ) {
        self.publisher = publisher
        self.shard = shard
        self.errands = errands
        self.limits = limits
        self.metrics = metrics
        self.logger = logger
        self.tracksChanged = tracksChanged
        self.troubled = troubled
        self.ended = ended
        loop = shard.loop
        session = publisher.description
        tracks = PublisherTracks(continuing: publisher.lastGenerations)
        trackSet = TrackSet(limits: limits.trackSet)
        let now = EventLoop.now
        lastArrival = Atomic(now)
        statistics = PublisherStatistics(now: now)
    }

    /// When media came last, or would have come if it were read, in nanoseconds of the monotonic clock.
    nonisolated var lastMedia: UInt64 { lastArrival.load(ordering: .relaxed) }

    /// Takes note that the publisher is not read at `now`: it lives, though nothing comes of it.
    func isHeld(at now: UInt64) {
        if isFinished { return }
        lastArrival.store(now, ordering: .relaxed)
        outlets.holdPlace()
    }

    // MARK: Media

    /// Takes the publisher's description of its own tracks.
    func take(metadata: AMF0Value) {
        trackSet.announce(tracks.take(metadata: metadata))
        if let encoder = metadata["encoder"]?.string { session.publisher.encoder = encoder.printable }
    }

    /// Takes the tracks that the publisher has promised to send, and the layers of its picture.
    func announce(_ promised: Set<TrackID>, layers rids: [String] = []) {
        trackSet.announce(promised)
        guard rids.count > 1 else { return }
        layers = LayerTracks(
            rids: rids,
            lastGeneration: publisher.lastGenerations[.video] ?? 0,
            lastGenerations: publisher.layerGenerations
        )
    }

    /// Takes one message that arrived at `now` by the monotonic clock and `wallClock` µs since 1970.
    func take(_ message: MediaMessage, now: UInt64, wallClock: Int64) {
        take(byteCount: message.payload.count, now: now, wallClock: wallClock) { tracks, outputs in
            tracks.take(message, into: &outputs)
        }
    }

    /// Takes one frame of a publisher whose transport has no messages, captured `age` µs before where that is known.
    func take(_ frame: ArrivedFrame, now: UInt64, wallClock: Int64, age: Int64? = nil) {
        captureAge = age
        take(byteCount: frame.byteCount, layer: frame.layer, now: now, wallClock: wallClock) {
            tracks,
            outputs in
            tracks.take(frame.packet, isVideo: frame.isVideo, at: frame.timestamp, into: &outputs)
        }
    }

    private func take(
        byteCount: Int,
        layer: Int? = nil,
        now: UInt64,
        wallClock: Int64,
        _ read: (inout PublisherTracks, inout [TrackOutput]) -> Void
    ) {
        if isFinished { return }
        lastArrival.store(now, ordering: .relaxed)
        statistics.count(bytes: byteCount, now: now)
        if statistics.bitRate > Double(limits.bitRate) {
            return finish(.bitRateTooHigh(Int(statistics.bitRate)))
        }
        outputs.removeAll(keepingCapacity: true)
        read(&tracks, &outputs)
        if layers != nil { outputs = onTracks(outputs, of: layer, now: now) }
        for output in outputs { take(output, now: now, wallClock: wallClock) }
        if !trackSet.isClosed { awaitTrackSet() }
    }

    /// What becomes of the outputs of a layer, or of sound, where the publisher has several layers.
    private func onTracks(_ found: [TrackOutput], of layer: Int?, now: UInt64) -> [TrackOutput] {
        var results: [TrackOutput] = []
        layers?.tick(now: now, into: &results)
        guard let layer else { return results + found }
        for output in found { layers?.take(output, of: layer, now: now, into: &results) }
        if layers?.takeRateChange() == true, session.layers != nil {
            session.layers = layers?.description
            describe()
        }
        return results
    }

    private func take(_ output: TrackOutput, now: UInt64, wallClock: Int64) {
        switch output {
        case .configured(let configuration):
            pass(trackSet.configure(configuration, at: now), now: now, wallClock: wallClock)
        case .sample(let sample):
            if trackSet.isClosed { return place(sample, now: now, wallClock: wallClock) }
            pass(trackSet.take(sample, at: now), now: now, wallClock: wallClock)
        case .dropped(let reason):
            metrics.dropped[reason].increment()
        case .undecodable(let codec):
            logger.log(.notice, "a publisher's picture cannot be decoded", [.codec: codec.rawValue])
            troubled(.undecodable(codec))
        }
    }

    private func pass(_ outputs: [TrackSet.Output], now: UInt64, wallClock: Int64) {
        for output in outputs {
            switch output {
            case .tracks(let configurations): setTracks(configurations)
            case .sample(let sample): place(sample, now: now, wallClock: wallClock)
            }
        }
    }

    private func awaitTrackSet() {
        guard trackSetTimer == nil, let deadline = trackSet.deadline else { return }
        let delay = Duration.nanoseconds(Int64(clamping: deadline &- min(deadline, EventLoop.now)))
        trackSetTimer = loop.schedule(after: delay) {
            self.assumeIsolated { $0.trackSetIsDue() }
        }
    }

    private func trackSetIsDue() {
        trackSetTimer = nil
        let now = EventLoop.now
        pass(trackSet.tick(at: now), now: now, wallClock: Timestamp.nowMicroseconds)
        if !trackSet.isClosed { awaitTrackSet() }
    }

    private func setTracks(_ configurations: [TrackConfiguration]) {
        if timeline == nil { beginTimeline(with: configurations) }
        timeline?.setTracks(configurations)
        statistics.audioTimescale = configurations.first { $0.track == .audio }?.timescale ?? 1
        session.tracks = ownTracks.map { .init(track: $0.track.rawValue, generation: $0.generation) }
        session.layers = layers?.description
        describe()
        tracksChanged(ownTracks)
    }

    /// The tracks of the stream itself.
    private var ownTracks: [TrackConfiguration] {
        layers == nil ? trackSet.tracks : trackSet.tracks.filter { !$0.track.isLayer }
    }

    private func beginTimeline(with configurations: [TrackConfiguration]) {
        guard let earlier = publisher.resumption, let stamps = publisher.stamps else {
            session.partTarget = Stamper.partTarget(for: configurations)
            timeline = SessionTimeline(partTarget: session.partTarget)
            session.breaks = timeline?.breaks
            return
        }
        session.partTarget = earlier.session.partTarget
        timeline = SessionTimeline(
            partTarget: session.partTarget,
            resuming: stamps,
            after: earlier.end.seconds,
            anchors: earlier.session.anchors,
            breaks: earlier.session.breaks,
            wallClock: Timestamp.nowMicroseconds
        )
        session.breaks = timeline?.breaks
    }

    private func place(_ source: SourceSample, now: UInt64, wallClock: Int64) {
        guard source.payload.count <= BusEntry.maximumSampleByteCount else {
            return finish(.sampleTooLarge(source.payload.count))
        }
        switch timeline?.place(source, now: now, wallClock: wallClock, age: captureAge ?? 0) {
        case .placed(let sample): write(sample)
        case .anchored(let sample):
            session.anchors = timeline?.anchors ?? []
            session.breaks = timeline?.breaks
            describe()
            write(sample)
        case .discarded, nil: metrics.discarded.increment()
        }
    }

    private func write(_ sample: BusSample) {
        if isFinished { return }
        statistics.count(sample)
        outlets.append(sample)
    }

    /// Tells the bus what the session and its tracks are now.
    private func describe() {
        let renditions = layers?.renditions ?? []
        outlets.describe(session, tracks: trackSet.tracks, renditions: renditions) { session, rendition in
            BusOutlet(
                to: session,
                rendition: rendition,
                resumes: publisher.resumes(rendition),
                shard: shard,
                errands: errands,
                limits: limits.outlet,
                logger: logger
            ) { reason in self.assumeIsolated { $0.finish(reason) } }
        }
    }

    // MARK: The end

    /// Tells the connection that the service ends the publisher.
    func finish(_ reason: PublisherEnd) {
        guard let ended else { return }
        self.ended = nil
        ended(reason)
    }

    /// Tells readers that the publisher is gone and may come back.
    func markAway() {
        ended = nil
        trackSetTimer?.cancel()
        for outlet in outlets.all { outlet.assumeIsolated { $0.markAway() } }
    }

    /// Ends the session on the bus.
    func end() async {
        for outlet in stop() { await outlet.end() }
    }

    /// Lets go of the stream, which another publisher goes on with.
    func close() async {
        for outlet in stop() { await outlet.close() }
    }

    private func stop() -> [BusOutlet] {
        isFinished = true
        ended = nil
        trackSetTimer?.cancel()
        // They hold this publisher, too.
        defer { outlets = SessionOutlets() }
        return outlets.all
    }

    // MARK: For people

    /// What is known of the publisher now.
    var report: PublisherReport {
        PublisherReport(
            publisher,
            encoder: session.publisher.encoder,
            statistics: statistics,
            captureAge: captureAge,
            tracks: ownTracks,
            layers: session.layers ?? [],
            warnings: statistics.warnings(dropped: tracks.dropped, breakCount: timeline?.breakCount ?? 0)
        )
    }
}
