import Contracts
import HTTPServing
import Media
import MediaBus
import TestSupport
import Testing

@testable import Origin

@Suite struct RenditionOfferTests {
    private static let session = LiveRoutesTests.session

    /// Pictures with a sound that some players of HLS cannot play, while it is live.
    private static func stream(
        _ changes: (inout TrackConfiguration) -> Void = { _ in }
    ) throws -> SyntheticStream {
        var stream = try SyntheticStream.make(seconds: 5, withEnd: false)
        for index in stream.configurations.indices {
            if !stream.configurations[index].isVideo {
                stream.configurations[index].codec = .opus
                stream.configurations[index].codecString = "opus"
            }
            changes(&stream.configurations[index])
        }
        return stream
    }

    private func feed(_ stream: SyntheticStream, to handler: some BusStreamHandler) {
        for item in stream.entries { handler.receive(item.entry, id: item.id) }
    }

    @Test func `who plays a rendition reads of the session's end in its playlist`() async throws {
        let fixture = try OriginFixture()
        let stream = try Self.stream()
        let owner = await fixture.own(stream)
        feed(stream, to: owner)
        #expect(await fixture.get("\(Self.session)/index.m3u8").text.contains("aac/live.m3u8"))

        let rendition = try #require(owner.session.rendition(.aac))
        let sound = try SyntheticStream.make(of: [.audio(seconds: 5)], withEnd: false)
        let packager = RenditionPackager(rendition) { _ in }
        packager.tracksChanged(sound.description, tracks: sound.configurations)
        feed(sound, to: packager)
        #expect(rendition.media.read { $0.hasParts })

        owner.session.end()
        let playlist = await fixture.get("\(Self.session)/aac/live.m3u8")
        #expect(playlist.status == 200 && playlist.text.contains("#EXT-X-ENDLIST"))
    }

    @Test func `a rendition that nobody has played is not there after the session's end`() async throws {
        let fixture = try OriginFixture()
        let stream = try Self.stream()
        let owner = await fixture.own(stream)
        feed(stream, to: owner)
        owner.session.end()
        #expect(await fixture.get("\(Self.session)/aac/live.m3u8").status == 404)
    }

    @Test func `who asks first has a rendition begun, and so has who asks after its end`() async throws {
        let stream = try Self.stream()
        let owner = try await OriginFixture().own(stream)
        feed(stream, to: owner)
        let rendition = try #require(owner.session.rendition(.aac))
        #expect(rendition.want(beside: nil))
        #expect(!rendition.want(beside: nil))
        // The bus was away for so long that its reader gave the rendition up, and somebody asks all the time.
        let packager = RenditionPackager(rendition) { $0.rendition.forgetWants() }
        packager.ended(.abandoned)
        #expect(!rendition.isWanted)
        #expect(rendition.want(beside: nil))
    }

    @Test func `a rendition is reported as far as whoever asks for it gets it`() async throws {
        let fixture = try OriginFixture()
        let stream = try Self.stream()
        let owner = await fixture.own(stream)
        let half = stream.entries.firstIndex {
            $0.entry.samples.contains { $0.mediaSequence == 1 && $0.part == 4 }
        }
        let middle = try #require(half)
        for item in stream.entries[...middle] { owner.receive(item.entry, id: item.id) }
        func reported() async -> String {
            let lines = await fixture.get("\(Self.session)/0/live.m3u8").text.split(separator: "\n")
            return lines.last { $0.contains("aac/live.m3u8") }.map(String.init) ?? ""
        }
        #expect(await reported().hasSuffix("LAST-MSN=1,LAST-PART=0"))

        let rendition = try #require(owner.session.rendition(.aac))
        let edge = owner.session.read { $0.timelines[rendition.track]?.lastPart?.id }
        #expect(rendition.want(beside: edge))
        for item in stream.entries[(middle + 1)...] { owner.receive(item.entry, id: item.id) }
        #expect(owner.session.newestPart?.mediaSequence == 2)
        #expect(await reported().hasSuffix("LAST-MSN=1,LAST-PART=0"), "all who ask now are held until that")
        #expect(!rendition.hasCaughtUp)

        let sound = try SyntheticStream.make(of: [.audio(seconds: 5)], withEnd: false)
        let packager = RenditionPackager(rendition) { _ in }
        packager.tracksChanged(sound.description, tracks: sound.configurations)
        for item in sound.entries {
            packager.receive(item.entry, id: item.id)
            guard rendition.hasCaughtUp, let newest = rendition.media.newestPart else { continue }
            owner.session.setAway(owner.session.read { !$0.isAway })
            let said = "LAST-MSN=\(newest.mediaSequence),LAST-PART=\(newest.part)"
            #expect(await reported().hasSuffix(said))
        }
        #expect(rendition.hasCaughtUp)
    }

    @Test func `pictures are listed when their rate is known`() async throws {
        let fixture = try OriginFixture()
        let stream = try Self.stream { configuration in
            guard case .video(var video) = configuration.kind else { return }
            video.frameRate = nil
            configuration.kind = .video(video)
        }
        let owner = await fixture.own(stream)
        var listed = 0
        for item in stream.entries {
            owner.receive(item.entry, id: item.id)
            guard let master = owner.session.masterPlaylist(prefix: "", wholeSession: false) else { continue }
            listed += 1
            #expect(!master.contains("RESOLUTION") || master.contains("FRAME-RATE=30.000"))
        }
        #expect(listed > 0)
    }
}
