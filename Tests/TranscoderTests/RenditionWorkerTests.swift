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
import Testing
import Transcoding

@testable import Transcoder

@Suite(.timeLimit(.minutes(2))) struct RenditionWorkerTests {
    private let name = BusStreamName("stream", rendition: .opus)

    @Test func `Opus is made while somebody wants it, and no longer`() async throws {
        try await TestStack.run { stack in
            let source = try await stack.publish(frames: 300)
            let worker = try stack.worker("a")
            try await running(worker) {
                let handler = SampleCollector()
                try await stack.follow(handler)
                try await stack.channel.want(.opus, of: "stream", replica: "viewer")
                try await eventually("a worker has begun") { !handler.configurations.isEmpty }
                await stack.send(source, 0..<200)
                try await eventually("the rendition is there") { handler.samples.count > 150 }
                let made = handler.samples
                #expect(made.map(\.sequence) == (0..<made.count).map(UInt32.init))
                #expect(zip(made, made.dropFirst()).allSatisfy { $0.decodeTime + 960 == $1.decodeTime })
                #expect(handler.configurations.last?.codec == .opus)
                #expect(handler.sessions.last?.sessionId == "session")
                // Nobody renews the want: five seconds later nobody makes the rendition.
                try await eventually("the lease is given back") {
                    try await stack.client.command("EXISTS", BusKeys.lease(self.name)).integer == 0
                }
            }
        }
    }

    @Test func `two workers share what is wanted, and each rendition has one maker`() async throws {
        try await TestStack.run { stack in
            let source = try await stack.publish(frames: 200)
            let (first, second) = (try stack.worker("a"), try stack.worker("b"))
            try await running(first) {
                try await running(second) {
                    try await stack.channel.want(.opus, of: "stream", replica: "viewer")
                    try await stack.channel.want(.aac, of: "stream", replica: "viewer")
                    let names = [RenditionName.opus, .aac].map { BusStreamName("stream", rendition: $0) }
                    for name in names {
                        try await eventually("\(name) is begun") {
                            try await stack.client.command("EXISTS", BusKeys.tracks(name)).integer == 1
                        }
                    }
                    var holders: Set<String?> = []
                    for name in names {
                        holders.insert(try await RedisLease.holder(of: BusKeys.lease(name), in: stack.client))
                    }
                    #expect(!holders.contains(nil))
                    await stack.send(source, 0..<200)
                    for name in names {
                        try await eventually("\(name) is there") {
                            let rest = try await stack.shard.resumption(
                                of: "stream",
                                rendition: name.rendition
                            )
                            return rest.map { $0.end > MediaTime(ticks: 14, timescale: 1) } ?? false
                        }
                    }
                }
            }
        }
    }

    @Test func `a worker that dies is replaced within its lease, and no sound is missing`() async throws {
        try await TestStack.run { stack in
            let source = try await stack.publish(frames: 400)
            let handler = SampleCollector()
            try await stack.follow(handler)
            // A worker that has made a while of it and then is seen no more: its lease runs out by itself.
            let wants = BusWants(stack.client, waitingOn: stack.blocking)
            guard case .claimed(let claim) = try await wants.claim(name, holder: "dead") else {
                Issue.record("the rendition was taken")
                return
            }
            let maker = try SoundRendition(.opus, of: source.configuration, bitRate: 48_000, partTarget: 0.3)
            var session = TestStack.session
            session.epoch = claim.epoch
            let writer = try await stack.shard.open(session, tracks: [maker.configuration], rendition: .opus)
            { _ in }
            let begun = try (0..<100).flatMap { try maker.take(source.sample($0)) }
            await writer.append(all: begun)
            await writer.settle()
            await stack.send(source, 0..<200)

            let death = ContinuousClock.now
            try await running(try stack.worker("b")) {
                try await stack.channel.want(.opus, of: "stream", replica: "viewer")
                try await eventually("another worker goes on") { handler.samples.count > begun.count }
                #expect(ContinuousClock.now - death < BusWants.leaseDuration + .seconds(1.5))
                await stack.send(source, 200..<300)
                try await eventually("it has caught up") { handler.samples.count > 300 }
                let made = handler.samples
                #expect(made.map(\.sequence) == (0..<made.count).map(UInt32.init))
                #expect(zip(made, made.dropFirst()).allSatisfy { $0.decodeTime + 960 == $1.decodeTime })
                #expect(handler.gaps == 0)
            }
        }
    }

    @Test func `a worker that stops hands its renditions over at once`() async throws {
        try await TestStack.run { stack in
            let source = try await stack.publish(frames: 300)
            let handler = SampleCollector()
            try await stack.follow(handler)
            try await stack.channel.want(.opus, of: "stream", replica: "viewer")
            try await running(try stack.worker("a")) {
                try await eventually("a worker has begun") { !handler.configurations.isEmpty }
                await stack.send(source, 0..<100)
                try await eventually("the first makes it") { handler.samples.count > 90 }
            }
            #expect(try await stack.client.command("EXISTS", BusKeys.lease(name)).integer == 0)
            try await running(try stack.worker("b")) {
                try await stack.channel.want(.opus, of: "stream", replica: "viewer")
                await stack.send(source, 100..<200)
                try await eventually("the second goes on") { handler.samples.count > 190 }
                let made = handler.samples
                #expect(zip(made, made.dropFirst()).allSatisfy { $0.decodeTime + 960 == $1.decodeTime })
            }
        }
    }

    @Test func `the end of the session ends the rendition`() async throws {
        try await TestStack.run { stack in
            let source = try await stack.publish(frames: 100)
            let handler = SampleCollector()
            let metrics = TranscoderMetrics(MetricRegistry(service: "transcoder"))
            try await stack.follow(handler)
            try await running(try stack.worker("a", metrics: metrics)) {
                try await stack.channel.want(.opus, of: "stream", replica: "viewer")
                try await eventually("a worker has begun") { !handler.configurations.isEmpty }
                await stack.send(source, 0..<100)
                try await eventually("it is made") { handler.samples.count > 90 }
                await stack.end()
                try await eventually("it has ended") { handler.end == .endOfSession }
                // The wants last for seconds; nobody begins again to find the same end.
                for attempt in 1...3 {
                    try await eventually("the lease is given back") {
                        try await stack.client.command("EXISTS", BusKeys.lease(name)).integer == 0
                    }
                    #expect(try await stack.client.command("ZCARD", BusKeys.wanted).integer == 0)
                    #expect(metrics.endings[.sessionEnded].current == UInt64(attempt))
                    guard attempt < 3 else { break }
                    try await stack.channel.want(.opus, of: "stream", replica: "viewer")
                    try await eventually("somebody has looked") {
                        metrics.endings[.sessionEnded].current > UInt64(attempt)
                    }
                }
            }
        }
    }

    @Test func `a stream without sound is left alone`() async throws {
        try await TestStack.run { stack in
            try await stack.publishSilently()
            let metrics = TranscoderMetrics(MetricRegistry(service: "transcoder"))
            try await running(try stack.worker("a", metrics: metrics)) {
                try await stack.channel.want(.opus, of: "stream", replica: "viewer")
                try await eventually("it is found to be impossible") {
                    metrics.endings[.unsupported].current > 0
                }
                #expect(try await stack.client.command("EXISTS", BusKeys.media(name)).integer == 0)
            }
        }
    }
}
