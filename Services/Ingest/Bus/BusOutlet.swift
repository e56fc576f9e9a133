import Contracts
import Media
import MediaBus
import Reactor
import Telemetry

/// The way of stamped samples to one stream of the bus: they are held until the bus has opened it.
actor BusOutlet: LoopActor {
    /// How long to wait for the bus, and how much to hold meanwhile.
    struct Limits: Sendable {
        /// Bytes held until the bus has opened the stream.
        var pendingByteCount = 16 << 20
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

    nonisolated let loop: EventLoop

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    private let rendition: RenditionName?
    private let resumes: Bool
    private let shard: BusShard
    private let errands: Errands
    private let limits: Limits
    private let logger: Logger
    private let failed: @Sendable (PublisherEnd) -> Void
    private var state = State.gathering
    private var session: SessionDescription
    private var tracks: [TrackConfiguration] = []
    private var pending: [BusSample] = []
    private var pendingByteCount = 0

    /// Creates the way to a session's own stream, or to a rendition of it.
    ///
    /// - Parameters:
    ///   - resumes: Whether an earlier epoch of the session has written the stream.
    ///   - failed: Called on the loop where the publisher cannot go on.
    init(
        to session: SessionDescription,
        rendition: RenditionName? = nil,
        resumes: Bool,
        shard: BusShard,
        errands: Errands,
        limits: Limits,
        logger: Logger,
        failed: @escaping @Sendable (PublisherEnd) -> Void
    ) {
        self.session = session
        self.rendition = rendition
        self.resumes = resumes
        self.shard = shard
        self.errands = errands
        self.limits = limits
        self.logger = logger
        self.failed = failed
        loop = shard.loop
    }

    // MARK: Media

    /// Replaces the description of what is written.
    func describe(_ session: SessionDescription, tracks: [TrackConfiguration]) {
        self.session = session
        self.tracks = tracks
        if case .open(let writer) = state { describe(to: writer) }
    }

    private func describe(to writer: BusWriter) {
        writer.assumeIsolated { [session, tracks] in $0.describe(session, tracks: tracks) }
    }

    /// Writes a sample; the first one opens the stream.
    func append(_ sample: BusSample) {
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

    /// Keeps others from taking the stream although nothing is written.
    func holdPlace() {
        if case .open(let writer) = state { writer.assumeIsolated { $0.holdPlace() } }
    }

    private func hold(_ sample: BusSample) {
        pending.append(sample)
        pendingByteCount += sample.payload.count
        if pendingByteCount > limits.pendingByteCount { failed(.busUnavailable) }
    }

    // MARK: The bus

    private func open() async {
        let deadline = EventLoop.now &+ limits.openPatience.nanoseconds
        while case .opening = state {
            let (session, tracks) = (session, tracks)
            do throws(BusError) {
                let writer = try await shard.open(
                    session,
                    tracks: tracks,
                    rendition: rendition,
                    resumes: resumes
                ) { event in self.assumeIsolated { $0.take(event) } }
                return await opened(writer, described: session, tracks)
            } catch {
                logger.log(.warning, "the stream could not be opened on the bus", [.error: error])
                switch error.code {
                case .fenced: return failed(.fenced)
                case .full: return failed(.busFull)
                case .unavailable, .malformed:
                    if EventLoop.now > deadline { return failed(.busUnavailable) }
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
        if described != session || configurations != tracks { describe(to: writer) }
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
        case .fenced: failed(.fenced)
        case .outageBufferFull: failed(.outageBufferFull)
        case .sampleTooLarge(let byteCount): failed(.sampleTooLarge(byteCount))
        case .keyframeWanted: break
        }
    }

    // MARK: The end

    /// Tells readers that the publisher is gone and may come back.
    func markAway() {
        if case .open(let writer) = state { writer.assumeIsolated { $0.markAway() } }
    }

    /// Ends the stream on the bus.
    func end() async {
        if let writer = stop() { await writer.end() }
    }

    /// Lets go of the stream, which another publisher goes on with.
    func close() async {
        if let writer = stop() { await writer.close() }
    }

    private func stop() -> BusWriter? {
        defer { state = .finished }
        pending = []
        if case .open(let writer) = state { return writer }
        return nil
    }
}
