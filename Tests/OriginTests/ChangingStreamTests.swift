import Contracts
import Foundation
import HTTPServing
import Media
import MediaBus
import Reactor
import TestSupport
import Testing

@testable import Origin

/// Publishers that come back with another picture, sound alone, and volumes that refuse.
@Suite struct ChangingStreamTests {
    static let gapSeconds: Int64 = 3

    /// Two epochs of one session; the second comes three seconds later with a picture of another size.
    static func reconnecting() throws -> SyntheticStream {
        let first = [try RecordedTrack.video(seconds: 4), try RecordedTrack.audio(seconds: 4)]
        var second = [
            try RecordedTrack.video(seconds: 4, width: 160, height: 120), try RecordedTrack.audio(seconds: 4),
        ]
        second[0].configuration.generation = 2
        var stream = SyntheticStream.make(of: first, withEnd: false)
        var stamper = Stamper(partTarget: 0.3, resuming: stream.stamper.resumePoint)
        stamper.setTracks(second.map(\.configuration))
        stream.append(second, stamper: &stamper, epoch: 2, after: 4 + gapSeconds)
        stream.configurations.append(second[0].configuration)
        stream.description.tracks[0].generation = 2
        stream.description.anchors.append(
            .init(decodeTime: 17, discontinuity: 1, wallClock: 1_767_323_052_000_000)
        )
        stream.appendEnd(epoch: 2)
        return stream
    }

    @Test func `a publisher that comes back with another picture goes on behind a discontinuity`()
        async throws
    {
        let fixture = try OriginFixture()
        let stream = try Self.reconnecting()
        _ = await fixture.feedAll(stream)
        for track in 0...1 {
            let text = await fixture.get("\(LiveRoutesTests.session)/\(track)/dvr.m3u8").text
            let lines = text.split(separator: "\n").map(String.init)
            #expect(lines.filter { $0 == "#EXT-X-DISCONTINUITY" }.count == 1)
            #expect(!text.contains("GAP"))
        }
        let video = await fixture.get("\(LiveRoutesTests.session)/0/dvr.m3u8").text
        let change = """
            #EXT-X-DISCONTINUITY
            #EXT-X-MAP:URI="init-2.mp4"
            #EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:12
            """
        #expect(video.contains(change))
        try await fixture.serving { base in
            let played = try await ExternalTool.succeedOnThread(
                "ffmpeg",
                [
                    "-v", "error", "-i", "\(base)\(LiveRoutesTests.session)/file.mp4", "-map", "0:v", "-vf",
                    "scale=160:120", "-f", "framemd5", "-",
                ]
            )
            #expect(played.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.count >= 240)
            let facts = try await ExternalTool.succeedOnThread(
                "ffprobe",
                [
                    "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0",
                    "\(base)\(LiveRoutesTests.session)/file.mp4",
                ]
            )
            #expect(abs((Double(facts.text) ?? 0) - Double(8 + Self.gapSeconds)) < 0.2)
        }
    }

