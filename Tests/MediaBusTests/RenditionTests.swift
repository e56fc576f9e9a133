import Contracts
import Media
import MediaBus
import Redis
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct RenditionTests {
    @Test func `a rendition is followed beside its source, from before it is there to its end`() async throws
    {
        try await TestBus.run { bus in
            let source = try await bus.open(epoch: 7)
            let handler = RecordingHandler()
            await bus.reader.follow(
                .opus,
                of: "stream",
                session: "session",
                from: .beginning,
                handler: handler
            )
            await source.append(.test(0))
            let writer = try await bus.openRendition(epoch: 1)
            for number in 0..<50 { await writer.append(.sound(number)) }
            await writer.end()
            let told = await handler.untilEnd()
            #expect(told.first == .tracks(session: "session", epoch: 1, tracks: 1))
            #expect(told.sequences == Array(0..<50))
            #expect(told.last == .ended(.endOfSession))
            // The source goes on, and the end of the rendition took it neither from the live set nor its sign.
            #expect(try await bus.client.command("ZSCORE", BusKeys.live, "stream") != .null)
            #expect(try await bus.shard.isPublisherActive("stream"))
        }
    }

    @Test func `the next maker goes on where the last one ended, and readers see one stream`() async throws {
        try await TestBus.run { bus in
            _ = try await bus.open()
            let handler = RecordingHandler()
            await bus.reader.follow(
                .opus,
                of: "stream",
                session: "session",
                from: .beginning,
                handler: handler
            )
            let first = try await bus.openRendition(epoch: 1)
            for number in 0..<20 { await first.append(.sound(number)) }
            await first.settle()
            let rest = try #require(try await bus.shard.resumption(of: "stream", rendition: .opus))
            #expect(rest.end == MediaTime(ticks: 480_000 + 20 * 960, timescale: 48_000))
            #expect(rest.lastPartStart == MediaTime(ticks: 480_000, timescale: 48_000))
            let second = try await bus.openRendition(epoch: 2, resumes: true)
            for number in 20..<40 { await second.append(.sound(number)) }
            let (sequences, other) = await handler.samples(40)
            #expect(sequences == Array(0..<40))
            #expect(!other.contains { if case .gap = $0 { true } else { false } })
        }
    }

    @Test func `what an earlier session left of a rendition is not taken for it`() async throws {
        try await TestBus.run { bus in
            _ = try await bus.open(epoch: 1, session: "old")
            let old = try await bus.openRendition(epoch: 1, session: "old")
            await old.append(.sound(0))
            await old.end()
            _ = try await bus.open(epoch: 2, session: "new")
            let handler = RecordingHandler()
            await bus.reader.follow(.opus, of: "stream", session: "new", handler: handler)
            let new = try await bus.openRendition(epoch: 2, session: "new")
            await new.append(.sound(5))
            #expect(await handler.next() == .tracks(session: "new", epoch: 2, tracks: 1))
            #expect(await handler.samples(1).sequences == [5])
        }
    }

    @Test func `a want wakes the workers once, and is seen until it runs out`() async throws {
        try await TestBus.run { bus in
            let wants = BusWants(bus.client, waitingOn: bus.blocking)
            let channel = bus.reader.backChannel
            try await channel.want(.opus, of: "stream", replica: "a")
            let id = try await wants.wait(after: BusWants.beginning, atMost: .seconds(5))
            #expect(id != BusWants.beginning)
            try await channel.want(.opus, of: "stream", replica: "b")
            try await channel.want(.opus, of: "stream", replica: "a")
            #expect(try await wants.wait(after: id, atMost: .milliseconds(20)) == id)
            #expect(try await wants.current() == [BusStreamName("stream", rendition: .opus)])
            try await bus.client.command("ZADD", BusKeys.wanted, 1, "stream:opus")
            #expect(try await wants.current().isEmpty)
        }
    }

    @Test func `one worker at a time makes a rendition, each in a higher epoch`() async throws {
        try await TestBus.run { bus in
            let wants = BusWants(bus.client, waitingOn: bus.blocking)
            let name = BusStreamName("stream", rendition: .opus)
            let first = try #require(try await wants.claim(name, holder: "a").claim)
            #expect(try await wants.claim(name, holder: "b").claim == nil)
            try await first.lease.release()
            let second = try #require(try await wants.claim(name, holder: "b").claim)
            #expect(second.epoch > first.epoch)
            try await second.lease.release()

            // Where the bus lost the number and kept the samples, the epoch still rises.
            _ = try await bus.open()
            let writer = try await bus.openRendition(epoch: 40)
            await writer.append(.sound(0))
            await writer.settle()
            let third = try #require(try await wants.claim(name, holder: "a").claim)
            #expect(third.epoch == 41)
            try await third.lease.release()
            #expect(try await wants.claim(name, holder: "a").claim?.epoch == 42)
        }
    }

    @Test func `a rendition that kills its makers is given up, unless one of them did well`() async throws {
        try await TestBus.run { bus in
            let wants = BusWants(bus.client, waitingOn: bus.blocking)
            let name = BusStreamName("stream", rendition: .withoutBFrames)
            for _ in 0..<BusWants.attemptLimit {
                let claim = try #require(try await wants.claim(name, holder: "a").claim)
                try await claim.lease.release()
            }
            guard case .givenUp = try await wants.claim(name, holder: "a") else {
                Issue.record("the rendition was not given up")
                return
            }
            try await bus.client.command("DEL", BusKeys.attempts(name))
            let claim = try #require(try await wants.claim(name, holder: "a").claim)
            try await claim.succeed()
            #expect(try await bus.client.command("EXISTS", BusKeys.attempts(name)).integer == 0)
        }
    }
}

extension BusWants.Outcome {
    /// The claim, where there is one.
    var claim: RenditionClaim? {
        if case .claimed(let claim) = self { return claim }
        return nil
    }
}

extension TestBus {
    /// Opens the Opus rendition of `stream`.
    func openRendition(
        epoch: UInt64,
        session: String = "session",
        resumes: Bool = false
    ) async throws -> BusWriter {
        var description = SessionDescription.test("stream", session: session, epoch: epoch)
        description.tracks = [.init(track: 1, generation: 1)]
        return try await shard.open(
            description,
            tracks: [.testSound],
            rendition: .opus,
            resumes: resumes
        ) { _ in }
    }
}

extension TrackConfiguration {
    static let testSound = TrackConfiguration(
        track: TrackID(rawValue: 1),
        generation: 1,
        codec: .opus,
        timescale: 48_000,
        decoderConfiguration: [],
        codecString: "opus",
        kind: .audio(.init(sampleRate: 48_000, channelCount: 2, samplesPerFrame: 960))
    )
}

extension BusSample {
    /// The packet of 20 ms with a number; a segment begins every second.
    static func sound(_ number: Int) -> BusSample {
        BusSample(
            track: TrackID(rawValue: 1),
            generation: 1,
            flags: number % 50 == 0 || number == 5 ? [.keyframe, .segmentStart, .partStart] : .keyframe,
            sequence: UInt32(number),
            decodeTime: 480_000 + Int64(number) * 960,
            duration: 960,
            mediaSequence: UInt32(number / 50),
            payload: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 100)
        )
    }
}
