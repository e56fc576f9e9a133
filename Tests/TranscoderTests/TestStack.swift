import Configuration
import Contracts
import Lifecycle
import Media
import MediaBus
import Reactor
import Redis
import Synchronization
import Telemetry
import TestSupport

@testable import Transcoder

/// A bus of its own with a publisher's shard, a viewer's reader, and as many workers as a test wants.
final class TestStack: Sendable {
    static let session = SessionDescription(
        streamId: "stream",
        sessionId: "session",
        epoch: 5,
        slug: "main",
        title: "Test",
        startedAt: "2026-01-01T00:00:00Z",
        anchors: [.init(decodeTime: 10, discontinuity: 0, wallClock: 1_767_225_600_000_000)],
        publisher: .init(protocol: "rtmp", encoder: "test", address: "127.0.0.1"),
        tracks: [.init(track: 1, generation: 1)]
    )

    let server: RedisServer
    let redis: RedisClient.Configuration
    let loop = EventLoop(name: "test")
    let shard: BusShard
    let reader: BusReader
    let client: RedisClient
    let blocking: RedisClient
    private let logger = Logger(level: .error) { _ in }
    private let writer = Mutex<BusWriter?>(nil)
    private let loops = Mutex<[EventLoop]>([])

    private init() throws {
        server = try RedisServer()
        redis = try RedisClient.Configuration(url: server.url)
        let bus = BusConfiguration(redis: redis)
        let budget = OutageBudget(byteLimit: bus.outageByteLimit)
        shard = BusShard(bus, budget: budget, loop: loop, logger: logger)
        reader = BusReader(bus, loop: loop, logger: logger) { _ in }
        client = RedisClient(redis, loop: loop, logger: logger)
        blocking = RedisClient(redis, loop: loop, logger: logger)
    }

    static func run(_ body: (TestStack) async throws -> Void) async throws {
        let stack = try TestStack()
        let shutdown = Shutdown()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in [stack.shard, stack.reader, stack.client, stack.blocking] as [any Service] {
                group.addTask { try await service.run(until: shutdown) }
            }
            try await body(stack)
            shutdown.request()
            try await group.waitForAll()
        }
        stack.loop.stop()
        for loop in stack.loops.withLock({ $0 }) { loop.stop() }
    }

    var channel: BusBackChannel { reader.backChannel }

    /// A worker with loops and connections of its own, as another process would have.
    func worker(_ holder: String, metrics: TranscoderMetrics? = nil) throws -> ServiceBundle {
        let loop = EventLoop(name: "worker-\(holder)")
        loops.withLock { $0.append(loop) }
        var environment = EnvironmentReader(["REDIS_BUS_URL": server.url], prefix: "TRANSCODER_")
        let settings = TranscoderSettings(from: &environment)
        try environment.finish()
        let bus = BusConfiguration(redis: redis)
        let place = TranscoderServices.place(
            on: loop,
            bus: bus,
            budget: OutageBudget(byteLimit: bus.outageByteLimit),
            logger: logger
        )
        let client = RedisClient(redis, loop: loop, logger: logger)
        let waiting = RedisClient(redis, loop: loop, logger: logger)
        let worker = RenditionWorker(
            holder: holder,
            settings: settings,
            wants: BusWants(client, waitingOn: waiting),
            loop: loop,
            places: [place],
            metrics: metrics ?? TranscoderMetrics(MetricRegistry(service: "transcoder")),
            logger: logger
        )
        return ServiceBundle(parts: [client, waiting, place.shard], last: worker)
    }

    /// Opens a session with one track of AAC.
    func publish(frames: Int) async throws -> SourceSound {
        let source = try SourceSound(frames: frames)
        let opened = try await shard.open(Self.session, tracks: [source.configuration]) { _ in }
        writer.withLock { $0 = opened }
        return source
    }

    /// Opens a session with pictures alone.
    func publishSilently(record: [UInt8] = [1, 100, 0, 31]) async throws {
        var session = Self.session
        session.tracks = [.init(track: 0, generation: 1)]
        let pictures = TrackConfiguration(
            track: TrackID(rawValue: 0),
            generation: 1,
            codec: .h264,
            timescale: 90_000,
            decoderConfiguration: record,
            codecString: "avc1.64001f",
            kind: .video(.init(width: 640, height: 360, frameRate: 30))
        )
        let opened = try await shard.open(session, tracks: [pictures]) { _ in }
        writer.withLock { $0 = opened }
    }

    /// Publishes these frames.
    func send(_ source: SourceSound, _ numbers: Range<Int>) async {
        await writer.withLock { $0 }?.append(all: numbers.map { source.sample($0) })
    }

    /// Publishes these samples.
    func send(_ samples: [BusSample]) async { await writer.withLock { $0 }?.append(all: samples) }

    /// Ends the session.
    func end() async { await writer.withLock { $0 }?.end() }

    /// Follows a rendition as a viewer's service would.
    func follow(_ handler: SampleCollector, _ rendition: RenditionName = .opus) async throws {
        await reader.follow(rendition, of: "stream", session: "session", from: .beginning, handler: handler)
    }
}

/// Services that run as one; the last stops first.
struct ServiceBundle: Service {
    let name = "bundle"
    var parts: [any Service]
    var last: any Service

    func run(until shutdown: Shutdown) async throws {
        let later = Shutdown()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for part in parts { group.addTask { try await part.run(until: later) } }
            try await last.run(until: shutdown)
            later.request()
            try await group.waitForAll()
        }
    }
}

/// Keeps what a reader hands over.
final class SampleCollector: BusStreamHandler {
    private struct State {
        var samples: [BusSample] = []
        var sessions: [SessionDescription] = []
        var configurations: [TrackConfiguration] = []
        var gaps = 0
        var end: BusStreamEnd?
    }

    private let state = Mutex(State())

    var samples: [BusSample] { state.withLock { $0.samples } }
    var sessions: [SessionDescription] { state.withLock { $0.sessions } }
    var configurations: [TrackConfiguration] { state.withLock { $0.configurations } }
    var gaps: Int { state.withLock { $0.gaps } }
    var end: BusStreamEnd? { state.withLock { $0.end } }

    func tracksChanged(_ session: SessionDescription, tracks: [TrackConfiguration]) {
        state.withLock { state in
            state.sessions.append(session)
            state.configurations = tracks
        }
    }

    func receive(_ entry: BusEntry, id: BusEntryID) { state.withLock { $0.samples += entry.samples } }

    func gap(after last: BusEntryID?, next: BusEntryID) { state.withLock { $0.gaps += 1 } }

    func ended(_ reason: BusStreamEnd) { state.withLock { $0.end = reason } }
}

extension BusWriter {
    /// Appends samples one after the other.
    func append(all samples: [BusSample]) {
        for sample in samples { append(sample) }
    }
}
