import Contracts
import Dispatch
import Media
import MediaBus
import Reactor
import Redis
import Synchronization
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct OutageTests {
    @Test func `Redis is killed in the middle of a stream and nothing is lost`() async throws {
        try await TestBus.run { bus in
            let writer = try await bus.open()
            let handler = RecordingHandler()
            await bus.reader.follow("stream", from: .beginning, handler: handler)
            for number in 0..<45 { await writer.append(.test(number)) }
            let before = await handler.samples(45)
            bus.server.kill()
            for number in 45..<100 { await writer.append(.test(number)) }
            try bus.server.start()
            for number in 100..<120 { await writer.append(.test(number)) }
            let after = await handler.samples(75)
            #expect(before.sequences + after.sequences == Array(0..<120))
            #expect(!after.other.contains { if case .gap = $0 { true } else { false } })

            // The bus holds again what came since the keyframe before the crash, under the same IDs.
            let ring = try await bus.ring()
            #expect(try #require(ring.first?.entry.samples.first).sequence <= 30)
            let counters = ring.compactMap { BusEntryID($0.id)?.counter }
            let first = try #require(counters.first)
            #expect(counters == Array(first..<first + UInt64(counters.count)))
            #expect(
                try await bus.client.command("HEXISTS", BusKeys.tracks("stream"), "session") == .integer(1)
            )
            #expect(try await bus.client.command("ZSCORE", BusKeys.live, "stream") != .null)
        }
    }

    @Test func `a writer of an older epoch is fenced by the first entry of a newer one`() async throws {
        try await TestBus.run { bus in
            let events = AsyncStream<BusWriter.Event>.makeStream(bufferingPolicy: .unbounded)
            let old = try await bus.open(epoch: 1) { events.continuation.yield($0) }
            await old.append(.test(0))
            let new = try await bus.open(epoch: 2, resumes: true)
            await new.append(.test(0))
            await new.settle()
            await old.append(.test(1))
            for await event in events.stream {
                #expect(event == .fenced)
                break
            }
            await old.append(.test(2))
            await old.end()
            #expect(try await bus.ring().last?.id == "2-1")
            #expect(try await bus.client.command("ZSCORE", BusKeys.live, "stream") != .null)
            await #expect(throws: BusError.self) { try await bus.open(epoch: 2) }
        }
    }

    @Test func `the ring is trimmed at keyframes by size`() async throws {
        try await TestBus.run(configure: { $0.ringByteLimit = 100_000 }) { bus in
            let writer = try await bus.open()
            for number in 0..<300 {
                await writer.append(.test(number, byteCount: 1000))
                await writer.settle()
            }
            await writer.settle()
            let ring = try await bus.ring()
            #expect(ring.first?.entry.samples.first?.flags.contains(.keyframe) == true)
            #expect((60...100).contains(ring.count))
        }
    }

    @Test func `a publisher is told when there is no room to keep its samples`() async throws {
        try await TestBus.run(configure: { $0.outageByteLimit = 50_000 }) { bus in
            let events = AsyncStream<BusWriter.Event>.makeStream(bufferingPolicy: .unbounded)
            let writer = try await bus.open { events.continuation.yield($0) }
            await writer.append(.test(0, byteCount: 1000))
            await writer.settle()
            bus.server.kill()
            for number in 1..<100 {
                await writer.append(.test(number, byteCount: 1000))
                await writer.turn()
            }
            for await event in events.stream {
                #expect(event == .outageBufferFull)
                break
            }
            try bus.server.start()
            await writer.close()
            let sequences = try await bus.ring().flatMap(\.entry.samples).map(\.sequence)
            // The first one was confirmed, so it was the first to be given up.
            #expect(sequences == Array(1...UInt32(sequences.count)))
            #expect(sequences.count > 40)
        }
    }

    @Test func `what the bus has confirmed makes room by itself, when its writers have nothing to say`()
        async throws
    {
        try await TestBus.run(configure: { $0.outageByteLimit = 50_000 }) { bus in
            let writer = try await bus.open()
            bus.server.pause()
            // One GOP, all of which is kept for a bus that loses its memory, fills most of the room.
            for number in 0..<30 {
                await writer.append(.test(number, byteCount: 1300))
                await writer.turn()
            }
            #expect(bus.budget.byteCount > 40_000)
            bus.server.resume()
            await writer.settle()
            try await eventually("there is room again") { bus.budget.byteCount <= 25_000 }
            #expect(try await bus.ring().count == 30)
        }
    }

    @Test func `a new publisher is refused when the bus is nearly full`() async throws {
        try await TestBus.run { bus in
            _ = try await bus.open("first")
            let report = try await bus.client.command("INFO", "memory").string ?? ""
            let line = try #require(report.split(separator: "\r\n").first { $0.hasPrefix("used_memory:") })
            let used = try #require(Int(line.dropFirst("used_memory:".count)))
            try await bus.client.command("CONFIG", "SET", "maxmemory", used + used / 10)
            let error = await #expect(throws: BusError.self) { try await bus.open("second") }
            #expect(error?.code == .full)
        }
    }

    @Test func `a bus without memory gets everything when it has some again`() async throws {
        try await TestBus.run { bus in
            let writer = try await bus.open()
            let handler = RecordingHandler()
            await bus.reader.follow("stream", from: .beginning, handler: handler)
            await writer.append(.test(0))
            await writer.settle()
            try await bus.client.command("CONFIG", "SET", "maxmemory", 1)
            await writer.append(.test(1))
            while bus.shard.refusals.current == 0 { await writer.turn() }
            for number in 2..<50 { await writer.append(.test(number)) }
            try await bus.client.command("CONFIG", "SET", "maxmemory", 0)
            #expect(await handler.samples(50).sequences == Array(0..<50))
        }
    }

    @Test func `a sample that is too large closes the publisher`() async throws {
        try await TestBus.run { bus in
            let events = AsyncStream<BusWriter.Event>.makeStream(bufferingPolicy: .unbounded)
            let writer = try await bus.open { events.continuation.yield($0) }
            await writer.append(.test(0))
            await writer.append(.test(1, byteCount: BusEntry.maximumSampleByteCount + 1))
            for await event in events.stream {
                #expect(event == .sampleTooLarge(BusEntry.maximumSampleByteCount + 1))
                break
            }
            await writer.append(.test(2))
            await writer.end()
            #expect(try await bus.ring().flatMap(\.entry.samples).map(\.sequence) == [0])
        }
    }

    @Test func `a publisher counts as active until it is away`() async throws {
        try await TestBus.run { bus in
            #expect(try await bus.shard.isPublisherActive("stream") == false)
            let writer = try await bus.open()
            #expect(try await bus.shard.isPublisherActive("stream"))
            await writer.append(.test(0))
            await writer.markAway()
            await writer.settle()
            #expect(try await bus.shard.isPublisherActive("stream") == false)
        }
    }

    @Test func `the description on the bus is the documented JSON`() async throws {
        try await TestBus.run { bus in
            _ = try await bus.open()
            let key = BusKeys.tracks("stream")
            let session = try await bus.client.command("HGET", key, "session").string
            let track = try await bus.client.command("HGET", key, "0.1").string
            #expect(
                session == """
                    {"anchors":[{"decodeTime":10,"discontinuity":0,"wallClock":1767225600000000}],"epoch":1,\
                    "graceSeconds":15,"partTarget":0.3,\
                    "publisher":{"address":"127.0.0.1","encoder":"test","protocol":"rtmp"},"record":true,\
                    "sessionId":"session","slug":"main","startedAt":"2026-01-01T00:00:00Z",\
                    "streamId":"stream","title":"Test","tracks":[{"generation":1,"track":0}]}
                    """
            )
            #expect(
                track == """
                    {"codec":"avc1","codecString":"avc1.64001f","decoderConfiguration":"AWQAHw==",\
                    "frameRate":30,"generation":1,"height":360,"language":"und","rotation":0,\
                    "timescale":90000,"track":0,"width":640}
                    """
            )
        }
    }

    @Test func `the keys of an ended session expire`() async throws {
        try await TestBus.run { bus in
            let writer = try await bus.open()
            await writer.append(.test(0))
            await writer.settle()
            #expect(try await bus.client.command("ZSCORE", BusKeys.live, "stream") != .null)
            await writer.end()
            // What the end leaves behind is told on another connection than the one that asks here.
            try await eventually("the keys expire") {
                let time = try await bus.client.command("PTTL", BusKeys.media("stream")).integer ?? 0
                return (1...60_000).contains(time)
            }
            #expect(try await bus.client.command("ZSCORE", BusKeys.live, "stream") == .null)
            try await eventually("the publisher's sign is gone") {
                try await bus.shard.isPublisherActive("stream") == false
            }
        }
    }

    @Test func `a stream that nobody writes to is given up after its grace time`() async throws {
        try await TestBus.run {
            $0.silenceMargin = .milliseconds(200)
        } _: { bus in
            var session = SessionDescription.test("stream", epoch: 1)
            session.graceSeconds = 1
            let writer = try await bus.shard.open(session, tracks: [.testVideo()]) { _ in }
            let handler = RecordingHandler()
            await bus.reader.follow("stream", from: .beginning, handler: handler)
            await writer.append(.test(0))
            _ = await handler.samples(1)
            let silent = EventLoop.now
            await writer.close()
            #expect(await handler.untilEnd() == [.ended(.abandoned)])
            #expect(EventLoop.now &- silent > 900_000_000)
            #expect(await bus.reader.followedCount == 0)
        }
    }

    @Test func `no stream is given up because the bus was away for longer than its grace time`() async throws
    {
        try await TestBus.run {
            $0.silenceMargin = .milliseconds(200)
            $0.answerLimit = .milliseconds(1500)
        } _: { bus in
            var session = SessionDescription.test("stream", epoch: 1)
            session.graceSeconds = 1
            let writer = try await bus.shard.open(session, tracks: [.testVideo()]) { _ in }
            let handler = RecordingHandler()
            await bus.reader.follow("stream", from: .beginning, handler: handler)
            await writer.append(.test(0))
            _ = await handler.samples(1)
            // The writer finds the bus again only after the reader has looked who lives.
            let writing = bus.shard.loop
            let held = DispatchSemaphore(value: 0)
            bus.server.kill()
            let away = EventLoop.now
            writing.execute { held.wait() }
            defer { held.signal() }
            try await eventually("the bus was away for longer than the stream may be silent") {
                EventLoop.now &- away > 2_000_000_000
            }
            try bus.server.start()
            try await eventually("the reader has asked who lives") {
                let now = Timestamp.nowMicroseconds / 1000
                try await bus.client.command("ZADD", BusKeys.live, now, "another")
                return bus.found.contains("another")
            }
            #expect(await bus.reader.followedCount == 1)
            #expect(bus.reader.outages.current == 1)
            held.signal()
            for number in 1..<40 { await writer.append(.test(number)) }
            let (sequences, other) = await handler.samples(39)
            #expect(sequences == Array(1..<40))
            #expect(!other.contains { if case .ended = $0 { true } else { false } })
        }
    }

    @Test func `many streams share the ticks, and all of them arrive`() async throws {
        try await TestBus.run { bus in
            let handlers = (0..<60).map { _ in RecordingHandler() }
            var writers: [BusWriter] = []
            for (index, handler) in handlers.enumerated() {
                writers.append(try await bus.open("stream\(index)"))
                await bus.reader.follow("stream\(index)", from: .beginning, handler: handler)
            }
            for number in 0..<90 {
                for writer in writers { await writer.append(.test(number)) }
            }
            for handler in handlers { #expect(await handler.samples(90).sequences == Array(0..<90)) }
            #expect(await bus.shard.writerCount == 60)
        }
    }
}

extension BusWriter {
    /// Returns after the flush that is due has been made.
    func turn() async {
        await withCheckedContinuation { continuation in loop.execute { continuation.resume() } }
    }
}
