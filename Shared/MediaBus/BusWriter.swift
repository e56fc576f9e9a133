public import Contracts
public import Media
public import Reactor
import Redis

/// Writes one published stream, or one rendition of it.
///
/// It lives on the loop of its ``BusShard``, so a publisher there calls it by `assumeIsolated`, without a hop.
public actor BusWriter: LoopActor {
    /// What the publisher must act on.
    public enum Event: Sendable, Equatable {
        /// A publisher of a higher epoch has the stream: close this one. Nothing more is written.
        case fenced
        /// There is no room to keep samples until the bus is back: close the publisher. What is kept is
        /// still written when the bus comes back.
        case outageBufferFull
        /// A sample of this many bytes is more than the bus carries: close the publisher with that reason.
        case sampleTooLarge(Int)
        /// A reader asks for a keyframe; an RTMP publisher cannot give one.
        case keyframeWanted
    }

    private enum State {
        case writing
        /// Nothing more is taken; what is kept is still written.
        case stopped
        case fenced
        case ended
    }

    /// Samples in one entry at most.
    private static let sampleLimit = 1024
    /// Bytes from which an entry is not filled further.
    private static let entryByteLimit = 1 << 20

    /// The loop.
    public nonisolated let loop: EventLoop
    /// The stream.
    public nonisolated let streamID: String
    /// The rendition, `nil` for the publisher's own samples.
    public nonisolated let rendition: RenditionName?
    /// The publisher's epoch, or that of the rendition's maker.
    public nonisolated let epoch: UInt64

    private let shard: BusShard
    private let observer: @Sendable (Event) -> Void
    private let budget: OutageBudget
    private let mediaKey: String
    private var state = State.writing
    private var description: BusDescription
    private var leader: TrackID?
    private var pending: [BusSample] = []
    private var pendingByteCount = 0
    private var pendingFlags: BusEntry.Flags
    private var pendingKeyframe = false
    private var counter: UInt64 = 0
    private var keyframeCounter: UInt64 = 0
    private var replay = ReplayBuffer()
    private var ring: RingIndex
    private var ringStart: UInt64?
    private var isSynchronized: Bool
    private var hasNewMedia = true
    private var settled: [CheckedContinuation<Void, Never>] = []

    /// Runs on the loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    init(
        shard: BusShard,
        configuration: BusConfiguration,
        budget: OutageBudget,
        description: BusDescription,
        rendition: RenditionName?,
        resumes: Bool,
        isConnected: Bool,
        observer: @escaping @Sendable (Event) -> Void
    ) {
        isSynchronized = isConnected
        self.shard = shard
        loop = shard.loop
        streamID = description.session.streamId
        epoch = description.session.epoch
        self.rendition = rendition
        mediaKey = BusKeys.media(BusStreamName(description.session.streamId, rendition: rendition))
        self.description = description
        leader = description.leader
        self.budget = budget
        self.observer = observer
        pendingFlags = resumes ? .publisherBack : []
        ring = RingIndex(
            byteLimit: configuration.ringByteLimit,
            longest: configuration.ringDuration.nanoseconds,
            floor: configuration.ringFloor.nanoseconds
        )
    }

    deinit { budget.give(replay.byteCount) }

    /// The name of what it writes.
    nonisolated var name: BusStreamName { BusStreamName(streamID, rendition: rendition) }

    /// Adds a stamped sample.
    ///
    /// It is flushed within the tick. Samples after the end, or after an event that closes, are ignored.
    /// One of more than ``BusEntry/maximumSampleByteCount`` bytes is such an event.
    public func append(_ sample: BusSample) {
        guard case .writing = state else { return }
        guard sample.payload.count <= BusEntry.maximumSampleByteCount else {
            return stop(telling: .sampleTooLarge(sample.payload.count))
        }
        let isEntrance = isEntrance(sample)
        if isEntrance && !pending.isEmpty { seal() }
        pending.append(sample)
        pendingByteCount += sample.payload.count
        pendingKeyframe = pendingKeyframe || isEntrance
        hasNewMedia = true
        if pending.count >= Self.sampleLimit || pendingByteCount >= Self.entryByteLimit { seal() }
        shard.assumeOnLoop { $0.flushSoon() }
    }

    /// Keeps others from taking the stream for another ``BusConfiguration/silenceLimit``, as a sample would.
    public func holdPlace() {
        if case .writing = state { hasNewMedia = true }
    }

    /// Replaces the description and adds configurations; the next entry tells readers to read them.
    public func describe(_ session: SessionDescription, tracks: [TrackConfiguration]) {
        guard case .writing = state else { return }
        // What was appended before belongs to the old description.
        seal()
        description.session = session
        for track in tracks {
            description.tracks.removeAll { $0.track == track.track && $0.generation == track.generation }
            description.tracks.append(track)
        }
        leader = description.leader
        pendingFlags.insert(.tracksChanged)
        let description = description
        shard.assumeIsolated { shard in
            shard.store(description, of: name)
            if rendition == nil { shard.announce(.tracks, of: streamID) }
        }
    }

    /// Tells readers that the publisher is gone and may come back, in a new epoch with a writer of its own.
    ///
    /// The stream stays live by heartbeat, and another publisher may begin at once.
    public func markAway() {
        guard case .writing = state else { return }
        seal()
        pendingFlags.insert(.publisherAway)
        seal()
        hasNewMedia = false
        shard.assumeIsolated { shard in
            shard.flushSoon()
            guard rendition == nil else { return }
            shard.clearGate(of: streamID)
            shard.announce(.away, of: streamID)
        }
    }

    /// Ends the session: tells readers, removes the stream from the live set and lets the keys expire.
    ///
    /// Returns when the bus holds everything, or after ``BusShard/settleLimit`` without the bus.
    public func end() async {
        guard await settle(with: .endOfSession) else { return }
        await shard.retire(self)
    }

    /// Returns when the bus holds everything that was appended, or after ``BusShard/settleLimit`` without it.
    public func settle() async {
        if case .writing = state { seal() }
        guard !replay.isSettled else { return }
        await shard.flushSoon()
        let timer = loop.schedule(after: BusShard.settleLimit) {
            self.assumeIsolated { $0.resumeSettled() }
        }
        await withCheckedContinuation { settled.append($0) }
        timer.cancel()
    }

    /// Lets go of the stream without ending the session.
    ///
    /// Returns when the bus holds everything, or after ``BusShard/settleLimit`` without the bus.
    public func close() async {
        guard await settle(with: []) else { return }
        await shard.remove(self)
    }

    // MARK: Entries

    /// Whether a reader can begin at `sample`: a keyframe of the leading video track, or of sound alone the
    /// beginning of a segment.
    private func isEntrance(_ sample: BusSample) -> Bool {
        guard let leader else { return sample.flags.contains(.segmentStart) }
        return sample.track == leader && sample.flags.contains(.keyframe)
    }

    /// Makes an entry of what is pending.
    private func seal() {
        guard !pending.isEmpty || !pendingFlags.isEmpty else { return }
        let isKeyframe = pendingKeyframe
        counter += 1
        if isKeyframe { keyframeCounter = counter }
        let entry = BusEntry(flags: pendingFlags, keyframeCounter: keyframeCounter, samples: pending)
        pending.removeAll(keepingCapacity: true)
        pendingByteCount = 0
        pendingFlags = []
        pendingKeyframe = false
        keep(
            SealedEntry(
                counter: counter,
                isKeyframe: isKeyframe,
                time: EventLoop.now,
                command: command(for: entry)
            )
        )
    }

    private func command(for entry: BusEntry) -> RedisCommand {
        let byteCount = entry.encodedByteCount
        var command = RedisCommand(argumentCount: 5, reservingCapacity: byteCount + 160)
        command.append("XADD")
        command.append(mediaKey)
        command.append("\(epoch)-\(counter)")
        command.append("e")
        command.append(byteCount: byteCount) { entry.append(to: &$0) }
        return command
    }

    private func keep(_ entry: SealedEntry) {
        budget.give(replay.prune(at: entry.time))
        replay.append(entry)
        if let start = ring.add(
            counter: entry.counter,
            isKeyframe: entry.isKeyframe,
            byteCount: entry.byteCount,
            at: entry.time
        ) {
            ringStart = start
        }
        makeRoom(for: entry.byteCount)
        guard !budget.take(entry.byteCount) else { return }
        // The entry is kept all the same: it is the last one.
        budget.overdraw(entry.byteCount)
        stop(telling: .outageBufferFull)
    }

    /// Gives up what is kept only for a bus that loses its memory, where room is scarce.
    func makeRoom(for byteCount: Int = 0) {
        if budget.isScarce(with: byteCount) { budget.give(replay.dropConfirmed()) }
    }

    private func stop(telling event: Event) {
        guard case .writing = state else { return }
        state = .stopped
        observer(event)
    }

    // MARK: The link, called by the shard

    /// Sends what the bus does not have yet.
    func flush(over client: RedisClient) {
        if case .writing = state { seal() }
        guard isSynchronized else { return }
        for entry in replay.takeUnsent(byteLimit: BusShard.windowByteCount) {
            client.sendNow(entry.command) { result in
                self.assumeOnLoop { $0.answered(entry.counter, result) }
            }
        }
        guard let start = ringStart, replay.confirmed >= start else { return }
        ringStart = nil
        client.sendNow(RedisCommand("XTRIM", mediaKey, "MINID", "\(epoch)-\(start)")) { _ in }
    }

    /// Whether samples have come since the last call.
    func takeHasNewMedia() -> Bool {
        defer { hasNewMedia = false }
        return hasNewMedia
    }

    /// Takes note that the connection has gone, with everything that was on its way.
    func connectionLost() {
        isSynchronized = false
        replay.connectionLost()
    }

    /// Asks what the bus holds, and goes on from there.
    func synchronize(over client: RedisClient) {
        if case .fenced = state { return }
        isSynchronized = false
        client.sendNow(RedisCommand("XREVRANGE", mediaKey, "+", "-", "COUNT", 1)) { result in
            self.assumeIsolated { $0.synchronize(with: result) }
        }
    }

    private func synchronize(with result: Result<RedisValue, RedisError>) {
        // Where the connection is gone, the shard says when there is a new one.
        guard case .success(let reply) = result else { return }
        if case .error(let message) = reply {
            return shard.assumeIsolated { $0.wasRefused(self, message) }
        }
        synchronize(with: BusEntryID(newestOf: reply))
    }

    private func synchronize(with last: BusEntryID?) {
        let last = last ?? BusEntryID(epoch: 0, counter: 0)
        guard last.epoch <= epoch, last.epoch < epoch || last.counter <= counter else { return beFenced() }
        let stored = last.epoch == epoch ? last.counter : 0
        let hasLost = stored < replay.confirmed || stored == 0
        replay.rewind(to: stored)
        replay.confirm(through: stored)
        makeRoom()
        isSynchronized = true
        let description = description
        shard.assumeIsolated { shard in
            if hasLost {
                shard.store(description, of: name)
                shard.announceOpening(of: name)
                shard.beat()
            }
            shard.flushSoon()
        }
        resumeIfSettled()
    }

    private func answered(_ counter: UInt64, _ result: Result<RedisValue, RedisError>) {
        switch result {
        case .success(.error(let message)):
            guard isSynchronized else { return }
            connectionLost()
            shard.assumeIsolated { $0.wasRefused(self, message) }
        case .success:
            replay.confirm(through: counter)
            makeRoom()
            if replay.sent < replay.newest { shard.assumeIsolated { $0.flushSoon() } }
            resumeIfSettled()
        case .failure:
            // The connection is gone; the shard says when there is a new one.
            break
        }
    }

    private func beFenced() {
        state = .fenced
        observer(.fenced)
        resumeSettled()
        shard.assumeIsolated { $0.remove(self) }
    }

    // MARK: The end

    /// Seals the last entry and waits until the bus holds everything.
    ///
    /// - Returns: `false` where there is nothing left to do: fenced, or ended before.
    private func settle(with flags: BusEntry.Flags) async -> Bool {
        switch state {
        case .fenced, .ended: return false
        case .writing, .stopped: break
        }
        seal()
        pendingFlags.formUnion(flags)
        seal()
        state = .ended
        await settle()
        if case .fenced = state { return false }
        return true
    }

    private func resumeIfSettled() {
        if replay.isSettled { resumeSettled() }
    }

    private func resumeSettled() {
        let waiting = settled
        settled = []
        for continuation in waiting { continuation.resume() }
    }
}

extension BusEntryID {
    /// The ID of the first entry in the reply to XRANGE or XREVRANGE.
    init?(newestOf reply: RedisValue) {
        guard let text = reply.array?.first?.array?.first?.string else { return nil }
        self.init(text)
    }
}