    @Test func `the checker finds no broken rule in a session with a break`() async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try Self.reconnecting())
        try await fixture.serving { base in
            for name in ["index.m3u8", "index.m3u8?dvr=1"] {
                let url = "\(base)\(LiveRoutesTests.session)/\(name)"
                let report = try await ConformanceTests.check(url, seconds: 1)
                #expect(report.status == 0, "\(report.text)\n\(report.errors)")
            }
        }
    }

    @Test func `ffmpeg plays the DASH manifest, breaks included`() async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try Self.reconnecting())
        try await fixture.serving { base in
            let url = "\(base)\(LiveRoutesTests.stream)/manifest.mpd"
            let manifest = await fixture.get("\(LiveRoutesTests.session)/manifest.mpd").text
            #expect(manifest.components(separatedBy: "<Period ").count == 3)
            #expect(manifest.contains("start=\"PT7.000S\""))
            // ffmpeg plays the first period only.
            let played = try await ExternalTool.succeedOnThread(
                "ffprobe",
                [
                    "-v", "error", "-select_streams", "v", "-count_packets", "-show_entries",
                    "stream=nb_read_packets", "-of", "csv=p=0", url,
                ]
            )
            #expect((Int(played.text.split(separator: "\n").first ?? "") ?? 0) >= 120, "\(played.text)")
        }
    }

    @Test func `a feed tells of the break and sends the new init segment before its first part`() async throws
    {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(try Self.reconnecting())
        let response = await fixture.get(FeedTests.path, query: [("from", "0.0")])
        let frames = try await FeedTests.frames(of: response) { _ in }
        let first = frames.firstIndex { $0.kind == 2 && $0.track == 0 && $0.generation == 2 } ?? 0
        let before = frames[..<first].filter { $0.track == 0 }
        #expect(before.contains { $0.kind == 4 })
        #expect(before.contains { $0.kind == 1 && $0.generation == 2 })
        #expect(frames.filter { $0.kind == 1 }.count == 3)
    }

    @Test func `sound alone has a master, segments and parts of its own`() async throws {
        let fixture = try OriginFixture()
        _ = await fixture.feedAll(SyntheticStream.make(of: [try RecordedTrack.audio(seconds: 7)]))
        try await fixture.serving { base in
            let url = "\(base)\(LiveRoutesTests.stream)/index.m3u8"
            let report = try await ConformanceTests.check(url, seconds: 1)
            #expect(report.status == 0, "\(report.text)\n\(report.errors)")
            let facts = try await ExternalTool.succeedOnThread(
                "ffprobe",
                [
                    "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of",
                    "csv=p=0", url,
                ]
            )
            #expect((Int(facts.text.split(separator: "\n").first ?? "") ?? 0) >= 328)
        }
    }

    @Test func `a volume that refuses stops the recording, and live goes on from memory`() async throws {
        let folder = try TemporaryFolder.make("refusing")
        try Data().write(to: folder.appendingPathComponent("live"))
        let fixture = try OriginFixture(folder: folder.path)
        let stream = try SyntheticStream.make(seconds: 6, withEnd: false)
        let owner = await fixture.own(stream)
        for item in stream.entries { owner.receive(item.entry, id: item.id) }
        try await fixture.wait { !owner.session.read { $0.isRecording } }
        let live = await fixture.get("\(LiveRoutesTests.session)/0/live.m3u8")
        #expect(live.status == 200)
        #expect(live.text.contains("2.m4s") || live.text.contains("2.0.m4s"))
        #expect(await fixture.get("\(LiveRoutesTests.session)/0/0.m4s").status == 200)
        #expect(await fixture.get("\(LiveRoutesTests.stream)/index.m3u8").text.contains("0/live.m3u8"))
        #expect(await fixture.get(MovieFileTests.path).status == 404)
    }

    @Test func `a recording that failed stays so, whoever goes on with it after a restart`() async throws {
        let first = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 12)
        let parts = [stream.entries[..<200], stream.entries[200..<400], stream.entries[600...]]
        var owner = await first.own(stream)
        for item in parts[0] { owner.receive(item.entry, id: item.id) }
        await first.volume.drained()
        let folder = SessionFolder(path: owner.session.folder)

        // The extents that the next owner would write are there already.
        let second = try OriginFixture(folder: first.folder)
        owner = await second.own(stream)
        let epoch = try #require(folder.contents()).nextEpoch
        for track in 0...1 { try FileSystem.makeFolder("\(folder.path)/\(track).\(epoch).0.index") }
        for item in parts[1] { owner.receive(item.entry, id: item.id) }
        try await second.wait { !owner.session.read { $0.isRecording } }
        await second.volume.drained()
        #expect(folder.record?.state == .failed)
        owner.tracksChanged(stream.description, tracks: stream.configurations)
        await second.volume.drained()
        #expect(folder.record?.state == .failed, "what the publisher changes makes no recording of it")
        let reason = try #require(folder.record?.failure)
        #expect(reason.contains("exists"))
        owner.abandon()

        let third = try OriginFixture(folder: first.folder)
        owner = await third.own(stream)
        #expect(owner.failure == reason)
        owner.gap(after: parts[0].last?.id, next: parts[2][600].id)
        for item in parts[2] { owner.receive(item.entry, id: item.id) }
        await third.volume.drained()
        #expect(folder.record?.state == .failed && folder.record?.failure == reason)
        let listed = await third.get("\(LiveRoutesTests.session)/0/dvr.m3u8").text
        #expect(listed.contains("#EXT-X-GAP") && listed.contains("#EXT-X-ENDLIST"))
        #expect(await third.get("\(LiveRoutesTests.session)/0/5.m4s").status == 200)
    }

    @Test func `a segment of which only the beginning came is as long as that, and the next one is dated`()
        async throws
    {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 8)
        let owner = await fixture.own(stream)
        // Of the second segment, from 2 to 4 s, the entries of its last second are lost.
        let lost = stream.entries.indices.filter { index in
            stream.entries[index].entry.samples.contains { sample in
                let timescale = stream.configurations[Int(sample.track.rawValue)].timescale
                return (13.0..<13.9).contains(Double(sample.decodeTime) / Double(timescale))
            }
        }
        for (index, item) in stream.entries.enumerated() where !lost.contains(index) {
            if index == (lost.last ?? 0) + 1 { owner.gap(after: nil, next: item.id) }
            owner.receive(item.entry, id: item.id)
        }
        await fixture.volume.drained()
        for track in 0...1 {
            let path = "\(LiveRoutesTests.session)/\(track)/dvr.m3u8"
            let text = await fixture.get(path).text
            let lengths = text.split(separator: "\n").filter { $0.hasPrefix("#EXTINF:") }
                .compactMap { Double($0.dropFirst(8).dropLast()) }
            try #require(lengths.count == 4)
            #expect(lengths[1] > 0.5 && lengths[1] < 1.1, "\(lengths)")
            #expect(abs(lengths[2] - 2) < 0.1)
            let dates = text.split(separator: "\n").filter { $0.hasPrefix("#EXT-X-PROGRAM-DATE-TIME:") }
            #expect(dates.count == 2)
            #expect(dates.last?.contains("03:04:09.") == true, "\(dates)")
            let again = try OriginFixture(folder: fixture.folder)
            #expect(await again.get(path).text == text)
        }
    }

    @Test func `what became of a session is written as soon as the volume takes it`() async throws {
        let fixture = try OriginFixture()
        let stream = try SyntheticStream.make(seconds: 4)
        let owner = await fixture.own(stream)
        for item in stream.entries.dropLast() { owner.receive(item.entry, id: item.id) }
        await fixture.volume.drained()
        let folder = SessionFolder(path: owner.session.folder)
        let obstacle = "\(folder.path)/\(SessionFolder.recordName).new"
        try FileSystem.makeFolder(obstacle)
        if let end = stream.entries.last { owner.receive(end.entry, id: end.id) }
        await fixture.volume.drained()
        #expect(folder.record?.state == .recording)
        FileSystem.removeFolder(obstacle)
        try await fixture.wait { folder.record?.state == .complete }
    }

    @Test func `a session that is not recorded lives in memory alone`() async throws {
        let fixture = try OriginFixture()
        var stream = try SyntheticStream.make(seconds: 4)
        stream.description.record = false
        _ = await fixture.feedAll(stream)
        #expect(await fixture.get("\(LiveRoutesTests.session)/0/0.m4s").status == 200)
        #expect(await fixture.get("\(LiveRoutesTests.session)/0/dvr.m3u8").status == 404)
        #expect(await fixture.get("\(LiveRoutesTests.stream)/index.m3u8").text.contains("0/live.m3u8"))
        #expect(FileSystem.names(in: fixture.folder).isEmpty)
        fixture.directory.sweep(at: EventLoop.now &+ 70_000_000_000)
        #expect(await fixture.get("\(LiveRoutesTests.session)/0/0.m4s").status == 404)
    }

    @Test func `a session that ended gives its memory back and is served from the volume`() async throws {
        let fixture = try OriginFixture()
        let session = await fixture.feedAll(try SyntheticStream.make(seconds: 4))
        fixture.directory.sweep(at: EventLoop.now)
        #expect(session.memoryByteCount < 40_000)
        let segment = await fixture.get("\(LiveRoutesTests.session)/0/0.m4s")
        #expect(segment.comesFromFile)
    }
}
