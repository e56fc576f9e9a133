import Contracts
import Lifecycle
import Media
import MediaBus
import Reactor
import Redis
import Synchronization
import Telemetry
import TestSupport

/// A Redis of its own with a shard, a reader and a plain client, all running.
struct TestBus {
    let server: RedisServer
    let shard: BusShard
    let reader: BusReader
    let client: RedisClient
    /// For commands that wait in Redis.
    let blocking: RedisClient
    let budget: OutageBudget
    /// What the reader has found.
    let found: FoundStreams

    /// Runs `body` with a bus, and stops it afterwards.
    static func run(
        _ arguments: [String] = [],
        configure: (inout BusConfiguration) -> Void = { _ in },
        _ body: (TestBus) async throws -> Void
    ) async throws {
        let server = try RedisServer(arguments)
        let redis = try RedisClient.Configuration(url: server.url)
        var configuration = BusConfiguration(redis: redis)
        configure(&configuration)
        let writing = EventLoop(name: "writing")
        let reading = EventLoop(name: "reading")
        let logger = Logger(level: .error) { _ in }
        let budget = OutageBudget(byteLimit: configuration.outageByteLimit)
        let shard = BusShard(configuration, budget: budget, loop: writing, logger: logger)
        let found = FoundStreams()
        let reader = BusReader(configuration, loop: reading, logger: logger) { found.add($0) }
        let client = RedisClient(redis, loop: reading, logger: logger)
        let blocking = RedisClient(redis, loop: reading, logger: logger)
        let shutdown = Shutdown()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in [shard, reader, client, blocking] as [any Service] {
                group.addTask { try await service.run(until: shutdown) }
            }
            try await body(
                TestBus(
                    server: server,
                    shard: shard,
                    reader: reader,
                    client: client,
                    blocking: blocking,
                    budget: budget,
                    found: found
                )
            )
            shutdown.request()
            try await group.waitForAll()
        }
        writing.stop()
        reading.stop()
    }

    /// Opens a session of `stream` in `epoch` with one video track.
    func open(
        _ stream: String = "stream",
        epoch: UInt64 = 1,
        session: String = "session",
        resumes: Bool = false,
        observer: @escaping @Sendable (BusWriter.Event) -> Void = { _ in }
    ) async throws -> BusWriter {
        try await shard.open(
            .test(stream, session: session, epoch: epoch),
            tracks: [.testVideo()],
            resumes: resumes,
            observer: observer
        )
    }

    /// The IDs in the ring, and their entries.
    func ring(_ stream: String = "stream") async throws -> [(id: String, entry: BusEntry)] {
        let reply = try await client.command("XRANGE", BusKeys.media(stream), "-", "+")
        return try (reply.array ?? []).map { item in
            let blob = item.array?[1].pairs?.first?.value.bytes ?? []
            return (item.array?[0].string ?? "", try BusEntry(decoding: blob))
        }
    }
}

/// Collects the streams that a reader finds.
final class FoundStreams: Sendable {
    private let found = Mutex<Set<String>>([])
    func add(_ streamID: String) { found.withLock { _ = $0.insert(streamID) } }
    func contains(_ streamID: String) -> Bool { found.withLock { $0.contains(streamID) } }
}

/// What a handler was told.
enum Told: Equatable {
    case tracks(session: String, epoch: UInt64, tracks: Int)
    case entry(BusEntryID, BusEntry)
    case gap(after: BusEntryID?, next: BusEntryID)
    case ended(BusStreamEnd)
}

/// Passes what a reader tells on to a test.
final class RecordingHandler: BusStreamHandler {
    let told: AsyncStream<Told>
    private let continuation: AsyncStream<Told>.Continuation

    init() { (told, continuation) = AsyncStream.makeStream(bufferingPolicy: .unbounded) }

    func tracksChanged(_ session: SessionDescription, tracks: [TrackConfiguration]) {
        continuation.yield(
            .tracks(session: session.sessionId, epoch: session.epoch, tracks: tracks.count)
        )
    }

    func receive(_ entry: BusEntry, id: BusEntryID) { continuation.yield(.entry(id, entry)) }

    func gap(after last: BusEntryID?, next: BusEntryID) {
        continuation.yield(.gap(after: last, next: next))
    }

    func ended(_ reason: BusStreamEnd) { continuation.yield(.ended(reason)) }

    /// The sequence numbers of the next `count` samples, and whatever else was told meanwhile.
    func samples(_ count: Int) async -> (sequences: [UInt32], other: [Told]) {
        var sequences: [UInt32] = []
        var other: [Told] = []
        for await item in told {
            if case .entry(_, let entry) = item {
                sequences += entry.samples.map(\.sequence)
            } else {
                other.append(item)
            }
            if sequences.count >= count { break }
        }
        return (sequences, other)
    }

    /// Everything up to the end of the stream.
    func untilEnd() async -> [Told] {
        var all: [Told] = []
        for await item in told {
            all.append(item)
            if case .ended = item { break }
        }
        return all
    }

    /// The next thing that was told.
    func next() async -> Told? {
        for await item in told { return item }
        return nil
    }
}

extension SessionDescription {
    static func test(_ stream: String, session: String = "session", epoch: UInt64) -> SessionDescription {
        SessionDescription(
            streamId: stream,
            sessionId: session,
            epoch: epoch,
            slug: "main",
            title: "Test",
            startedAt: "2026-01-01T00:00:00Z",
            anchors: [Anchor(decodeTime: 10, discontinuity: 0, wallClock: 1_767_225_600_000_000)],
            publisher: Publisher(protocol: "rtmp", encoder: "test", address: "127.0.0.1"),
            tracks: [Track(track: 0, generation: 1)]
        )
    }
}

extension TrackConfiguration {
    static func testVideo(generation: UInt16 = 1) -> TrackConfiguration {
        TrackConfiguration(
            track: TrackID(rawValue: 0),
            generation: generation,
            codec: .h264,
            timescale: 90_000,
            decoderConfiguration: [1, 100, 0, 31],
            codecString: "avc1.64001f",
            kind: .video(.init(width: 640, height: 360, frameRate: 30))
        )
    }
}

extension BusSample {
    /// The sample with a number, 30 a second, with a keyframe every `gop`.
    static func test(_ number: Int, gop: Int = 30, byteCount: Int = 200, generation: UInt16 = 1) -> BusSample
    {
        BusSample(
            track: TrackID(rawValue: 0),
            generation: generation,
            flags: number % gop == 0 ? [.keyframe, .segmentStart, .partStart] : [],
            sequence: UInt32(number),
            decodeTime: 900_000 + Int64(number) * 3000,
            duration: 3000,
            mediaSequence: UInt32(number / gop),
            payload: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: byteCount)
        )
    }
}
