import Contracts
import Foundation
import Media
import MediaBus
import Postgres
import RTMP
import Redis
import Sockets
import Telemetry
import TestSupport
import Testing

@testable import Ingest

/// Real encoders publish to the service over real sockets, and a reader of the bus looks at what arrives.
@Suite(.timeLimit(.minutes(5)), .serialized) struct PublishingTests {
    @Test func `H_264 with B-frames and AAC of ffmpeg arrive complete and in order`() async throws {
        try await IngestHarness.run { harness in
            let publisher = try Publisher(harness.url(), seconds: 4)
            try await eventually("the session ends") { harness.received.contents.end != nil }
            let contents = harness.received.contents
            #expect(contents.end == .endOfSession)
            #expect(contents.tracks.map(\.codecString).sorted() == ["avc1.4d400d", "mp4a.40.2"])
            let video = contents.samples(of: .video)
            #expect(video.count == 120)
            #expect(video.first?.decodeTime == 900_000)
            #expect(video.contains { $0.compositionOffset > 0 })
            #expect(zip(video, video.dropFirst()).allSatisfy { $0.decodeTime < $1.decodeTime })
            #expect(video.map(\.sequence) == Array(0..<120))
            let audio = contents.samples(of: .audio)
            #expect(audio.count > 180)
            #expect(zip(audio, audio.dropFirst()).allSatisfy { $1.decodeTime - $0.decodeTime == 1024 })
            #expect(contents.entries.map(\.id.counter) == Array(1...UInt64(contents.entries.count)))
            #expect(contents.session?.publisher.encoder.hasPrefix("Lavf") == true)
            #expect(contents.session?.anchors.count == 1)
            let notes = try await harness.pool.query("SELECT tracks FROM catalog.notes")
            #expect(notes.first?["tracks"].text?.contains("avc1.4d400d") == true)
            try await eventually("the catalog knows") { try await harness.sessionStates() == ["ended"] }
            #expect(try await publisher.complaints() == "")
        }
    }

    @Test(arguments: [(true, false), (false, true)])
    func `picture alone and sound alone are streams too`(video: Bool, audio: Bool) async throws {
        try await IngestHarness.run { harness in
            let publisher = try Publisher(harness.url(), seconds: 3, video: video, audio: audio)
            try await eventually("the session ends") { harness.received.contents.end != nil }
            let contents = harness.received.contents
            #expect(contents.session?.tracks.map(\.track) == [video ? 0 : 1])
            #expect(contents.samples.count >= 80)
            #expect(try await publisher.complaints() == "")
        }
    }

    @Test func `GStreamer publishes too`() async throws {
        try await IngestHarness.run { harness in
            let source =
                "videotestsrc num-buffers=60 is-live=true ! video/x-raw,width=320,height=180,framerate=30/1"
            let coding = "x264enc tune=zerolatency key-int-max=30 ! h264parse ! flvmux streamable=true"
            let sink = "rtmp2sink location=\(harness.url())"
            let publisher = try Publisher("gst-launch-1.0", "-q \(source) ! \(coding) ! \(sink)".words)
            try await eventually("the session ends") { harness.received.contents.end != nil }
            #expect(harness.received.contents.samples(of: .video).count == 60)
            _ = try await publisher.complaints()
        }
    }

    @Test func `RTMPS carries the same as RTMP`() async throws {
        try await IngestHarness.run(identity: try TestIdentity.make()) { harness in
            let port = try #require(harness.server.securePort)
            let publisher = try Publisher("rtmps://127.0.0.1:\(port)/live/\(IngestHarness.key)", seconds: 2)
            try await eventually("the session ends") { harness.received.contents.end != nil }
            #expect(harness.received.contents.samples(of: .video).count == 60)
            #expect(harness.received.contents.session?.publisher.protocol == "rtmps")
            #expect(try await publisher.complaints() == "")
        }
    }

    @Test func `wrong, revoked and busy keys are told apart`() async throws {
        try await IngestHarness.run { harness in
            try await harness.addKey("old?k=secret", id: "key2", stream: "other")
            try await harness.pool.query("UPDATE auth.stream_keys SET revoked = true WHERE key_id = 'key2'")
            let wrong = try Publisher(harness.url("main?k=guess"), seconds: 1)
            #expect(try await wrong.complaints().contains(PublishRefusal.wrongKey.text))
            let unknown = try Publisher(harness.url("nobody?k=secret"), seconds: 1)
            #expect(try await unknown.complaints().contains(PublishRefusal.wrongKey.text))
            let revoked = try Publisher(harness.url("old?k=secret"), seconds: 1)
            #expect(try await revoked.complaints().contains(PublishRefusal.revokedKey.text))
            let first = try Publisher(harness.url())
            try await eventually("the first one publishes") { harness.received.contents.samples.count > 30 }
            let second = try Publisher(harness.url(), seconds: 1)
            let complaint = try await second.complaints()
            #expect(complaint.contains(PublishRefusal.busy.text))
            #expect(first.isRunning)
            try first.finish()
            try await eventually("the session ends") { harness.received.contents.end != nil }
        }
    }

    @Test func `a key that is revoked ends its publisher at once`() async throws {
        try await IngestHarness.run { harness in
            let publisher = try Publisher(harness.url())
            try await eventually("it publishes") { harness.received.contents.samples.count > 30 }
            try await harness.commands.command(
                "XADD",
                "events",
                "*",
                "id",
                "1",
                "type",
                "key.revoked",
                "subject",
                "key1",
                "data",
                #"{"keyId":"key1","streamId":"stream"}"#
            )
            try await eventually("the session ends", within: .seconds(3)) {
                harness.received.contents.end == .endOfSession
            }
            #expect(try await publisher.complaints() != "")
            try await eventually("the catalog knows") { try await harness.sessionStates() == ["ended"] }
        }
    }

    @Test func `a publisher that comes back within the grace time goes on with its session`() async throws {
        try await IngestHarness.run({ $0.graceSeconds = 10 }) { harness in
            let first = try Publisher(harness.url())
            try await eventually("the first one publishes") { harness.received.contents.samples.count > 60 }
            first.crash()
            try await eventually("readers know that it is away") {
                harness.received.contents.flags.contains(.publisherAway)
            }
            let second = try Publisher(harness.url(), size: "640x360", seconds: 2)
            try await eventually("the session ends") { harness.received.contents.end != nil }
            let contents = harness.received.contents
            #expect(Set(contents.entries.map(\.id.epoch)).count == 2)
            #expect(contents.flags.contains(.publisherBack))
            let video = contents.samples(of: .video)
            #expect(Set(video.map(\.generation)) == [1, 2])
            #expect(zip(video, video.dropFirst()).allSatisfy { $0.decodeTime < $1.decodeTime })
            #expect(video.map(\.sequence) == Array(0..<UInt32(video.count)))
            #expect(video.filter { $0.flags.contains(.discontinuity) }.count == 1)
            #expect(contents.session?.anchors.map(\.discontinuity) == [0, 1])
            #expect(contents.tracks.contains { $0.video?.width == 640 })
            try await eventually("the catalog knows") { try await harness.sessionStates() == ["ended"] }
            #expect(try await second.complaints() == "")
        }
    }

    @Test func `a publisher that does not come back ends its session after the grace time`() async throws {
        try await IngestHarness.run({ $0.graceSeconds = 1 }) { harness in
            let publisher = try Publisher(harness.url())
            try await eventually("it publishes") { harness.received.contents.samples.count > 30 }
            publisher.crash()
            try await eventually("the catalog knows") { try await harness.sessionStates() == ["away"] }
            try await eventually("the session ends") { harness.received.contents.end == .endOfSession }
            try await eventually("the catalog knows") { try await harness.sessionStates() == ["ended"] }
        }
    }

    @Test func `without PostgreSQL publishers go on and new ones are asked to try again`() async throws {
        try await IngestHarness.run(postgres: try PostgresServer()) { harness in
            try await harness.addKey("second?k=secret", id: "key2", stream: "other")
            let publisher = try Publisher(harness.url())
            try await eventually("it publishes") { harness.received.contents.samples.count > 30 }
            harness.postgres.stop(keepingData: true)
            let refused = try Publisher(harness.url("second?k=secret"), seconds: 1)
            #expect(try await refused.complaints().contains(PublishRefusal.unavailable.text))
            let count = harness.received.contents.samples.count
            try await eventually("it goes on") { harness.received.contents.samples.count > count + 30 }
            try harness.postgres.start()
            try publisher.finish()
            try await eventually("the catalog knows") { (try? await harness.sessionStates()) == ["ended"] }
        }
    }

    @Test func `a publisher who comes while the bus or PostgreSQL begins waits for it`() async throws {
        try await IngestHarness.run(postgres: try PostgresServer()) { harness in
            try await harness.addKey("second?k=secret", id: "key2", stream: "other")
            let received = harness.parts.context.metrics.receivedBytes
            harness.redis.kill()
            try await eventually("the bus is missed") { !harness.parts.shards.contains(where: \.isConnected) }
            let first = try Publisher(harness.url(), seconds: 2)
            try await eventually("its handshake is over") { received.current > Self.handshakeByteCount }
            try harness.redis.start()
            try await eventually("the session ends") { harness.received.contents.end != nil }
            #expect(try await first.complaints() == "")
            harness.postgres.stop(keepingData: true)
            let before = received.current
            let second = try Publisher(harness.url("second?k=secret"), seconds: 1)
            try await eventually("its handshake is over") {
                received.current > before + Self.handshakeByteCount
            }
            try harness.postgres.start()
            #expect(try await second.complaints() == "")
        }
    }

    /// What a client sends before its first command.
    private static let handshakeByteCount: UInt64 = 1 + 2 * 1536

    @Test func `its port is its alone unless it says that others share it`() async throws {
        try await IngestHarness.run { harness in
            #expect(throws: SystemCallError.self) { _ = try harness.listenAgain() }
        }
        try await IngestHarness.run({ $0.sharesPorts = true }) { harness in
            let port = try harness.listenAgain()
            #expect(port == harness.server.port)
        }
    }

    @Test func `a bus that restarts empty loses nothing that was published meanwhile`() async throws {
        try await IngestHarness.run { harness in
            let publisher = try Publisher(harness.url(), seconds: 8)
            try await eventually("it publishes") { harness.received.contents.samples.count > 60 }
            harness.redis.kill()
            try harness.redis.start()
            try await eventually("the session ends") { harness.received.contents.end != nil }
            let video = harness.received.contents.samples(of: .video)
            #expect(Set(video.map(\.sequence)) == Set(0..<240))
            #expect(try await publisher.complaints() == "")
        }
    }

    @Test func `a publisher is held back while the bus is away, and loses nothing`() async throws {
        let idle = Duration.milliseconds(1200)
        try await IngestHarness.run({ settings in
            settings.outageByteCount = 1 << 20
            settings.silenceLimit = .milliseconds(700)
            settings.session.idleTimeout = idle
            settings.session.pingInterval = idle / 3
        }) { harness in
            let (context, received) = (harness.parts.context, harness.received)
            let publisher = try Publisher(harness.url(), size: "1280x720", seconds: 12)
            try await eventually("it publishes") { received.contents.samples.count > 60 }
            harness.redis.pause()
            try await eventually("it is held back") { context.metrics.heldPublishers.current == 1 }
            let bytes = context.metrics.receivedBytes.current
            let until = ContinuousClock.now + idle * 2
            try await eventually("more than its idle time passes") {
                #expect(!context.registry.reserve(IngestHarness.streamID))
                return ContinuousClock.now > until
            }
            #expect(context.metrics.receivedBytes.current == bytes)
            #expect(context.budget.byteCount < context.settings.outageByteCount)
            harness.redis.resume()
            try await eventually("it goes on") { context.metrics.heldPublishers.current == 0 }
            try await eventually("the session ends") { received.contents.end != nil }
            #expect(received.contents.end == .endOfSession)
            #expect(received.contents.gapCount == 0)
            #expect(Set(received.contents.entries.map(\.id.epoch)).count == 1)
            let sequences = received.contents.samples(of: .video).map(\.sequence)
            #expect(sequences == Array(0..<360))
            let complaints = try await publisher.complaints()
            #expect(complaints == "")
        }
    }

    @Test func `random bytes on the port do no harm`() async throws {
        try await IngestHarness.run { harness in
            let noise = try RawClient(port: harness.server.port)
            noise.send((0..<100_000).map { _ in UInt8.random(in: 0...255) })
            let halfHandshake = try RawClient(port: harness.server.port)
            halfHandshake.send([3] + [UInt8](repeating: 0, count: 700))
            try await eventually("the noise is thrown out") { noise.isClosed }
            let publisher = try Publisher(harness.url(), seconds: 1)
            try await eventually("the session ends") { harness.received.contents.end != nil }
            #expect(try await publisher.complaints() == "")
        }
    }

    @Test func `an address gets no more connections than its limit`() async throws {
        try await IngestHarness.run({ $0.maximumConnectionsPerAddress = 2 }) { harness in
            let first = try RawClient(port: harness.server.port)
            let second = try RawClient(port: harness.server.port)
            let third = try RawClient(port: harness.server.port)
            try await eventually("the third one is closed") { third.isClosed }
            #expect(!first.isClosed && !second.isClosed)
        }
    }

    @Test func `a client that does not finish its handshake is closed`() async throws {
        try await IngestHarness.run({ $0.session.handshakeTimeout = .seconds(1) }) { harness in
            let client = try RawClient(port: harness.server.port)
            try await eventually("it is closed", within: .seconds(5)) { client.isClosed }
        }
    }

    @Test func `a service that stops leaves its sessions to be taken up again`() async throws {
        try await IngestHarness.run({ $0.drainTime = .milliseconds(200) }) { harness in
            let publisher = try Publisher(harness.url())
            try await eventually("it publishes") { harness.received.contents.samples.count > 30 }
            await harness.stopServing()
            try await eventually("readers know that it is away") {
                harness.received.contents.flags.contains(.publisherAway)
            }
            #expect(harness.received.contents.end == nil)
            #expect(try await publisher.complaints() != "")
            try await eventually("the catalog knows") { try await harness.sessionStates() == ["away"] }
        }
    }
}

extension String {
    /// The words of a command line without quotes.
    fileprivate var words: [String] { split(separator: " ").map(String.init) }
}
