import Telemetry
import Foundation
import HLS
import HTTPServing
import ISOBMFF
import Media
import MediaBus
import Reactor
import TestSupport
import Testing

@testable import Origin

@Suite struct LiveRoutesTests {
    private struct Missing: Error {}

    static let stream = "/live/\(SyntheticStream.streamID)"
    static let session = "\(stream)/\(SyntheticStream.sessionID)"

    @Test func `the master names both tracks with their codecs`() async throws {
        let fixture = try OriginFixture()
        let owner = await fixture.own(try SyntheticStream.make(seconds: 5, withEnd: false))
        for item in try SyntheticStream.make(seconds: 5, withEnd: false).entries {
            owner.receive(item.entry, id: item.id)
        }
        let master = await fixture.get("\(Self.stream)/index.m3u8")
        #expect(master.status == 200)
        #expect(master.headers["cache-control"] == "no-store")
        #expect(master.text.contains("\(SyntheticStream.sessionID)/0/live.m3u8"))
        #expect(master.text.contains("mp4a.40.2\""))
        #expect(master.text.contains("RESOLUTION=320x180,FRAME-RATE=30.000"))
        let own = await fixture.get("\(Self.session)/index.m3u8", query: [("dvr", "1")])
        #expect(own.text.contains("\n0/dvr.m3u8"))
    }

    @Test(arguments: [150, 6])
    func `the master names the rate that was measured where the publisher names none`(
        pictures: Int
    ) async throws {
        let fixture = try OriginFixture()
        var video = try RecordedTrack.video(seconds: 5, gop: 60)
        // Six are one part, and that of a session that is over.
        video.samples.removeLast(video.samples.count - pictures)
        guard case .video(var shape) = video.configuration.kind else { throw Missing() }
        shape.frameRate = nil
        video.configuration.kind = .video(shape)
        let stream = SyntheticStream.make(of: [video], withEnd: pictures == 6)
        let owner = await fixture.own(stream)
        for item in stream.entries { owner.receive(item.entry, id: item.id) }
        let master = await fixture.get("\(Self.stream)/index.m3u8")
        #expect(master.text.contains("FRAME-RATE=30.000"))
    }

