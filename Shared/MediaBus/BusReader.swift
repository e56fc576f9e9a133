public import Contracts
public import Lifecycle
import Media
public import Reactor
import Redis
public import Telemetry

/// Follows streams of the media bus on one event loop.
///
/// Streams at the tail are read together by one blocking XREAD; a stream that is far behind is read by
/// itself, one at a time, until it has caught up. A slow reader never slows a writer: what the ring has
/// dropped meanwhile is reported as a gap.
public actor BusReader: Service {
    /// Entries of one stream in one reply.
    static let entriesPerRead = 32

    private static let blockMilliseconds = 40
    private static let discoveryInterval = Duration.seconds(1)
    private static let retryDelay = Duration.milliseconds(100)
    /// Heartbeats older than this are of writers that have gone, in milliseconds.
    private static let heartbeatLimit: UInt64 = 30_000

    /// The name for logs.
    public nonisolated let name = "bus-reader"
    /// The loop that the reader and all its handlers live on.
    public nonisolated let loop: EventLoop
    /// Entries that were none: of another version, or damaged.
    public nonisolated let malformed = Counter()
    /// Times that the bus was away for longer than ``BusConfiguration/answerLimit``.
    public nonisolated let outages = Counter()

    /// What readers tell writers.
    public nonisolated let backChannel: BusBackChannel

    private nonisolated let tail: RedisClient
    private nonisolated let side: RedisClient
    private let configuration: BusConfiguration
    private let logger: Logger
    private let found: @Sendable (String) -> Void
    private let work: AsyncStream<Void>
    private let workSignal: AsyncStream<Void>.Continuation
    private var streams: [BusStreamName: FollowedStream] = [:]
    private var names: [String: BusStreamName] = [:]
    /// Sessions that have ended, until their streams have left the live set.
    private var endedSessions: [String: String] = [:]
    private var isSweepWanted = false
    /// When the bus last said who lives, and since when it has said so again and again; in nanoseconds.
    private var lastAnswer: UInt64 = 0
    private var answersSince: UInt64 = 0
    private var lastAnnouncement = "0-0"

    /// Runs on the loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    /// Creates a reader.
    ///
    /// - Parameters:
    ///   - found: Called on the loop for a live stream that is not followed: as soon as it is announced, and
    ///     about every second while it stays so. ``follow(_:from:handler:)`` answers it.
    public init(
        _ configuration: BusConfiguration,
        loop: EventLoop,
        logger: Logger,
        found: @escaping @Sendable (_ streamID: String) -> Void
    ) {
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        self.found = found
        tail = RedisClient(configuration.redis, name: "bus-tail", loop: loop, logger: logger)
        side = RedisClient(configuration.redis, name: "bus-side", loop: loop, logger: logger)
        backChannel = BusBackChannel(side)
        (work, workSignal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Whether the bus can be reached.
    public nonisolated var isConnected: Bool { side.isConnected }

    /// The number of streams that are followed, renditions among them.
    public var followedCount: Int { streams.count }

    /// Reads until `shutdown` is requested.
    public func run(until shutdown: Shutdown) async throws {
        // On the loop throughout: resuming elsewhere first would cost two changes of thread a read.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: loop) { try await self.tail.run(until: shutdown) }
            group.addTask(executorPreference: loop) { try await self.side.run(until: shutdown) }
            group.addTask(executorPreference: loop) {
                try await shutdown.cancelling { try await self.readTail() }
            }
            group.addTask(executorPreference: loop) {
                try await shutdown.cancelling { try await self.discover() }
            }
            group.addTask(executorPreference: loop) { try await shutdown.cancelling { await self.catchUp() } }
            try await group.waitForAll()
        }
    }

    /// Begins to follow a stream, in place of a handler that follows it already.
    public func follow(
        _ streamID: String,
        from start: BusStart = .newestKeyframe,
        handler: any BusStreamHandler
    ) {
        let name = BusStreamName(streamID)
        follow(FollowedStream(name, start: start, handler: handler, now: EventLoop.now))
    }

    /// Begins to follow a rendition of a session, in place of a handler that follows it already.
    ///
    /// It need not be there yet: its handler hears nothing until it is. It is followed through any number of
    /// makers, one after the other, until it ends or the session's stream has been abandoned.
    public func follow(
        _ rendition: RenditionName,
        of streamID: String,
        session sessionID: String,
        from start: BusStart = .newestKeyframe,
        handler: any BusStreamHandler
    ) {
        let name = BusStreamName(streamID, rendition: rendition)
        let now = EventLoop.now
        follow(FollowedStream(name, ofSession: sessionID, start: start, handler: handler, now: now))
    }

    private func follow(_ stream: FollowedStream) {
        streams[stream.name] = stream
        names[stream.mediaKey] = stream.name
        workSignal.yield()
    }

    /// Stops following a stream, or a rendition of it; its handler is called no more.
    public func unfollow(_ streamID: String, rendition: RenditionName? = nil) {
        unfollow(BusStreamName(streamID, rendition: rendition))
    }

    private func unfollow(_ name: BusStreamName) {
        streams[name] = nil
        names[BusKeys.media(name)] = nil
    }

    /// Whether a stream has been read up to its newest entry, so that only new ones are to come.
    public func isAtTail(_ streamID: String) -> Bool {
        streams[BusStreamName(streamID)]?.phase == .atTail
    }

    // MARK: The tail

    private func readTail() async throws {
        lastAnnouncement = await newestAnnouncement()
        while !Task.isCancelled {
            let start = EventLoop.now
            do throws(RedisError) {
                let block = Duration.milliseconds(Self.blockMilliseconds)
                let reply = try await tail.command(tailCommand(), deadline: block + .seconds(5))
                for (key, entries) in BusStreamReply.streams(of: reply) { receive(key, entries) }
            } catch {
                try await loop.sleep(for: Self.retryDelay)
            }
            try await pace(since: start)
        }
    }

    private func newestAnnouncement() async -> String {
        let command = RedisCommand("XREVRANGE", BusKeys.announce, "+", "-", "COUNT", 1)
        let reply = try? await side.command(command)
        return reply?.array?.first?.array?.first?.string ?? "0-0"
    }

    private func tailCommand() -> RedisCommand {
        let atTail = streams.values.filter { $0.phase == .atTail }
        var command = RedisCommand(
            argumentCount: 6 + 2 + 2 * atTail.count,
            reservingCapacity: 160 * (atTail.count + 1)
        )
        command.append("XREAD")
        command.append("COUNT")
        command.append("\(Self.entriesPerRead)")
        command.append("BLOCK")
        command.append("\(Self.blockMilliseconds)")
        command.append("STREAMS")
        command.append(BusKeys.announce)
        for stream in atTail { command.append(stream.mediaKey) }
        command.append(lastAnnouncement)
        for stream in atTail { command.append(stream.cursor.last.description) }
        return command
    }

    /// Waits out the tick where there are many streams; else every entry would be a round trip of its own.
    private func pace(since start: UInt64) async throws {
        // What the loop rests anyway is part of the wait.
        let pause = configuration.pollInterval * configuration.patience(with: streams.count) - loop.rest
        let rest = pause - .nanoseconds(Int64(EventLoop.now &- start))
        if rest > .zero { try await loop.sleep(for: rest) }
    }

    private func receive(_ key: String, _ entries: RedisValue) {
        if key == BusKeys.announce { return receiveAnnouncements(entries) }
        guard let stream = names[key].flatMap({ streams[$0] }), stream.phase == .atTail else { return }
        deliver(BusStreamReply.entries(of: entries), to: stream)
    }

    /// Hands entries over until one needs the description read again; the rest is read again then.
    private func deliver(_ entries: [RawBusEntry], to stream: FollowedStream) {
        stream.lastSign = EventLoop.now
        for raw in entries {
            let entry = decode(raw, of: stream)
            switch stream.cursor.step(raw.id, entry) {
            case .skip: continue
            case .describe:
                stream.phase = .starting
                workSignal.yield()
                return
            case .deliverAfterGap(let last):
                stream.handler.gap(after: last, next: raw.id)
                hand(entry, raw.id, to: stream)
            case .deliver:
                hand(entry, raw.id, to: stream)
            }
            // The handler may have stopped following, or begun anew.
            guard isFollowed(stream) else { return }
        }
    }

    private func isFollowed(_ stream: FollowedStream) -> Bool { streams[stream.name] === stream }

    private func hand(_ entry: BusEntry?, _ id: BusEntryID, to stream: FollowedStream) {
        guard let entry else { return }
        stream.handler.receive(entry, id: id)
        if entry.flags.contains(.endOfSession) { end(stream, .endOfSession) }
    }

    private func end(_ stream: FollowedStream, _ reason: BusStreamEnd) {
        guard isFollowed(stream) else { return }
        unfollow(stream.name)
        if stream.name.rendition == nil {
            endedSessions[stream.name.streamID] = stream.description?.session.sessionId
            isSweepWanted = true
        }
        stream.handler.ended(reason)
    }

    private func decode(_ raw: RawBusEntry, of stream: FollowedStream) -> BusEntry? {
        do throws(BusEntry.Failure) {
            return try BusEntry(decoding: raw.blob)
        } catch {
            malformed.increment()
            logger.log(
                .warning,
                "an entry of the bus is damaged",
                [.stream: stream.name, .error: "\(error)"]
            )
            return nil
        }
    }

    // MARK: Streams that are not at the tail

    private func catchUp() async {
        for await _ in work {
            while !Task.isCancelled, let stream = nextBehind() {
                do throws(RedisError) {
                    try await advance(stream)
                } catch {
                    stream.retryTime = EventLoop.now &+ Self.retryDelay.nanoseconds
                    loop.execute { self.assumeIsolated { $0.workLater() } }
                }
            }
        }
    }

    private func workLater() {
        loop.schedule(after: Self.retryDelay) { [workSignal] in workSignal.yield() }
    }

    private func nextBehind() -> FollowedStream? {
        let now = EventLoop.now
        return streams.values.first { $0.phase != .atTail && $0.retryTime <= now }
    }

    /// Makes one step with a stream that is not at the tail.
    private func advance(_ stream: FollowedStream) async throws(RedisError) {
        if stream.phase == .starting {
            try await describe(stream)
        } else {
            try await readAlone(stream)
        }
    }

    private func describe(_ stream: FollowedStream) async throws(RedisError) {
        let reply = try await side.command("HGETALL", BusKeys.tracks(stream.name))
        guard isFollowed(stream) else { return }
        guard let description = BusDescription(reply: reply), !stream.isForeign(description.session) else {
            // Redis has lost its memory, or the keys have expired: the sweep decides which.
            if isAbandoned(stream) { return end(stream, .abandoned) }
            throw RedisError(.unavailable, "no session")
        }
        if let old = stream.description, old.session.sessionId != description.session.sessionId {
            return end(stream, .abandoned)
        }
        try await place(stream, description)
    }

    private func place(_ stream: FollowedStream, _ description: BusDescription) async throws(RedisError) {
        let isFirst = stream.description == nil
        if isFirst {
            let epoch = description.session.epoch
            stream.cursor = try await cursor(for: stream, epoch: epoch)
            guard isFollowed(stream) else { return }
        } else {
            stream.cursor.described(until: description.session.epoch)
        }
        stream.description = description
        stream.phase = .catchingUp
        stream.handler.tracksChanged(description.session, tracks: description.tracks)
    }

    private func cursor(for stream: FollowedStream, epoch: UInt64) async throws(RedisError) -> StreamCursor {
        switch stream.start {
        case .after(let id): return StreamCursor(after: id, hasHistory: true, describedEpoch: epoch)
        case .beginning: return StreamCursor(atBeginningOf: epoch)
        case .newestKeyframe: break
        }
        let reply = try await side.command("XREVRANGE", stream.mediaKey, "+", "-", "COUNT", 1)
        guard let newest = BusStreamReply.entries(of: reply).first, newest.id.epoch >= epoch,
            let entry = try? BusEntry(decoding: newest.blob), entry.keyframeCounter > 0
        else { return StreamCursor(atBeginningOf: epoch) }
        let before = BusEntryID(epoch: newest.id.epoch, counter: entry.keyframeCounter - 1)
        return StreamCursor(after: before, hasHistory: false, describedEpoch: epoch)
    }

    private func readAlone(_ stream: FollowedStream) async throws(RedisError) {
        let entries = try await entries(under: stream.mediaKey, after: stream.cursor.last)
        guard isFollowed(stream) else { return }
        if entries.count < Self.entriesPerRead { stream.phase = .atTail }
        deliver(entries, to: stream)
    }

    /// The next entries of a stream, whether it is followed or not.
    func entries(under key: String, after last: BusEntryID) async throws(RedisError) -> [RawBusEntry] {
        BusStreamReply.entries(
            of: try await side.command("XRANGE", key, "(\(last)", "+", "COUNT", Self.entriesPerRead)
        )
    }

    // MARK: Discovery

    private func discover() async throws {
        while !Task.isCancelled {
            isSweepWanted = false
            if let reply = try? await side.command("ZRANGE", BusKeys.live, 0, -1, "WITHSCORES") {
                await sweep(reply.pairs ?? [])
            }
            let start = EventLoop.now
            while !isSweepWanted, EventLoop.now &- start < Self.discoveryInterval.nanoseconds {
                try await loop.sleep(for: Self.retryDelay)
            }
        }
    }

    private func sweep(_ live: [(name: String, value: RedisValue)]) async {
        noteAnswer(at: EventLoop.now)
        let oldest = Double(WallClock.milliseconds) - Double(Self.heartbeatLimit)
        let scores = Dictionary(live.map { ($0.name, $0.value.string) }) { first, _ in first }
        for stream in streams.values {
            // A rendition lives as long as its source does: its maker may be changing.
            guard let score = scores[stream.name.streamID], stream.lastScore != score else { continue }
            stream.lastSign = EventLoop.now
            stream.lastScore = score
        }
        for (streamID, score) in scores where streams[BusStreamName(streamID)] == nil {
            if let beat = score.flatMap({ Double($0) }), beat > oldest { await discovered(streamID) }
        }
        let liveIDs = Set(scores.keys)
        endedSessions = endedSessions.filter { liveIDs.contains($0.key) }
        for stream in Array(streams.values) where isAbandoned(stream) { end(stream, .abandoned) }
    }

    /// Reports a live stream, unless it is only the rest of a session that has ended.
    private func discovered(_ streamID: String) async {
        if let ended = endedSessions[streamID] {
            let reply = try? await side.command("HGET", BusKeys.tracks(streamID), BusKeys.sessionField)
            guard let reply, let session = BusDescription.session(reply), session.sessionId != ended,
                streams[BusStreamName(streamID)] == nil
            else { return }
            endedSessions[streamID] = nil
        }
        found(streamID)
    }

    /// Takes note that the bus has said who lives.
    private func noteAnswer(at now: UInt64) {
        let pause = now &- lastAnswer
        if pause > configuration.answerLimit.nanoseconds {
            answersSince = now
            if lastAnswer > 0 {
                outages.increment()
                let seconds = "\(Double(pause / 1_000_000) / 1000)"
                logger.log(.warning, "the media bus was away; nobody is given up for it", [.seconds: seconds])
            }
        }
        lastAnswer = now
    }

    /// Whether nobody has written, nor said that it lives, for longer than the grace time.
    ///
    /// A bus that does not answer tells of no silence: after an outage every stream has its whole time again, for
    /// its writer has to find the bus again, too.
    private func isAbandoned(_ stream: FollowedStream) -> Bool {
        let now = EventLoop.now
        guard now &- lastAnswer <= configuration.answerLimit.nanoseconds else { return false }
        let grace = Duration.seconds(stream.description?.session.graceSeconds ?? 15)
        let silence = now &- max(stream.lastSign, answersSince)
        return silence > (grace + configuration.silenceMargin).nanoseconds
    }

    private func receiveAnnouncements(_ entries: RedisValue) {
        for item in entries.array ?? [] {
            guard let halves = item.array, halves.count == 2, let id = halves[0].string else { continue }
            lastAnnouncement = id
            let fields = halves[1].pairs ?? []
            let texts = Dictionary(fields.map { ($0.name, $0.value.string ?? "") }) { first, _ in first }
            guard let streamID = texts[Announcement.streamField] else { continue }
            switch texts[Announcement.whatField].flatMap({ Announcement(rawValue: $0) }) {
            case .opened: announced(streamID)
            case .rendition: announced(texts[Announcement.renditionField], of: streamID)
            default: continue
            }
        }
    }

    private func announced(_ streamID: String) {
        guard streams[BusStreamName(streamID)] == nil else { return }
        if endedSessions[streamID] == nil { found(streamID) } else { isSweepWanted = true }
    }

    /// Does not let a rendition wait that has a writer now.
    private func announced(_ rendition: String?, of streamID: String) {
        guard let rendition = rendition.flatMap({ RenditionName(parsing: $0) }) else { return }
        streams[BusStreamName(streamID, rendition: rendition)]?.retryTime = 0
        workSignal.yield()
    }
}
