import Contracts
import FoundationEssentials
import Lifecycle
import Media
import MediaBus
import Reactor
import Redis
import Telemetry

/// Takes the streams that are live on the bus, one lease each, and packages them.
actor OwnerService: Service {
    struct Configuration: Sendable {
        /// How others reach this replica, as the lease says.
        var address: String
        var leaseDuration = Duration.seconds(6)
        var leaseRenewal = Duration.milliseconds(1500)
        /// How much longer than the grace time a writer may take to come back to a bus that knows nothing of its session.
        var silenceMargin = Duration.seconds(5)
        /// From when on a live stream that is still being taken up is told of.
        var openingAlarm = Duration.seconds(5)
    }

    nonisolated let name = "owner"
    nonisolated let loop: EventLoop
    private let configuration: Configuration
    private let control: RedisClient
    private let bus: RedisClient
    private let volume: Volume
    private let directory: SessionDirectory
    private let budget: MemoryBudget
    private let measures: OriginMeasures
    private let reporter: RecordingReporter
    private let logger: Logger
    private let found: AsyncStream<String>
    private let finder: AsyncStream<String>.Continuation
    private var reader: BusReader?
    private var opening: Set<String> = []
    /// Streams whose leases were lost here, and whose last parts may still wait for the volume.
    private var lost: Set<String> = []
    private var owners: [String: StreamOwner] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    init(
        _ configuration: Configuration,
        control: RedisClient,
        bus: RedisClient,
        volume: Volume,
        directory: SessionDirectory,
        budget: MemoryBudget,
        measures: OriginMeasures,
        reporter: RecordingReporter,
        logger: Logger
    ) {
        self.configuration = configuration
        loop = budget.loop
        self.control = control
        self.bus = bus
        self.volume = volume
        self.directory = directory
        self.budget = budget
        self.measures = measures
        self.reporter = reporter
        self.logger = logger
        // At most one waits for each stream, since `opening` holds the others back.
        (found, finder) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(65_536))
    }

    /// Hands the service the reader that tells it of streams.
    func setReader(_ reader: BusReader) { self.reader = reader }

    /// Called by the reader, on the loop, for every stream that nobody here follows.
    nonisolated func streamFound(_ streamID: String) {
        assumeIsolated { $0.begin(streamID) }
    }

    /// Owns streams until `shutdown` is requested, then hands them over.
    func run(until shutdown: Shutdown) async throws {
        let found = found
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await shutdown.requested()
                self.finder.finish()
            }
            await beginUnfinished()
            for await streamID in found {
                group.addTask(executorPreference: self.loop) { await self.own(streamID) }
            }
            await handOverAll()
            group.cancelAll()
        }
    }

    /// Takes up what earlier owners have left: the rest of it may still be on the bus.
    private func beginUnfinished() async {
        let root = volume.root
        let unfinished = await volume.reading { SessionFolder.unfinished(root: root) }
        for description in unfinished { begin(description.streamId) }
    }

    /// Completes a stream's recordings, but that of the session that is still on the bus.
    private func finishOthers(of streamID: String, than sessionID: String?) async throws {
        let root = volume.root
        let unfinished = await volume.reading {
            SessionFolder.sessions(root: root, streamID: streamID)
                .filter { $0.record.state == .recording && $0.id != sessionID }
                .map(\.id)
        }
        for id in unfinished.reversed() {
            let folder = SessionFolder(root: root, streamID: streamID, sessionID: id)
            try await finish(folder, of: streamID)
            await volume.drained()
            // What is in memory of it may be more, or less, than what lies on the volume now.
            directory.forget(folder.path)
            let failure = await volume.reading { folder.record?.lastingFailure }
            guard case .found(let session) = await directory.session(id, of: streamID) else { continue }
            reporter.begin(session, failure: failure)
            reporter.end(session)
        }
    }

    /// Adds to a recording what the bus still has of its session, which ended while nobody packaged it.
    private func finish(_ folder: SessionFolder, of streamID: String) async throws {
        guard let reader, let stored = await volume.reading({ folder.contents() }) else {
            return volume.perform { folder.finish() }
        }
        let description = stored.record.description
        let owner = StreamOwner(
            session: .restored(from: stored, folder: folder.path, isEnded: false),
            description: description,
            stored: stored,
            lease: nil,
            volume: volume,
            budget: budget,
            measures: measures,
            notify: { _ in }
        )
        var start = BusEntryID(epoch: description.epoch, counter: 0)
        if case .after(let last) = StreamOwner.start(after: stored, in: description) { start = last }
        let tracks = stored.record.configurations.compactMap(\.configuration)
        try await reader.readRemainder(of: streamID, as: description, tracks, from: start, handler: owner)
        logger.log(.info, "completed an older session", [.stream: streamID, .session: description.sessionId])
    }

    private func begin(_ streamID: String) {
        guard owners[streamID] == nil, opening.insert(streamID).inserted else { return }
        measures.opening.set(Int64(opening.count))
        finder.yield(streamID)
    }

    /// Takes one stream and keeps its lease until it is over or lost.
    private func own(_ streamID: String) async {
        do {
            guard let (lease, owner) = try await take(streamID) else { return }
            try await keep(lease, for: owner)
        } catch is CancellationError {
            return
        } catch {
            logger.log(.warning, "cannot own the stream", [.stream: streamID, .error: "\(error)"])
        }
    }

    /// Takes a stream, unless it is another's or there is nothing to follow.
    private func take(_ streamID: String) async throws -> (RedisLease, StreamOwner)? {
        defer {
            opening.remove(streamID)
            measures.opening.set(Int64(opening.count))
        }
        try await awaitWriter(of: streamID)
        let alarm = loop.schedule(after: configuration.openingAlarm) { [logger] in
            logger.log(.warning, "a live stream is not packaged yet", [.stream: streamID])
        }
        defer { alarm.cancel() }
        guard let lease = try await acquireLease(of: streamID) else { return nil }
        if let owner = try await open(streamID, lease: lease) { return (lease, owner) }
        try await lease.release()
        return nil
    }

    private func acquireLease(of streamID: String) async throws -> RedisLease? {
        let key = BusKeys.originLease(streamID)
        let address = configuration.address
        if let lease = try await RedisLease.acquire(
            key,
            holder: address,
            for: configuration.leaseDuration,
            from: control
        ) {
            return lease
        }
        guard let value = try await control.command("GET", key).string, value.hasPrefix(address + "|") else {
            return nil
        }
        // Left by an earlier process on our own address, which can only be dead.
        guard owners[streamID] == nil else { return nil }
        try await control.command("EVAL", Self.removal, 1, key, value)
        return try await RedisLease.acquire(
            key,
            holder: address,
            for: configuration.leaseDuration,
            from: control
        )
    }

    /// Waits until the bus knows of a stream that has a recording which nobody has finished, or has known nothing of it for
    /// so long that no writer will come back to it: a bus that has lost its memory gets its sessions from their writers again.
    private func awaitWriter(of streamID: String) async throws {
        var patience: UInt64?
        var silentSince = EventLoop.now
        while EventLoop.now &- silentSince < patience ?? .max {
            do {
                if try await description(of: streamID) != nil { return }
            } catch is RedisError {
                // A bus that does not answer tells of no silence.
                silentSince = EventLoop.now
            }
            if patience == nil {
                guard let grace = await graceOfUnfinished(streamID) else { return }
                patience = (grace + configuration.silenceMargin).nanoseconds
            }
            try await loop.sleep(for: .milliseconds(100))
        }
    }

    /// The longest grace time of a stream's recordings that nobody has finished; `nil` where there are none.
    private func graceOfUnfinished(_ streamID: String) async -> Duration? {
        let root = volume.root
        return await volume.reading {
            SessionFolder.sessions(root: root, streamID: streamID).filter { $0.record.state == .recording }
                .map { Duration.seconds(min(max($0.record.description.graceSeconds, 0), 3600)) }.max()
        }
    }

    private static let removal =
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end"

    /// Reads what is stored of the stream's session and begins to follow it.
    private func open(_ streamID: String, lease: RedisLease) async throws -> StreamOwner? {
        let found = try await description(of: streamID)
        try await finishOthers(of: streamID, than: found?.sessionId)
        guard let description = found, let reader else { return nil }
        let folder = SessionFolder(
            root: volume.root,
            streamID: streamID,
            sessionID: description.sessionId
        )
        // An owner's number follows those that have written, which an earlier one here may be about to do.
        if lost.remove(streamID) != nil { await volume.written() }
        let restored = await volume.reading { () -> (MediaSession, SessionFolder.Contents)? in
            folder.contents().map { contents in
                (MediaSession.restored(from: contents, folder: folder.path, isEnded: false), contents)
            }
        }
        let session =
            restored?.0
            ?? MediaSession(description: description, folder: folder.path, isRecording: description.record)
        let owner = StreamOwner(
            session: session,
            description: description,
            stored: restored?.1,
            lease: lease,
            volume: volume,
            budget: budget,
            measures: measures,
            layers: Self.layers(of: streamID, session: description.sessionId, reader),
            notify: { event in self.assumeIsolated { $0.handle(event, of: streamID) } }
        )
        owners[streamID] = owner
        budget.add()
        directory.setLive(session)
        reporter.begin(session, failure: owner.failure)
        await reader.follow(
            streamID,
            from: StreamOwner.start(after: restored?.1, in: description),
            handler: owner
        )
        logger.log(.info, "owning a stream", [.stream: streamID, .session: session.sessionID])
        return owner
    }

    private static func layers(
        of streamID: String,
        session sessionID: String,
        _ reader: BusReader
    ) -> LayerSource {
        LayerSource(
            follow: { name, start, handler in
                reader.assumeIsolated {
                    $0.follow(name, of: streamID, session: sessionID, from: start, handler: handler)
                }
            },
            unfollow: { name in reader.assumeIsolated { $0.unfollow(streamID, rendition: name) } }
        )
    }

    private func description(of streamID: String) async throws -> SessionDescription? {
        let value = try await bus.command("HGET", BusKeys.tracks(streamID), BusKeys.sessionField)
        guard let bytes = value.bytes else { return nil }
        let description = try JSONDecoder().decode(SessionDescription.self, from: Data(bytes))
        guard Identifier.isValid(description.sessionId), description.streamId == streamID else { return nil }
        return description
    }

    private func keep(_ lease: RedisLease, for owner: StreamOwner) async throws {
        while owners[owner.session.streamID] === owner {
            try await loop.sleep(for: configuration.leaseRenewal)
            guard owners[owner.session.streamID] === owner else { break }
            if (try? await lease.renew()) == false || !lease.isHeld { owner.abandon() }
        }
        try await lease.release()
    }

    private func handle(_ event: StreamOwner.Event, of streamID: String) {
        guard let owner = owners[streamID] else { return }
        switch event {
        case .ended, .superseded:
            logger.log(.info, "the session is over", [.stream: streamID, .session: owner.session.sessionID])
            forget(streamID)
            directory.retire(owner.session)
            reporter.end(owner.session)
            if case .superseded = event {
                unfollow(streamID)
                begin(streamID)
            }
        case .leaseLost:
            logger.log(.warning, "the lease of the stream is lost", [.stream: streamID])
            forget(streamID)
            lost.insert(streamID)
            unfollow(streamID)
            directory.drop(owner.session)
            reporter.forget(owner.session)
        case .recordingFailed(let error):
            measures.recordingsStopped.increment()
            logger.log(.error, "recording has stopped", [.stream: streamID, .error: error])
            reporter.fail(owner.session, "\(error)")
        }
    }

    private func forget(_ streamID: String) {
        owners[streamID] = nil
        budget.remove()
    }

    private func unfollow(_ streamID: String) {
        guard let reader else { return }
        reader.assumeIsolated { $0.unfollow(streamID) }
    }

    private func handOverAll() async {
        for (streamID, owner) in owners {
            unfollow(streamID)
            owner.handOver()
            try? await owner.lease?.release()
        }
        owners = [:]
        await volume.drained()
    }
}

extension LogKey {
    /// The session an event is about.
    static let session = LogKey(rawValue: "session.id")
}