    @Test func `every listed part and segment is what the packager made`() async throws {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 5, withEnd: false)
        let owner = await fixture.own(stream)
        for item in stream.entries { owner.receive(item.entry, id: item.id) }
        for part in stream.parts().dropLast(2) {
            let answer = await fixture.get("\(Self.session)/\(part.head.track)/\(part.head.id).m4s")
            #expect(answer.body == part.bytes)
            #expect(answer.headers["cache-control"]?.contains("immutable") == true)
        }
        let segment = await fixture.get("\(Self.session)/0/1.m4s")
        let expected = stream.parts().filter { $0.head.track.rawValue == 0 && $0.head.id.mediaSequence == 1 }
        #expect(segment.body == expected.flatMap(\.bytes))
        #expect(segment.headers["content-type"] == "video/mp4")
        #expect(await fixture.get("\(Self.session)/1/1.m4s").headers["content-type"] == "audio/mp4")
    }

    @Test(arguments: [
        "/live/x/index.m3u8", "/live/aaaaaaaaaaaaaaaaaaaaaaaaa1/index.m3u8", "\(stream)/bbbb/index.m3u8",
        "\(session)/9/live.m3u8", "\(session)/x/live.m3u8", "\(session)/0/99.m4s", "\(session)/0/0.99.m4s",
        "\(session)/0/00.m4s", "\(session)/0/init-2.mp4", "\(session)/0/4294967296.m4s",
        "\(session)/0/9.9.9.m4s",
        "\(session)/0/..m4s", "\(stream)/cccccccccccccccccccccccccc/0/0.m4s", "\(session)/0/+1.m4s",
    ])
    func `what is not there is a problem document that is not cached`(path: String) async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 3))
        let answer = await fixture.get(path)
        #expect(answer.status == 404)
        #expect(answer.headers["cache-control"] == "no-store")
        #expect(answer.headers["content-type"] == "application/problem+json")
    }

    @Test func `a viewer of another stream sees nothing`() async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 3))
        let path = "\(Self.stream)/index.m3u8"
        #expect(
            await fixture.get(path, headers: ["x-martlet-streams": "cccccccccccccccccccccccccc"]).status
                == 404
        )
        #expect(
            await fixture.get(path, headers: ["x-martlet-streams": SyntheticStream.streamID]).status == 200
        )
        #expect(await fixture.get(path, headers: ["x-martlet-streams": "*"]).status == 200)
        let several = "cccccccccccccccccccccccccc,\(SyntheticStream.streamID)"
        #expect(await fixture.get(path, headers: ["x-martlet-streams": several]).status == 200)
    }

    @Test func `a blocked playlist is answered by the part it waits for`() async throws {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 5, withEnd: false)
        let owner = await fixture.own(stream)
        for item in stream.entries[..<120] { owner.receive(item.entry, id: item.id) }
        let edge = owner.session.read { $0.timelines[TrackID(rawValue: 0)]?.edge ?? LiveEdge() }
        let (number, part) = (edge.growingMediaSequence, edge.growingPartCount)
        async let held = fixture.get(
            "\(Self.session)/0/live.m3u8",
            query: [("_HLS_msn", "\(number)"), ("_HLS_part", "\(part)")]
        )
        async let hinted = fixture.get("\(Self.session)/0/\(number).\(part).m4s")
        try await fixture.wait { fixture.measures.heldRequests.current >= 2 }
        for item in stream.entries[120...] { owner.receive(item.entry, id: item.id) }
        #expect(await held.text.contains("\"\(number).\(part).m4s\""))
        #expect(await hinted.status == 200)
        let tooFar = await fixture.get("\(Self.session)/0/live.m3u8", query: [("_HLS_msn", "1000")])
        #expect(tooFar.status == 400)
        let malformed = await fixture.get("\(Self.session)/0/live.m3u8", query: [("_HLS_part", "0")])
        #expect(malformed.status == 400)
    }

    @Test func `what never comes is given up`() async throws {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 3, withEnd: false)
        let owner = await fixture.own(stream)
        for item in stream.entries { owner.receive(item.entry, id: item.id) }
        async let held = fixture.get("\(Self.session)/0/live.m3u8", query: [("_HLS_msn", "2")])
        // A request is counted a moment before it waits.
        try await fixture.wait { owner.session.read { $0.waiters.count > 0 } }
        owner.session.expireWaiters(at: .max)
        #expect(await held.status == 503)
    }

    @Test func `at the end both playlists are whole and the master names the whole one`() async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try SyntheticStream.make(seconds: 5))
        let master = await fixture.get("\(Self.stream)/index.m3u8")
        #expect(master.text.contains("0/dvr.m3u8"))
        let live = await fixture.get("\(Self.session)/0/live.m3u8", query: [("_HLS_msn", "77")])
        #expect(live.text.hasSuffix("#EXT-X-ENDLIST\n"))
        let whole = await fixture.get("\(Self.session)/0/dvr.m3u8")
        #expect(whole.text.contains("#EXT-X-PLAYLIST-TYPE:EVENT"))
        #expect(whole.text.hasSuffix("2.m4s\n#EXT-X-ENDLIST\n"))
    }

    @Test func `ffmpeg decodes every frame of the replay, from memory and from the volume`() async throws {
        let stream = try SyntheticStream.make(seconds: 6)
        let first = try OriginFixture()
        _ = await first.feedAll(stream)
        // Another process, which has never seen the stream live.
        let second = try OriginFixture(folder: first.folder)
        for fixture in [first, second] {
            try await fixture.serving { base in
                let url = "\(base)\(Self.stream)/index.m3u8"
                let decoded = try await ExternalTool.succeedOnThread(
                    "ffmpeg",
                    ["-v", "warning", "-i", url, "-map", "0:v", "-f", "framemd5", "-"]
                )
                let frames = decoded.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
                #expect(frames.count == 180)
                #expect(Set(frames.compactMap { $0.split(separator: ",").last }).count == 180)
                let sound = try await ExternalTool.succeedOnThread(
                    "ffprobe",
                    [
                        "-v", "error", "-select_streams", "a", "-count_packets", "-show_entries",
                        "stream=nb_read_packets", "-of", "csv=p=0", url,
                    ]
                )
                #expect((Int(sound.text.split(separator: "\n").first ?? "") ?? 0) >= 281)
            }
        }
        let segment = await second.get("\(Self.session)/0/1.m4s")
        #expect(segment.comesFromFile)
        #expect(segment.body == (await first.get("\(Self.session)/0/1.m4s")).body)
    }

    @Test func `a session that was cut off by a crash goes on without a lost frame`() async throws {
        let stream = try SyntheticStream.make(seconds: 6)
        let first = try OriginFixture()
        let owner = await first.own(stream)
        for item in stream.entries[..<200] { owner.receive(item.entry, id: item.id) }
        await first.volume.drained()
        let second = try OriginFixture(folder: first.folder)
        let folder = SessionFolder(
            root: first.folder,
            streamID: SyntheticStream.streamID,
            sessionID: SyntheticStream.sessionID
        )
        let stored = try #require(folder.contents())
        guard case .after(let position) = StreamOwner.start(after: stored, in: stream.description) else {
            Issue.record("nothing is stored")
            return
        }
        let successor = await second.own(stream)
        for item in stream.entries where item.id > position { successor.receive(item.entry, id: item.id) }
        await second.volume.drained()
        let expected = stream.parts().filter { $0.head.track.rawValue == 0 }.flatMap(\.bytes)
        var found: [UInt8] = []
        for number in 0..<3 { found += await second.get("\(Self.session)/0/\(number).m4s").body }
        #expect(found == expected)
        let playlist = await second.get("\(Self.session)/0/dvr.m3u8").text
        #expect(!playlist.contains("GAP") && !playlist.contains("DISCONTINUITY\n"))
    }

    @Test func `parts beyond the memory limit come from the volume`() async throws {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 10, withEnd: false)
        let owner = await fixture.own(stream)
        for item in stream.entries { owner.receive(item.entry, id: item.id) }
        await fixture.volume.drained()
        owner.session.evict(downTo: 100_000)
        let memory = owner.session.read { $0.timelines.values.reduce(0) { $0 + $1.memoryByteCount } }
        #expect(memory <= 150_000)
        let answer = await fixture.get("\(Self.session)/0/0.0.m4s")
        let first = stream.parts().first { $0.head.track.rawValue == 0 }?.bytes
        #expect(answer.comesFromFile && answer.body == first)
    }
}
