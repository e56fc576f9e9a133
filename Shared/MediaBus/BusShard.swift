public import Contracts
public import Lifecycle
public import Media
public import Reactor
public import Redis
public import Telemetry

/// The writers of one event loop, flushed together over one connection.
public actor BusShard: LoopActor, Service {
    /// How long the end of a writer waits for the bus.
    public static let settleLimit = Duration.seconds(30)
    /// Bytes of one stream that may be on their way at a time.
    static let windowByteCount = 8 << 20

    private static let beatInterval = Duration.milliseconds(500)
    private static let beatsPerExpiry: UInt64 = 20
    private static let retryDelay = Duration.milliseconds(500)
    private static let lookInterval = Duration.milliseconds(20)

    /// The name for logs.
    public nonisolated let name = "bus-shard"
    /// The loop that the shard and its writers live on.
    public nonisolated let loop: EventLoop
    /// Entries that the bus refused to take, or holds already.
    public nonisolated let refusals = Counter()

    private nonisolated let client: RedisClient
    private let configuration: BusConfiguration
    private let budget: OutageBudget
    private let logger: Logger
    private var writers: [ObjectIdentifier: BusWriter] = [:]
    private var isFlushScheduled = false
    private var beats: UInt64 = 0
    private var isBeating = false
    private var isDraining = false

    /// Runs on the loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop outlives the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    /// Creates a shard; `budget` is shared by all shards of the process.
    public init(
        _ configuration: BusConfiguration,
        budget: OutageBudget,
        loop: EventLoop,
        logger: Logger
    ) {
        self.configuration = configuration
        self.budget = budget
        self.loop = loop
        self.logger = logger
        client = RedisClient(configuration.redis, name: "bus-writer", loop: loop, logger: logger)
    }

    /// Whether the bus can be reached.
    public nonisolated var isConnected: Bool { client.isConnected }

    /// Whether the bus can be reached, now or within `limit`.
    public nonisolated func isConnected(within limit: Duration) async -> Bool {
        let began = EventLoop.now
        while !isConnected, EventLoop.now &- began < limit.nanoseconds {
            do { try await loop.sleep(for: Self.lookInterval) } catch { break }
        }
        return isConnected
    }

    /// Takes the requests of a stream's readers for keyframes.
    public nonisolated func takeKeyframeRequests(
        of streamID: String
    ) async throws(RedisError) -> Set<KeyframeRequest> {
        try await BusBackChannel(client).takeKeyframeRequests(of: streamID)
    }

    /// Takes the requests for keyframes of many streams in one go; streams without any are left out.
    public nonisolated func takeKeyframeRequests(
        of streamIDs: [String]
    ) async throws(RedisError) -> [String: Set<KeyframeRequest>] {
        try await BusBackChannel(client).takeKeyframeRequests(of: streamIDs)
    }

    /// The number of streams that are being written.
    public var writerCount: Int { writers.count }

    /// Flushes until `shutdown` is requested; writers must have been ended or closed before.
    public func run(until shutdown: Shutdown) async throws {
        begin()
        defer { isDraining = true }
        try await client.run(until: shutdown)
    }

    private func begin() {
        client.observe { event in self.assumeIsolated { $0.connectionChanged(event) } }
        scheduleBeat()
    }

    /// Opens a session, or a rendition of it: writes its description and announces it.
    ///
    /// A rendition's session is its source's, but for the epoch and the tracks. Its writer says nothing of the
    /// publisher: neither that it lives nor that it is away.
    ///
    /// - Parameters:
    ///   - session: The session; its epoch must be higher than that of every writer before.
    ///   - tracks: The configurations of its current tracks, and of earlier ones still in the ring.
    ///   - rendition: What is written, `nil` for the publisher's own samples.
    ///   - resumes: Whether an earlier epoch of the same session has been on the bus; readers are told that
    ///     the publisher is back.
    ///   - observer: Called on the loop with what the publisher must act on.
    /// - Throws: ``BusError``: `full`, `fenced` or `unavailable`.
    public func open(
        _ session: SessionDescription,
        tracks: [TrackConfiguration],
        rendition: RenditionName? = nil,
        resumes: Bool = false,
        observer: @escaping @Sendable (BusWriter.Event) -> Void
    ) async throws(BusError) -> BusWriter {
        try await checkMemory()
        let name = BusStreamName(session.streamId, rendition: rendition)
        let newest = try await ask(RedisCommand("XREVRANGE", BusKeys.media(name), "+", "-", "COUNT", 1))
        if let last = BusEntryID(newestOf: newest), last.epoch >= session.epoch {
            throw BusError(.fenced, "the stream has a writer of epoch \(last.epoch)")
        }
        let description = BusDescription(session: session, tracks: tracks)
        try await store(description, of: name, keepingOlderTracks: resumes)
        let writer = BusWriter(
            shard: self,
            configuration: configuration,
            budget: budget,
            description: description,
            rendition: rendition,
            resumes: resumes && rendition == nil,
            isConnected: client.isConnected,
            observer: observer
        )
        writers[ObjectIdentifier(writer)] = writer
        keepAlive([writer], withExpiry: true)
        announceOpening(of: name)
        return writer
    }

    /// Whether a publisher of the stream has sent media within the last two seconds.
    public func isPublisherActive(_ streamID: String) async throws(BusError) -> Bool {
        try await ask(RedisCommand("EXISTS", BusKeys.publisher(streamID))).integer == 1
    }

    // MARK: Commands

    func ask(_ command: RedisCommand) async throws(BusError) -> RedisValue {
        do throws(RedisError) {
            return try await client.command(command)
        } catch {
            throw BusError(error.code == .refused ? .malformed : .unavailable, error.description)
        }
    }

    /// Sends a command whose reply tells nothing: what is lost with a connection is sent again after it.
    private func tell(_ command: RedisCommand) {
        client.sendNow(command) { _ in }
    }

    private func checkMemory() async throws(BusError) {
        let text = try await ask(RedisCommand("INFO", "memory")).string ?? ""
        let values = MemoryReport(text)
        guard values.limit > 0 else { return }
        if Double(values.used) >= Double(values.limit) * configuration.memoryShareLimit {
            throw BusError(.full, "the media bus uses \(values.used) of \(values.limit) bytes")
        }
    }

    private func store(
        _ description: BusDescription,
        of name: BusStreamName,
        keepingOlderTracks: Bool
    ) async throws(BusError) {
        guard let command = description.storing(under: name) else {
            throw BusError(.malformed, "the session cannot be described")
        }
        if !keepingOlderTracks { _ = try await ask(RedisCommand("DEL", BusKeys.tracks(name))) }
        _ = try await ask(command)
    }

    /// Writes a changed description.
    func store(_ description: BusDescription, of name: BusStreamName) {
        if let command = description.storing(under: name) { tell(command) }
    }

    /// Tells the readers of the bus that a stream or a rendition has a writer.
    func announceOpening(of name: BusStreamName) {
        announce(name.rendition == nil ? .opened : .rendition, of: name.streamID, rendition: name.rendition)
    }

    /// Tells the readers of the bus about a stream.
    func announce(_ what: Announcement, of streamID: String, rendition: RenditionName? = nil) {
        var words: [any RedisArgument] = [
            "XADD", BusKeys.announce, "MAXLEN", "~", BusKeys.announceLength, "*",
            Announcement.streamField, streamID, Announcement.whatField, what.rawValue,
        ]
        if let rendition { words += [Announcement.renditionField, rendition.description] }
        tell(RedisCommand(arguments: words))
    }

    // MARK: Flushing

    /// Flushes at the end of this turn of the loop, or of the tick where there are many streams.
    func flushSoon() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        // What the loop rests anyway is part of the wait.
        let tick = configuration.longestTick * configuration.patience(with: writers.count) - loop.rest
        if tick <= .zero {
            loop.execute { self.assumeIsolated { $0.flush() } }
        } else {
            loop.schedule(after: tick) { self.assumeIsolated { $0.flush() } }
        }
    }

    private func flush() {
        isFlushScheduled = false
        for writer in writers.values { writer.assumeOnLoop { $0.flush(over: client) } }
    }

    // MARK: Heartbeats

    private func scheduleBeat() {
        guard !isDraining else { return }
        loop.schedule(after: Self.beatInterval) {
            self.assumeIsolated { shard in
                shard.beat()
                shard.scheduleBeat()
            }
        }
    }

    /// Keeps the streams in the live set and their keys from expiring.
    func beat() {
        // A sign that cannot be sent is one to be sent later.
        guard client.isConnected else { return }
        beats &+= 1
        keepAlive(Array(writers.values), withExpiry: beats % Self.beatsPerExpiry == 1)
    }

    private func keepAlive(_ writers: [BusWriter], withExpiry: Bool) {
        guard !writers.isEmpty else { return }
        let now = WallClock.milliseconds
        var heartbeat: [any RedisArgument] = ["ZADD", BusKeys.live]
        for writer in writers {
            writer.assumeIsolated { $0.makeRoom() }
            if withExpiry { expire(writer.name, after: configuration.keyExpiry + .seconds(30)) }
            guard writer.rendition == nil else { continue }
            heartbeat += [now, writer.streamID]
            if writer.assumeIsolated({ $0.takeHasNewMedia() }) { tell(sign(of: writer)) }
        }
        if heartbeat.count > 2 { tell(RedisCommand(arguments: heartbeat)) }
    }

    private func sign(of writer: BusWriter) -> RedisCommand {
        RedisCommand(
            "SET",
            BusKeys.publisher(writer.streamID),
            writer.epoch,
            "PX",
            configuration.silenceLimit.nanoseconds / 1_000_000
        )
    }

    /// Takes back the sign that a publisher is active.
    func clearGate(of streamID: String) { tell(RedisCommand("DEL", BusKeys.publisher(streamID))) }

    /// Removes the sign that the publisher is not silent, unless it is another publisher's by now.
    func clearSign(of writer: BusWriter) {
        let script = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"
        tell(RedisCommand("EVAL", script, 1, BusKeys.publisher(writer.streamID), writer.epoch))
    }

    private func expire(_ name: BusStreamName, after time: Duration) {
        for key in [BusKeys.media(name), BusKeys.tracks(name)] {
            tell(RedisCommand("PEXPIRE", key, time.nanoseconds / 1_000_000))
        }
    }

    // MARK: The connection

    private func connectionChanged(_ event: RedisClient.ConnectionEvent) {
        for writer in writers.values {
            writer.assumeIsolated { writer in
                switch event {
                case .connected: writer.synchronize(over: client)
                case .disconnected: writer.connectionLost()
                }
            }
        }
    }

    /// Finds out why an entry was refused: another epoch, an entry that is there already, or a full bus.
    func wasRefused(_ writer: BusWriter, _ message: String) {
        refusals.increment()
        guard !message.contains("equal or smaller") else {
            return writer.assumeIsolated { $0.synchronize(over: client) }
        }
        logger.log(.error, "the media bus refused an entry", [.stream: writer.streamID, .error: message])
        loop.schedule(after: Self.retryDelay) {
            self.assumeIsolated { shard in
                writer.assumeIsolated { $0.synchronize(over: shard.client) }
            }
        }
    }

    // MARK: The end of writers

    func remove(_ writer: BusWriter) {
        writers[ObjectIdentifier(writer)] = nil
    }

    /// Removes an ended stream from the live set and lets its keys expire.
    func retire(_ writer: BusWriter) {
        remove(writer)
        expire(writer.name, after: configuration.keyExpiry)
        guard writer.rendition == nil else { return }
        let streamID = writer.streamID
        tell(RedisCommand("ZREM", BusKeys.live, streamID))
        tell(RedisCommand("DEL", BusKeys.ask(streamID)))
        clearSign(of: writer)
        announce(.ended, of: streamID)
    }
}

/// What Redis says about its memory.
struct MemoryReport: Equatable {
    /// The bytes in use.
    var used: UInt64 = 0
    /// The value of `maxmemory`; 0 is no limit.
    var limit: UInt64 = 0

    /// Reads the answer to `INFO memory`.
    init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let halves = line.split(separator: ":", maxSplits: 1)
            guard halves.count == 2, let value = UInt64(halves[1]) else { continue }
            if halves[0] == "used_memory" { used = value }
            if halves[0] == "maxmemory" { limit = value }
        }
    }
}
