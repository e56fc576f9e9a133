import Contracts
import Dispatch
import Events
import Foundation
import HTTPServing
import Lifecycle
import Media
import MediaBus
import Reactor
import Redis
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Origin

/// Something that has happened.
private final class Mark: Sendable {
    let isSet = Atomic(false)
}

/// An origin on a real Redis, and a writer that publishes to it.
struct OwnedBus {
    let server: RedisServer
    let shard: BusShard
    let control: RedisClient
    let writing: EventLoop
    let logger = Logger(level: .error) { _ in }

    static func run(_ body: (OwnedBus) async throws -> Void) async throws {
        let server = try RedisServer()
        let redis = try RedisClient.Configuration(url: server.url)
        let writing = EventLoop(name: "writing")
        let logger = Logger(level: .error) { _ in }
        let budget = OutageBudget(byteLimit: 256 << 20)
        let shard = BusShard(BusConfiguration(redis: redis), budget: budget, loop: writing, logger: logger)
        let control = RedisClient(redis, loop: writing, logger: logger)
        let bus = OwnedBus(server: server, shard: shard, control: control, writing: writing)
        try await running(shard) {
            try await running(control) { try await body(bus) }
        }
        writing.stop()
    }

    /// Writes an event of the suite.
    func tell(_ type: String, of subject: String, data: String) async throws {
        try await control.command(
            "XADD",
            EventStream.key,
            "*",
            "type",
            type,
            "subject",
            subject,
            "data",
            data
        )
    }

    /// Runs an origin on this bus while `body` runs; `isKilled` ends it without handing anything over.
    func origin(
        _ fixture: OriginFixture,
        address: String = "127.0.0.1:8104",
        silenceMargin: Duration = .seconds(5),
        _ body: (OwnerService) async throws -> Void
    ) async throws {
        let redis = try RedisClient.Configuration(url: server.url)
        let loop = fixture.budget.loop
        let control = RedisClient(redis, loop: loop, logger: logger)
        let bus = RedisClient(redis, loop: loop, logger: logger)
        let owner = OwnerService(
            .init(address: address, silenceMargin: silenceMargin),
            control: control,
            bus: bus,
            volume: fixture.volume,
            directory: fixture.directory,
            budget: fixture.budget,
            measures: fixture.measures,
            reporter: RecordingReporter(pool: nil, loop: loop, logger: logger),
            logger: logger
        )
        let reader = BusReader(
            BusConfiguration(redis: redis),
            loop: loop,
            logger: logger,
            found: owner.streamFound
        )
        await owner.setReader(reader)
        try await running(control) {
            try await running(bus) {
                try await running(reader) {
                    try await running(owner) { try await body(owner) }
                }
            }
        }
    }

    /// Opens the stream's session; a machine with much else to do may take its time to connect.
    func open(_ stream: SyntheticStream) async throws -> BusWriter {
        for _ in 0..<4 {
            let writer = try? await shard.open(stream.description, tracks: stream.configurations) { _ in }
            if let writer { return writer }
        }
        return try await shard.open(stream.description, tracks: stream.configurations) { _ in }
    }
}

extension OriginFixture {
    /// The live session, as soon as it has come so far.
    func session(_ isReady: (borrowing MediaSession.State) -> Bool) async throws -> MediaSession {
        var found: MediaSession?
        try await wait {
            found = directory.allSessions.first { session in session.read { isReady($0) } }
            return found != nil
        }
        guard let found else { throw TimeLimit() }
        return found
    }

    struct TimeLimit: Error {}

    /// Looks again and again until `isSo`, for at most 20 seconds.
    func wait(until isSo: () async -> Bool) async throws {
        for _ in 0..<4000 {
            if await isSo() { return }
            try await loops.loops[1].sleep(for: .milliseconds(5))
        }
        throw TimeLimit()
    }
}

