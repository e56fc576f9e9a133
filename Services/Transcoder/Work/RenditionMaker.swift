import Contracts
import Media
import MediaBus
import Reactor
import Redis
import Telemetry

/// Makes one rendition of one stream: follows the source, has its samples made over, writes what comes out, and
/// renews the lease meanwhile.
actor RenditionMaker: BusStreamHandler {
    /// What a maker works with, the same for all on a loop.
    struct Place: Sendable {
        var loop: EventLoop
        var shard: BusShard
        /// One for each kind of rendition: a reader has one handler for each stream.
        var readers: [RenditionName: BusReader]
        var rest: LoopRest
    }

    private static let renewalInterval = Duration.milliseconds(700)
    /// Renewals after which the making counts as having gone well: about ten seconds.
    private static let goodRenewalCount = 14
    /// Samples that wait for the writer to be opened; beyond them the oldest goes.
    private static let backlogLimit = 8192

    nonisolated let name: BusStreamName
    nonisolated let loop: EventLoop
    private let claim: RenditionClaim
    private let place: Place
    private let recipe: RenditionRecipe
    private let metrics: TranscoderMetrics
    private let logger: Logger
    private let ticks: AsyncStream<Void>
    private let ticker: AsyncStream<Void>.Continuation
    private var making: (any RenditionMaking)?
    private var session: SessionDescription?
    private var configuration: TrackConfiguration?
    private var writer: BusWriter?
    private var backlog: [BusSample] = []
    private var isPatient = false
    private var ending: TranscoderMetrics.Ending?

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    init(
        _ claim: RenditionClaim,
        at place: Place,
        recipe: RenditionRecipe,
        metrics: TranscoderMetrics,
        logger: Logger
    ) {
        self.claim = claim
        self.place = place
        self.recipe = recipe
        self.metrics = metrics
        self.logger = logger.with(.stream, claim.name)
        name = claim.name
        loop = place.loop
        (ticks, ticker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    private var reader: BusReader? { name.rendition.flatMap { place.readers[$0] } }

    /// Makes the rendition until something ends it.
    ///
    /// - Returns: what ended it.
    func run() async -> TranscoderMetrics.Ending {
        place.rest.begin()
        let earlier = try? await place.shard.resumption(of: name.streamID, rendition: name.rendition)
        making = recipe.maker(for: name.rendition, after: earlier, on: loop) { output in
            self.assumeIsolated { $0.produced(output) }
        }
        guard making != nil, let reader else { return await close(.unsupported) }
        await reader.follow(name.streamID, from: start(after: earlier), handler: self)
        scheduleTick()
        var renewals = 0
        for await _ in ticks {
            await openWriter(after: earlier)
            if ending != nil { break }
            guard await keepLease() else { continue }
            await passKeyframeRequests()
            restAtTail()
            renewals += 1
            if renewals == Self.goodRenewalCount { try? await claim.succeed() }
        }
        return await close(ending ?? .failed)
    }

    /// Where the source is taken up: a viewer wants to begin at once, but sound that goes on where another maker
    /// stopped needs what came since, and a player of HLS wants segments that are whole.
    private func start(after earlier: BusResumption?) -> BusStart {
        switch name.rendition?.kind {
        case .aac: return .beginning
        case .opus: return earlier?.last == nil ? .newestKeyframe : .beginning
        case .withoutBFrames, .layer, nil: return .newestKeyframe
        }
    }

    /// Ends the making.
    func stop(_ reason: TranscoderMetrics.Ending) {
        if ending == nil { ending = reason }
        ticker.yield()
    }

    private func scheduleTick() {
        guard ending == nil else { return }
        ticker.yield()
        loop.schedule(after: Self.renewalInterval) { self.assumeIsolated { $0.scheduleTick() } }
    }

    /// Renews the lease where that is due.
    private func keepLease() async -> Bool {
        let isRenewed = try? await claim.lease.renew()
        if isRenewed == false || !claim.lease.isHeld { stop(.leaseLost) }
        return isRenewed == true
    }

    /// Viewers who have lost a picture ask the publisher; where that is by RTMP, it cannot answer, but this can.
    private func passKeyframeRequests() async {
        guard RenditionRecipe.isOfPictures(name.rendition) else { return }
        let requests = try? await place.shard.takeKeyframeRequests(of: name.streamID)
        if requests?.isEmpty == false { making?.makeKeyframe() }
    }

    /// Sound can wait a little once it is made of what has just come.
    private func restAtTail() {
        guard !isPatient, !RenditionRecipe.isOfPictures(name.rendition) else { return }
        guard reader?.assumeIsolated({ $0.isAtTail(name.streamID) }) == true else { return }
        isPatient = true
        place.rest.becomePatient()
    }

    // MARK: The source

    nonisolated func tracksChanged(_ session: SessionDescription, tracks: [TrackConfiguration]) {
        assumeIsolated { $0.use(session, tracks) }
    }

    nonisolated func receive(_ entry: BusEntry, id: BusEntryID) {
        assumeIsolated { $0.take(entry) }
    }

    nonisolated func gap(after last: BusEntryID?, next: BusEntryID) {
        assumeIsolated { $0.making?.loseSamples() }
    }

    nonisolated func ended(_ reason: BusStreamEnd) {
        assumeIsolated { $0.stop(.sessionEnded) }
    }

    private func use(_ session: SessionDescription, _ tracks: [TrackConfiguration]) {
        self.session = session
        guard making?.use(session, tracks) == true else { return stop(.unsupported) }
        describe()
    }

    private func take(_ entry: BusEntry) {
        guard ending == nil else { return }
        guard claim.lease.isHeld else { return stop(.leaseLost) }
        making?.take(entry.samples)
    }

    // MARK: The rendition

    private func produced(_ output: RenditionOutput) {
        switch output {
        case .configuration(let configuration):
            self.configuration = configuration
            if writer == nil { ticker.yield() } else { describe() }
        case .samples(let samples): write(samples)
        case .damaged(let count): metrics.damaged.increment(by: count)
        case .failed: stop(.failed)
        }
    }

    private func write(_ samples: [BusSample]) {
        guard let writer else {
            backlog += samples
            if backlog.count > Self.backlogLimit { backlog.removeFirst(backlog.count - Self.backlogLimit) }
            return
        }
        writer.assumeIsolated { writer in
            for sample in samples { writer.append(sample) }
        }
        metrics.samples.increment(by: UInt64(samples.count))
        guard let clock = samples.last?.captureClock, clock > 0 else { return }
        let now = UInt64(clamping: Timestamp.nowMicroseconds) &* 1000
        let delay = Double(now > clock ? now - clock : 0) / 1e9
        (configuration?.isVideo == true ? metrics.pictureDelay : metrics.soundDelay).observe(delay)
    }

    /// The session as readers of the rendition see it.
    private var description: SessionDescription? {
        guard var description = session, let configuration else { return nil }
        description.epoch = claim.epoch
        description.tracks = [
            .init(track: configuration.track.rawValue, generation: configuration.generation)
        ]
        return description
    }

    private func describe() {
        guard let writer, let description, let configuration else { return }
        writer.assumeIsolated { $0.describe(description, tracks: [configuration]) }
    }

    private func openWriter(after earlier: BusResumption?) async {
        guard ending == nil, writer == nil, let description, let configuration else { return }
        do throws(BusError) {
            let writer = try await place.shard.open(
                description,
                tracks: [configuration],
                rendition: name.rendition,
                resumes: earlier?.session.sessionId == description.sessionId
            ) { event in self.assumeIsolated { $0.writerFailed(event) } }
            self.writer = writer
            write(backlog)
            backlog = []
        } catch {
            logger.log(.warning, "a rendition cannot be written", [.error: error])
            // The next tick tries again, unless the stream is another's.
            if error.code == .fenced { stop(.leaseLost) }
        }
    }

    private func writerFailed(_ event: BusWriter.Event) {
        switch event {
        case .fenced: stop(.leaseLost)
        case .outageBufferFull, .sampleTooLarge: stop(.failed)
        case .keyframeWanted: break
        }
    }

    // MARK: The end

    private func close(_ reason: TranscoderMetrics.Ending) async -> TranscoderMetrics.Ending {
        ending = reason
        place.rest.end(isPatient: isPatient)
        await reader?.unfollow(name.streamID)
        await making?.finish()
        switch reason {
        case .sessionEnded: await writer?.end()
        default: await writer?.close()
        }
        making = nil
        metrics.endings[reason].increment()
        logger.log(
            reason == .failed ? .warning : .info,
            "a rendition is no longer made here",
            [.reason: reason.rawValue]
        )
        if reason != .failed { try? await claim.succeed() }
        if reason == .sessionEnded { try? await claim.retire() } else { try? await claim.release() }
        return reason
    }
}
