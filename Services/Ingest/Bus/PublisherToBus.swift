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

/// Carries one publisher's media to the bus, on the loop of its connection, and outlives the connection by
/// the grace time.
actor PublisherToBus: LoopActor {
    /// Limits of one publisher.
    struct Limits: Sendable {
        /// The wait for the set of tracks.
        var trackSet = TrackSet.Limits()
        /// Bytes held until the bus has opened the stream.
        var pendingByteCount = 16 << 20
        /// Bits a second over some seconds.
        var bitRate = 100_000_000
        /// How long to try to open the stream on a bus that is away.
        var openPatience = Duration.seconds(10)
    }

    private enum State {
        case gathering
        case opening
        case open(BusWriter)
        case finished
    }

    private static let openRetryInterval = Duration.milliseconds(200)

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
    private var state = State.gathering
    private var tracks: PublisherTracks
    private var trackSet: TrackSet
    private var timeline: SessionTimeline?
    private var session: SessionDescription
    private var pending: [BusSample] = []
    private var pendingByteCount = 0
    private var statistics: PublisherStatistics
    private var outputs: [TrackOutput] = []
    private var trackSetTimer: LoopTimer?
    private let tracksChanged: @Sendable ([TrackConfiguration]) -> Void
    private var ended: (@Sendable (PublisherEnd) -> Void)?
    private nonisolated let lastArrival: Atomic<UInt64>

    /// Creates the carrier of a publisher that has been admitted.
    ///
    /// - Parameters:
    ///   - tracksChanged: Called on the loop with every new set of tracks.
    ///   - ended: Called on the loop, once, where the service must end the publisher.
    init(
        _ publisher: AdmittedPublisher,
        shard: BusShard,
        errands: Errands,
        limits: Limits,
        metrics: IngestMetrics,
        logger: Logger,
        tracksChanged: @escaping @Sendable ([TrackConfiguration]) -> Void,
        ended: @escaping @Sendable (PublisherEnd) -> Void
    ) {
        self.publisher = publisher
        self.shard = shard
        self.errands = errands
        self.limits = limits
        self.metrics = metrics
        self.logger = logger
        self.tracksChanged = tracksChanged
        self.ended = ended
        loop = shard.loop
        session = publisher.description
        tracks = PublisherTracks(continuing: publisher.lastGenerations)
        trackSet = TrackSet(limits: limits.trackSet)
        let now = EventLoop.now
        lastArrival = Atomic(now)
        statistics = PublisherStatistics(now: now)
    }

    /// When media came last, in nanoseconds of the monotonic clock.
    nonisolated var lastMedia: UInt64 { lastArrival.load(ordering: .relaxed) }

    // MARK: Media

    /// Takes the publisher's description of its own tracks.
    func take(metadata: AMF0Value) {
        trackSet.announce(tracks.take(metadata: metadata))
        if let encoder = metadata["encoder"]?.string { session.publisher.encoder = encoder.printable }
    }

    /// Takes the tracks that the publisher has promised to send.
    func announce(_ promised: Set<TrackID>) { trackSet.announce(promised) }

    /// Takes one message that arrived at `now` by the monotonic clock and `wallClock` µs since 1970.
    func take(_ message: MediaMessage, now: UInt64, wallClock: Int64) {
        take(byteCount: message.payload.count, now: now, wallClock: wallClock) { tracks, outputs in
            tracks.take(message, into: &outputs)
        }
    }

    /// Takes one frame of a publisher whose transport has no messages.
    func take(_ frame: ArrivedFrame, now: UInt64, wallClock: Int64) {
        take(byteCount: frame.byteCount, now: now, wallClock: wallClock) { tracks, outputs in
            tracks.take(frame.packet, isVideo: frame.isVideo, at: frame.timestamp, into: &outputs)
        }
    }

    private func take(
        byteCount: Int,
        now: UInt64,
        wallClock: Int64,
        _ read: (inout PublisherTracks, inout [TrackOutput]) -> Void
    ) {
        if case .finished = state { return }
        lastArrival.store(now, ordering: .relaxed)
        statistics.count(bytes: byteCount, now: now)
        if statistics.bitRate > Double(limits.bitRate) {
            return finish(.bitRateTooHigh(Int(statistics.bitRate)))
        }
        outputs.removeAll(keepingCapacity: true)
        read(&tracks, &outputs)
        for output in outputs { take(output, now: now, wallClock: wallClock) }
        if !trackSet.isClosed { awaitTrackSet() }
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
        session.tracks = configurations.map { .init(track: $0.track.rawValue, generation: $0.generation) }
        if case .open(let writer) = state { describe(to: writer) }
        tracksChanged(configurations)
    }

    private func beginTimeline(with configurations: [TrackConfiguration]) {
        guard let earlier = publisher.resumption else {
            session.partTarget = Stamper.partTarget(for: configurations)
            timeline = SessionTimeline(partTarget: session.partTarget)
            return
        }
        session.partTarget = earlier.session.partTarget
        timeline = SessionTimeline(
            partTarget: session.partTarget,
            resuming: earlier.stamps,
            after: earlier.end.seconds,
            anchors: earlier.session.anchors,
            wallClock: Timestamp.nowMicroseconds
        )
    }

    private func place(_ source: SourceSample, now: UInt64, wallClock: Int64) {
        guard source.payload.count <= BusEntry.maximumSampleByteCount else {
            return finish(.sampleTooLarge(source.payload.count))
        }
        switch timeline?.place(source, now: now, wallClock: wallClock) {
        case .placed(let sample): write(sample)
        case .anchored(let sample):
            session.anchors = timeline?.anchors ?? []
            if case .open(let writer) = state { describe(to: writer) }
            write(sample)
        case .discarded, nil: metrics.discarded.increment()
        }
    }

    private func write(_ sample: BusSample) {
        statistics.count(sample)
        switch state {
        case .open(let writer): writer.assumeOnLoop { $0.append(sample) }
        case .gathering:
            hold(sample)
            state = .opening
            errands.run { await self.open() }
        case .opening: hold(sample)
        case .finished: return
        }
    }

    private func hold(_ sample: BusSample) {
        pending.append(sample)
        pendingByteCount += sample.payload.count
        if pendingByteCount > limits.pendingByteCount { finish(.busUnavailable) }
    }

    private func describe(to writer: BusWriter) {
        let configurations = trackSet.tracks
        writer.assumeIsolated { [session] in $0.describe(session, tracks: configurations) }
    }

    // MARK: The bus

    private func open() async {
        let deadline = EventLoop.now &+ limits.openPatience.nanoseconds
        while case .opening = state {
            let description = session
            let configurations = trackSet.tracks
            do throws(BusError) {
                let writer = try await shard.open(
                    description,
                    tracks: configurations,
                    resumes: publisher.resumption != nil
                ) { event in self.assumeIsolated { $0.take(event) } }
                return await opened(writer, described: description, configurations)
            } catch {
                logger.log(.warning, "the stream could not be opened on the bus", [.error: error])
                switch error.code {
                case .fenced: return finish(.fenced)
                case .full: return finish(.busFull)
                case .unavailable, .malformed:
                    if EventLoop.now > deadline { return finish(.busUnavailable) }
                    try? await loop.sleep(for: Self.openRetryInterval)
                }
            }
        }
    }

    private func opened(
        _ writer: BusWriter,
        described: SessionDescription,
        _ configurations: [TrackConfiguration]
    ) async {
        guard case .opening = state else { return await writer.close() }
        state = .open(writer)
        if described != session || configurations != trackSet.tracks { describe(to: writer) }
        appendPending(to: writer)
    }

    private func appendPending(to writer: BusWriter) {
        let samples = pending
        pending = []
        pendingByteCount = 0
        writer.assumeIsolated { writer in
            for sample in samples { writer.append(sample) }
        }
    }

    private func take(_ event: BusWriter.Event) {
        switch event {
        case .fenced: finish(.fenced)
        case .outageBufferFull: finish(.outageBufferFull)
        case .sampleTooLarge(let byteCount): finish(.sampleTooLarge(byteCount))
        case .keyframeWanted: break
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
        if case .open(let writer) = state { writer.assumeIsolated { $0.markAway() } }
    }

    /// Ends the session on the bus.
    func end() async {
        if let writer = stop() { await writer.end() }
    }

    /// Lets go of the stream, which another publisher goes on with.
    func close() async {
        if let writer = stop() { await writer.close() }
    }

    private func stop() -> BusWriter? {
        defer { state = .finished }
        ended = nil
        trackSetTimer?.cancel()
        pending = []
        if case .open(let writer) = state { return writer }
        return nil
    }

    // MARK: For people

    /// What is known of the publisher now.
    var report: PublisherReport {
        PublisherReport(
            publisher,
            encoder: session.publisher.encoder,
            statistics: statistics,
            tracks: trackSet.tracks,
            warnings: statistics.warnings(dropped: tracks.dropped, breakCount: timeline?.breakCount ?? 0)
        )
    }
}
