import Foundation
import Media
import MediaBus
import Reactor
import TestSupport
import Testing

@testable import Origin

/// The LL-HLS checker of the end-to-end tests against the routes alone, at the pace of real time.
@Suite struct ConformanceTests {
    /// Seconds of media that are there when the checker comes.
    static let head = 30.0
    /// Seconds that the checker watches.
    static let length = 6.0

    @Test(arguments: [60, 300])
    func `the checker finds no broken rule, live and after`(gop: Int) async throws {
        let stream = SyntheticStream.make(of: [
            try RecordedTrack.video(seconds: gop / 30, gop: gop).repeated(until: 38),
            try RecordedTrack.audio(seconds: 4).repeated(until: 38),
        ])
        let fixture = try OriginFixture()
        let owner = await fixture.own(stream)
        try await fixture.serving { base in
            let url = "\(base)\(LiveRoutesTests.stream)/index.m3u8"
            let feeding = Task { try await Self.feed(stream, to: owner, on: fixture.loops.loops[1]) }
            try await fixture.wait {
                owner.session.read { $0.timelines[TrackID(rawValue: 0)]?.segments.count ?? 0 } >= 8
            }
            let live = try await Self.check(url, seconds: Self.length)
            #expect(live.status == 0, "\(live.text)\n\(live.errors)")
            try await feeding.value
            let ended = try await Self.check(url, seconds: 1)
            #expect(ended.status == 0, "\(ended.text)\n\(ended.errors)")
        }
    }

    private static func feed(
        _ stream: SyntheticStream,
        to owner: StreamOwner,
        on loop: EventLoop
    ) async throws {
        let start = EventLoop.now
        for item in stream.entries {
            if let sample = item.entry.samples.first {
                let timescale = sample.track.rawValue == 0 ? 90_000.0 : 48_000.0
                let due = Double(sample.decodeTime) / timescale - 10 - head
                let elapsed = Double(EventLoop.now - start) / 1e9
                if due > elapsed { try await loop.sleep(for: .milliseconds(Int((due - elapsed) * 1000))) }
            }
            owner.receive(item.entry, id: item.id)
        }
    }

    static func check(_ url: String, seconds: Double) async throws -> ExternalTool.Outcome {
        let checker = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../EndToEnd/llhls.py").path
        return try await ExternalTool.runOnThread("python3", ["-B", checker, url, "\(seconds)"])
    }
}
