import HTTPServing
import Media
import TestSupport
import Testing

@testable import Origin

/// What the gateway may keep while a session is live (design: init segments, and all segments but the newest).
@Suite struct CachingTests {
    private static let kept = "10"
    private static let never = "0"

    @Test func `the gateway may keep init segments and whole segments but the newest two, and no part`()
        async throws
    {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 14, withEnd: false)
        let owner = await fixture.own(stream)
        for item in stream.entries { owner.receive(item.entry, id: item.id) }
        await fixture.volume.drained()
        for track in [0, 1] as [UInt16] {
            let path = "\(LiveRoutesTests.session)/\(track)"
            #expect(await expiry(fixture, "\(path)/init-1.mp4") == Self.kept)
            let timeline = try #require(owner.session.read { $0.timelines[TrackID(rawValue: track)] })
            let whole = timeline.segments.filter(\.isComplete).map(\.mediaSequence)
            #expect(whole.count >= 5)
            for number in whole.dropLast(2) {
                #expect(await expiry(fixture, "\(path)/\(number).m4s") == Self.kept, "\(number)")
            }
            for number in whole.suffix(2) {
                #expect(await expiry(fixture, "\(path)/\(number).m4s") == Self.never, "\(number)")
            }
            #expect(await expiry(fixture, "\(path)/\(whole[0]).0.m4s") == Self.never)
        }
    }

    @Test func `what changes is kept by nobody, and media by browsers for good`() async throws {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 5, withEnd: false)
        let owner = await fixture.own(stream)
        for item in stream.entries { owner.receive(item.entry, id: item.id) }
        for (path, expected) in [
            "index.m3u8": "no-store", "manifest.mpd": "no-store", "0/live.m3u8": "private, no-cache",
            "0/dvr.m3u8": "private, no-cache", "0/init-1.mp4": "private, max-age=31536000, immutable",
            "0/0.m4s": "private, max-age=31536000, immutable",
            "0/0.0.m4s": "private, max-age=31536000, immutable",
            "0/99.m4s": "no-store", "feed": "no-store",
        ] {
            let answer = await fixture.get("\(LiveRoutesTests.session)/\(path)")
            #expect(answer.headers["cache-control"] == expected, "\(path) \(answer.status)")
        }
    }

    private func expiry(_ fixture: OriginFixture, _ path: String) async -> String? {
        let answer = await fixture.get(path)
        #expect(answer.status == 200, "\(path)")
        return answer.headers["x-accel-expires"]
    }
}
