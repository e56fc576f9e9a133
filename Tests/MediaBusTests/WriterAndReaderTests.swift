import Contracts
import Media
import MediaBus
import Reactor
import Redis
import Synchronization
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct WriterAndReaderTests {
    @Test func `a reader gets the description, every sample in order, and the end`() async throws {
        try await TestBus.run { bus in
            let writer = try await bus.open()
            let handler = RecordingHandler()
            await bus.reader.follow("stream", from: .beginning, handler: handler)
            for number in 0..<100 { await writer.append(.test(number)) }
            await writer.end()
            let told = await handler.untilEnd()
            #expect(told.first == .tracks(session: "session", epoch: 1, tracks: 1))
            #expect(told.last == .ended(.endOfSession))
            #expect(told.sequences == Array(0..<100))
            #expect(told.counters == Array(1...UInt64(told.counters.count)))
            #expect(!told.contains { if case .gap = $0 { true } else { false } })
        }
    }

    @Test func `an entry begins with the keyframe and names it from then on`() async throws {
        try await TestBus.run { bus in
            let writer = try await bus.open()
            await writer.appendTogether((0..<70).map { .test($0) })
            await writer.close()
            let ring = try await bus.ring()
            #expect(ring.map(\.id) == ["1-1", "1-2", "1-3"])
            #expect(ring.map(\.entry.keyframeCounter) == [1, 2, 3])
            #expect(ring.map(\.entry.samples.count) == [30, 30, 10])
        }
    }

    @Test func `a viewer joins at the newest keyframe`() async throws {
        try await TestBus.run { bus in
            let writer = try await bus.open()
            for number in 0..<100 { await writer.append(.test(number)) }
            await writer.settle()
            let handler = RecordingHandler()
            await bus.reader.follow("stream", from: .newestKeyframe, handler: handler)
            #expect(await handler.samples(10).sequences == Array(90..<100))
            await writer.append(.test(100))
            #expect(await handler.samples(1).sequences == [100])
        }
    }

    @Test func `a recorder that comes back goes on after its last entry`() async throws {
        try await TestBus.run { bus in
            let writer = try await bus.open()
            for number in 0..<100 {
                await writer.append(.test(number))
                await writer.settle()
            }
            let handler = RecordingHandler()
            let last = BusEntryID(epoch: 1, counter: 40)
            await bus.reader.follow("stream", from: .after(last), handler: handler)
            let (sequences, other) = await handler.samples(60)
            #expect(sequences == Array(40..<100))
            #expect(other == [.tracks(session: "session", epoch: 1, tracks: 1)])
        }
    }

    @Test func `what the ring has dropped is a gap, resumed at a keyframe`() async throws {
        try await TestBus.run { bus in
            let writer = try await bus.open()
            for number in 0..<100 {
                await writer.append(.test(number))
                await writer.settle()
            }
            try await bus.client.command("XTRIM", BusKeys.media("stream"), "MINID", "1-50")
            let handler = RecordingHandler()
            let last = BusEntryID(epoch: 1, counter: 40)
            await bus.reader.follow("stream", from: .after(last), handler: handler)
            let (sequences, other) = await handler.samples(40)
            #expect(sequences == Array(60..<100))
            #expect(other.last == .gap(after: last, next: BusEntryID(epoch: 1, counter: 61)))
        }
    }

    @Test func `a damaged entry is a gap, not an end`() async throws {
        try await TestBus.run { bus in
            let writer = try await bus.open()
            for number in 0..<10 { await writer.append(.test(number)) }
            await writer.settle()
            let counter = try await bus.ring().count
            try await bus.client.command("XADD", BusKeys.media("stream"), "1-\(counter + 1)", "e", "rubbish")
            let entry = BusEntry(keyframeCounter: UInt64(counter) + 2, samples: [.test(30)])
            try await bus.client.command(
                "XADD",
                BusKeys.media("stream"),
                "1-\(counter + 2)",
                "e",
                entry.encoded()
            )
            let handler = RecordingHandler()
            await bus.reader.follow("stream", from: .beginning, handler: handler)
            let (sequences, other) = await handler.samples(11)
            #expect(sequences == Array(0..<10) + [30])
            #expect(other.count == 2)
            #expect(bus.reader.malformed.current == 1)
        }
    }

    @Test func `changed tracks are told before the first sample that needs them`() async throws {
        try await TestBus.run { bus in
            let writer = try await bus.open()
            let handler = RecordingHandler()
            await bus.reader.follow("stream", from: .beginning, handler: handler)
            for number in 0..<30 { await writer.append(.test(number)) }
            #expect(await handler.samples(30).sequences.count == 30)
            var session = SessionDescription.test("stream", epoch: 1)
            session.tracks = [.init(track: 0, generation: 2)]
            await writer.describe(session, tracks: [.testVideo(generation: 2)])
            await writer.append(.test(30, generation: 2))
            let (sequences, other) = await handler.samples(1)
            #expect(sequences == [30])
            #expect(other == [.tracks(session: "session", epoch: 1, tracks: 2)])
        }
    }

    @Test func `what an earlier session left is no part of where this one goes on`() async throws {
        try await TestBus.run { bus in
            let beginning: UInt64 = 1_767_225_600_000_000_000
            let old = try await bus.open(session: "old")
            for number in 3000..<3060 {
                var sample = BusSample.test(number)
                sample.captureClock = beginning - 1_000_000_000
                await old.append(sample)
            }
            // It was given up, and never ended on the bus.
            await old.settle()
            await old.close()
            for epoch in 2...3 as ClosedRange<UInt64> {
                let writer = try await bus.open(epoch: epoch, resumes: epoch > 2)
                let first = Int(epoch - 2) * 15
                for number in first..<first + 15 {
                    var sample = BusSample.test(number)
                    sample.captureClock = beginning + UInt64(number) * 33_000_000
                    await writer.append(sample)
                }
                await writer.settle()
                await writer.close()
                let resumption = try #require(try await bus.shard.resumption(of: "stream"))
                #expect(resumption.session.sessionId == "session")
                #expect(resumption.stamps.nextMediaSequence == 1)
                #expect(resumption.stamps.nextSequences == [TrackID(rawValue: 0): UInt32(first + 15)])
                #expect(resumption.end.seconds == 10 + Double(first + 15) / 30)
            }
        }
    }

    @Test func `a publisher that comes back in a new epoch goes on in the same handler`() async throws {
        try await TestBus.run { bus in
            let first = try await bus.open()
            let handler = RecordingHandler()
            await bus.reader.follow("stream", from: .beginning, handler: handler)
            for number in 0..<30 { await first.append(.test(number)) }
            await first.markAway()
            await first.close()
            let resumption = try #require(try await bus.shard.resumption(of: "stream"))
            #expect(resumption.stamps.nextMediaSequence == 1)
            #expect(resumption.stamps.nextSequences == [TrackID(rawValue: 0): 30])
            #expect(resumption.end.seconds == 11)
            let second = try await bus.open(epoch: 2, resumes: true)
            for number in 30..<60 { await second.append(.test(number)) }
            await second.end()
            let told = await handler.untilEnd()
            #expect(told.sequences == Array(0..<60))
            #expect(told.contains(.tracks(session: "session", epoch: 2, tracks: 1)))
            #expect(told.flags.filter { $0.contains(.publisherAway) }.count == 1)
            #expect(told.flags.filter { $0.contains(.publisherBack) }.count == 1)
            #expect(!told.contains { if case .gap = $0 { true } else { false } })
        }
    }

    @Test func `a session that follows another is found as a new one`() async throws {
        try await TestBus.run { bus in
            let first = try await bus.open()
            let handler = RecordingHandler()
            await bus.reader.follow("stream", from: .beginning, handler: handler)
            await first.append(.test(0))
            _ = await handler.samples(1)
            await first.close()
            let second = try await bus.open(epoch: 2, session: "another")
            await second.append(.test(0))
            #expect(await handler.untilEnd().last == .ended(.abandoned))
            #expect(await bus.reader.followedCount == 0)
        }
    }

    @Test func `a keyframe request is taken once, however often it was asked`() async throws {
        try await TestBus.run { bus in
            let channel = bus.reader.backChannel
            try await channel.askForKeyframe(of: "stream")
            try await channel.askForKeyframe(of: "stream")
            let layer = KeyframeRequest.layer(try #require(.layer("m")))
            try await channel.askForKeyframe(of: "stream", layer)
            #expect(try await channel.takeKeyframeRequests(of: "stream") == [.all, layer])
            #expect(try await channel.takeKeyframeRequests(of: "stream") == [])
            try await channel.want(.opus, of: "stream", replica: "a")
            try await channel.want(.opus, of: "stream", replica: "b")
            #expect(try await channel.wantedRenditions(of: "stream") == [.opus])
        }
    }
}

extension [Told] {
    var entries: [BusEntry] {
        compactMap { if case .entry(_, let entry) = $0 { entry } else { nil } }
    }

    var sequences: [UInt32] { entries.flatMap(\.samples).map(\.sequence) }

    var flags: [BusEntry.Flags] { entries.map(\.flags) }

    var counters: [UInt64] {
        compactMap { if case .entry(let id, _) = $0 { id.counter } else { nil } }
    }
}

extension BusWriter {
    /// Appends samples within one turn of the loop.
    func appendTogether(_ samples: [BusSample]) {
        for sample in samples { append(sample) }
    }
}