@Suite struct OwnerServiceTests {
    func parts(_ session: MediaSession, _ track: UInt16) -> Int {
        session.read { state in
            state.timelines[TrackID(rawValue: track)]?.segments.reduce(0) { $0 + $1.partCount } ?? 0
        }
    }

    /// Puts a stream on the bus, whose owner goes after the first 200 samples.
    private func append(
        _ stream: SyntheticStream,
        by writer: BusWriter,
        on bus: OwnedBus,
        ownedAtFirstBy owner: OriginFixture
    ) async throws {
        try await bus.origin(owner, address: "a") { _ in
            for item in stream.entries[..<200] { await writer.append(item.entry.samples[0]) }
            _ = try await owner.session { $0.timelines[TrackID(rawValue: 0)]?.segments.count ?? 0 >= 2 }
        }
        for item in stream.entries[200...] { await writer.append(item.entry.samples[0]) }
    }

    @Test func `a stream on the bus becomes a session, and at its end a replay`() async throws {
        let stream = try SyntheticStream.make(seconds: 6, withEnd: false)
        let fixture = try OriginFixture()
        try await OwnedBus.run { bus in
            try await bus.origin(fixture) { _ in
                let writer = try await bus.open(stream)
                for item in stream.entries { await writer.append(item.entry.samples[0]) }
                _ = try await fixture.session { $0.timelines.count == 2 }
                await writer.end()
                let session = try await fixture.session { $0.isEnded }
                let expected = try SyntheticStream.make(seconds: 6).parts().filter {
                    $0.head.track.rawValue == 0
                }
                #expect(parts(session, 0) == expected.count)
                let segment = await fixture.get("\(LiveRoutesTests.session)/0/1.m4s")
                #expect(
                    segment.body == expected.filter { $0.head.id.mediaSequence == 1 }.flatMap(\.bytes)
                )
            }
        }
        await fixture.volume.drained()
        let folder = SessionFolder(
            root: fixture.folder,
            streamID: SyntheticStream.streamID,
            sessionID: SyntheticStream.sessionID
        )
        #expect(folder.record?.state == .complete)
    }

    @Test func `a successor goes on where the owner before it stopped`() async throws {
        let stream = try SyntheticStream.make(seconds: 6, withEnd: false)
        let first = try OriginFixture()
        let second = try OriginFixture(folder: first.folder)
        try await OwnedBus.run { bus in
            let writer = try await bus.open(stream)
            try await append(stream, by: writer, on: bus, ownedAtFirstBy: first)
            try await bus.origin(second, address: "b") { _ in
                await writer.end()
                let session = try await second.session { $0.isEnded }
                let whole = try SyntheticStream.make(seconds: 6).parts()
                for track in [0, 1] as [UInt16] {
                    #expect(parts(session, track) == whole.filter { $0.head.track.rawValue == track }.count)
                    let gaps = session.read { state in
                        state.timelines[TrackID(rawValue: track)]?.segments.filter(\.isGap).count
                    }
                    #expect(gaps == 0)
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `who loses its lease and has it again writes after what it wrote before`() async throws {
        let stream = try SyntheticStream.make(seconds: 6, withEnd: false)
        let fixture = try OriginFixture()
        try await OwnedBus.run { bus in
            try await bus.origin(fixture) { _ in
                let writing = DispatchSemaphore(value: 0)
                let reading = DispatchSemaphore(value: 0)
                defer {
                    reading.signal()
                    writing.signal()
                }
                let writer = try await bus.open(stream)
                let first = try await fixture.session { !$0.isEnded }
                // What the first owner makes waits for a volume that is busy.
                fixture.volume.perform { writing.wait() }
                for item in stream.entries[..<200] { await writer.append(item.entry.samples[0]) }
                _ = try await fixture.session { $0.timelines[TrackID(rawValue: 0)]?.segments.count ?? 0 >= 2 }
                fixture.volume.read { reading.wait() }
                try await bus.control.command("DEL", BusKeys.originLease(SyntheticStream.streamID))
                try await fixture.wait { first.read { $0.isAbandoned } }
                try await fixture.wait { fixture.measures.opening.current == 1 }
                // Whoever reads the logs before they are written has done so after some turns of both threads.
                reading.signal()
                for _ in 0..<8 {
                    await fixture.volume.reading {}
                    await withCheckedContinuation { turn in fixture.budget.loop.execute { turn.resume() } }
                }
                writing.signal()
                for item in stream.entries[200...] { await writer.append(item.entry.samples[0]) }
                await writer.end()
                let second = try await fixture.session { $0.isEnded }
                #expect(second !== first)
                #expect(second.isRecorded)
                let whole = try SyntheticStream.make(seconds: 6).parts()
                #expect(parts(second, 0) == whole.filter { $0.head.track.rawValue == 0 }.count)
            }
        }
        #expect(fixture.measures.recordingsStopped.current == 0)
    }

    @Test func `the rest of a session that ended unseen is read before the next one begins`() async throws {
        let stream = try SyntheticStream.make(seconds: 6, withEnd: false)
        var next = stream
        next.description.sessionId = "cccccccccccccccccccccccccc"
        next.description.epoch = 2
        let first = try OriginFixture()
        let second = try OriginFixture(folder: first.folder)
        try await OwnedBus.run { bus in
            let writer = try await bus.open(stream)
            try await append(stream, by: writer, on: bus, ownedAtFirstBy: first)
            await writer.end()
            let nextWriter = try await bus.open(next)
            for item in stream.entries[..<100] { await nextWriter.append(item.entry.samples[0]) }
            try await bus.origin(second, address: "b") { _ in
                _ = try await second.session { $0.description.epoch == 2 && $0.hasParts }
                let lookup = await second.directory.session(
                    SyntheticStream.sessionID,
                    of: SyntheticStream.streamID
                )
                guard case .found(let older) = lookup else { throw OriginFixture.TimeLimit() }
                let whole = try SyntheticStream.make(seconds: 6).parts()
                for track in [0, 1] as [UInt16] {
                    #expect(parts(older, track) == whole.filter { $0.head.track.rawValue == track }.count)
                }
                #expect(
                    older.read { $0.timelines.values.allSatisfy { !$0.segments.contains(where: \.isGap) } }
                )
                await nextWriter.end()
            }
        }
        let folder = SessionFolder(
            root: first.folder,
            streamID: SyntheticStream.streamID,
            sessionID: SyntheticStream.sessionID
        )
        #expect(folder.record?.state == .complete)
    }

    @Test func `a bus that knows nothing of a session ends it only after its grace time`() async throws {
        var stream = try SyntheticStream.make(seconds: 4, withEnd: false)
        stream.description.graceSeconds = 1
        let first = try OriginFixture()
        let session = await first.feedAll(stream)
        session.abandon()
        let folder = SessionFolder(path: session.folder)
        let second = try OriginFixture(folder: first.folder)
        func lookup() async -> SessionDirectory.Lookup {
            await second.directory.session(SyntheticStream.sessionID, of: SyntheticStream.streamID)
        }
        try await OwnedBus.run { bus in
            let began = EventLoop.now
            try await bus.origin(second, silenceMargin: .milliseconds(500)) { _ in
                try await second.wait { second.measures.opening.current == 1 }
                if case .moving = await lookup() {} else { Issue.record("it has not been given up yet") }
                try await second.wait { folder.record?.state == .complete }
            }
            #expect(EventLoop.now &- began >= 1_500_000_000)
        }
        guard case .found(let found) = await lookup() else { throw OriginFixture.TimeLimit() }
        #expect(found.read { $0.isEnded })
    }

    @Test func `one of two replicas owns a stream, and the other takes it when that one goes`() async throws {
        let stream = try SyntheticStream.make(seconds: 6, withEnd: false)
        let first = try OriginFixture()
        let second = try OriginFixture(folder: first.folder)
        try await OwnedBus.run { bus in
            let writer = try await bus.open(stream)
            try await bus.origin(second, address: "b") { _ in
                _ = try await second.session { _ in true }
                try await bus.origin(first, address: "a") { _ in
                    for item in stream.entries[..<300] { await writer.append(item.entry.samples[0]) }
                    _ = try await second.session { $0.hasParts }
                    #expect(first.directory.liveSessions.isEmpty)
                    let lease = try await RedisLease.holder(
                        of: BusKeys.originLease(SyntheticStream.streamID),
                        in: bus.control
                    )
                    #expect(lease == "b")
                }
            }
            await writer.end()
        }
    }

    @Test func `a request to another replica is answered by the owner`() async throws {
        let stream = try SyntheticStream.make(seconds: 5, withEnd: false)
        let first = try OriginFixture()
        try await first.serving { base in
            let address = String(base.dropFirst("http://".count))
            try await OwnedBus.run { bus in
                try await bus.origin(first, address: address) { _ in
                    let writer = try await bus.open(stream)
                    for item in stream.entries { await writer.append(item.entry.samples[0]) }
                    _ = try await first.session {
                        $0.timelines[TrackID(rawValue: 0)]?.segments.count ?? 0 > 1
                    }
                    let second = try OriginFixture(folder: first.folder, control: bus.control)
                    let path = "\(LiveRoutesTests.session)/0/0.m4s"
                    var body: [UInt8] = []
                    try await second.serving { other in
                        let answer = try await HTTPClient(loops: second.loops).request("GET", other + path)
                        #expect(answer.status == 200)
                        #expect(answer.headers["content-type"] == "video/mp4")
                        body = try await answer.body.collect(upTo: 1 << 24)
                    }
                    #expect(body == (await first.get(path)).body)
                    // A request that has been passed on already is not passed on again.
                    let hop = await second.get(path, headers: ["martlet-hop": "1"])
                    #expect(hop.status == 503)
                    await writer.end()
                }
            }
        }
    }

    @Test func `a revoked grant closes its feed within a second`() async throws {
        let stream = try SyntheticStream.make(seconds: 3, withEnd: false)
        let fixture = try OriginFixture()
        let owner = await fixture.own(stream)
        for item in stream.entries { owner.receive(item.entry, id: item.id) }
        try await OwnedBus.run { bus in
            let client = RedisClient(
                try RedisClient.Configuration(url: bus.server.url),
                loop: fixture.budget.loop,
                logger: bus.logger
            )
            let hasBegun = Mark()
            let events = GrantEvents(
                client: client,
                grants: fixture.grants,
                graceLimit: .seconds(60),
                logger: bus.logger,
                heard: { _ in hasBegun.isSet.store(true, ordering: .relaxed) }
            )
            try await running(client) {
                try await running(events) {
                    let response = await fixture.get(FeedTests.path, headers: ["x-martlet-grant": "g1"])
                    _ = try await FeedTests.frames(of: response) { received in
                        try await fixture.wait { received.frames.count >= 4 }
                        // A follower begins with what comes next: what was before is not told.
                        while !hasBegun.isSet.load(ordering: .relaxed) {
                            try await bus.tell("stream.updated", of: "s1", data: "{}")
                        }
                        try await bus.tell("grant.revoked", of: "g1", data: "{\"grant\":\"g1\"}")
                    }
                }
            }
        }
    }

    @Test func `old recordings are deleted and young ones stay`() async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 3))
        let retention = RetentionService(
            volume: fixture.volume,
            directory: fixture.directory,
            retention: .seconds(3600),
            loop: fixture.loops.loops[0],
            logger: Logger(level: .error) { _ in }
        )
        let path = "\(LiveRoutesTests.session)/0/0.m4s"
        await retention.deleteOld(now: Timestamp.nowMicroseconds)
        #expect(await fixture.get(path).status == 200)
        await retention.deleteOld(now: Timestamp.nowMicroseconds + 3_700_000_000)
        await fixture.volume.drained()
        #expect(await fixture.get(path).status == 404)
    }
}
