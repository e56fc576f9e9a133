import Contracts
import HTTPServing
import Media
import MediaBus
import Synchronization
import TestSupport
import Testing

@testable import Origin

/// A stream whose picture comes in two sizes, as ingest puts it on the bus.
private struct LayeredStream {
    static let layer = "l"

    var main: SyntheticStream
    var layer: SyntheticStream

    static func make(seconds: Int) throws -> LayeredStream {
        let track = try #require(RenditionName.layer(layer)?.layerTrack)
        let tracks = [
            try RecordedTrack.video(seconds: seconds, bFrames: 0, width: 640, height: 360),
            try RecordedTrack.audio(seconds: seconds),
            try RecordedTrack.video(seconds: seconds, bFrames: 0, track: track.rawValue),
        ]
        let both = SyntheticStream.make(of: tracks, withEnd: false)
        var main = both.keeping { !$0.isLayer }
        main.description.layers = [
            .init(rid: "h", rendition: nil, width: 640, height: 360, bitrate: 0),
            .init(rid: layer, rendition: "r-\(layer)", width: 320, height: 180, bitrate: 0),
        ]
        return LayeredStream(main: main, layer: both.keeping(\.isLayer).renumbered())
    }
}

extension SyntheticStream {
    /// The entries of some tracks, numbered anew.
    fileprivate func keeping(_ isKept: (TrackID) -> Bool) -> SyntheticStream {
        var stream = self
        let kept = entries.filter { item in item.entry.samples.allSatisfy { isKept($0.track) } }
        stream.entries = kept.enumerated().map { index, item in
            (item.entry, BusEntryID(epoch: item.id.epoch, counter: UInt64(index) + 1))
        }
        stream.configurations = configurations.filter { isKept($0.track) }
        stream.description.tracks = stream.configurations.map {
            .init(track: $0.track.rawValue, generation: $0.generation)
        }
        return stream
    }

    /// The one track of a rendition as the number that the publisher's picture has.
    fileprivate func renumbered() -> SyntheticStream {
        var stream = self
        for index in stream.entries.indices {
            for sample in stream.entries[index].entry.samples.indices {
                stream.entries[index].entry.samples[sample].track = TrackID(rawValue: 0)
            }
        }
        stream.configurations[0].track = TrackID(rawValue: 0)
        stream.description.tracks[0].track = 0
        return stream
    }
}

/// What an owner follows, for tests that feed it themselves.
private final class FollowedLayers: Sendable {
    private let handlers = Mutex<[RenditionName: (start: BusStart, handler: any BusStreamHandler)]>([:])

    var source: LayerSource {
        LayerSource(
            follow: { name, start, handler in self.handlers.withLock { $0[name] = (start, handler) } },
            unfollow: { name in _ = self.handlers.withLock { $0.removeValue(forKey: name) } }
        )
    }

    var names: Set<String> { Set(handlers.withLock { $0.keys.map(\.description) }) }

    func start(of name: String) -> BusStart? { entry(name)?.start }

    func handler(of name: String) -> (any BusStreamHandler)? { entry(name)?.handler }

    private func entry(_ name: String) -> (start: BusStart, handler: any BusStreamHandler)? {
        RenditionName(parsing: name).flatMap { name in handlers.withLock { $0[name] } }
    }
}

@Suite struct LayerFeedTests {
    private static let session = LiveRoutesTests.session

    /// Feeds both streams side by side, up to a part of their entries.
    private func feed(_ stream: LayeredStream, to owner: StreamOwner, _ layers: FollowedLayers) async throws {
        owner.tracksChanged(stream.main.description, tracks: stream.main.configurations)
        #expect(layers.names == ["r-l"])
        let layer = try #require(layers.handler(of: "r-l"))
        layer.tracksChanged(stream.layer.description, tracks: stream.layer.configurations)
        for index in 0..<max(stream.main.entries.count, stream.layer.entries.count) {
            if stream.main.entries.indices.contains(index) {
                owner.receive(stream.main.entries[index].entry, id: stream.main.entries[index].id)
            }
            if stream.layer.entries.indices.contains(index) {
                layer.receive(stream.layer.entries[index].entry, id: stream.layer.entries[index].id)
            }
        }
    }

    private func variants(_ master: String) -> [String] {
        master.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
    }

    private func segments(_ playlist: String) -> [String] {
        playlist.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
    }

    @Test func `a layer is a variant whose segments begin with the picture's, and is recorded`() async throws
    {
        let fixture = try OriginFixture()
        let layers = FollowedLayers()
        let stream = try LayeredStream.make(seconds: 7)
        let owner = await fixture.own(stream.main, layers: layers.source)
        try await feed(stream, to: owner, layers)

        let master = await fixture.get("\(Self.session)/index.m3u8").text
        #expect(master.contains("RESOLUTION=640x360") && master.contains("RESOLUTION=320x180"))
        let named = variants(master)
        #expect(named.count == 2 && named[0] == "0/live.m3u8")
        let small = try #require(named.last)
        let picture = await fixture.get("\(Self.session)/0/live.m3u8").text
        let layer = await fixture.get("\(Self.session)/\(small)").text
        #expect(segments(picture).count >= 3 && segments(picture) == segments(layer))
        let dates = [picture, layer].map { $0.split(separator: "\n").filter { $0.contains("DATE-TIME") } }
        #expect(dates[0] == dates[1])
        #expect(picture.contains("EXT-X-RENDITION-REPORT:URI=\"../\(small)\""))
        #expect(layer.contains("EXT-X-RENDITION-REPORT:URI=\"../0/live.m3u8\""))

        let end = BusEntry(flags: .endOfSession, keyframeCounter: 1, samples: [])
        owner.receive(end, id: BusEntryID(epoch: 1, counter: 1 << 40))
        #expect(layers.names.isEmpty)
        await fixture.volume.drained()
        let again = try OriginFixture(folder: fixture.folder)
        let stored = await again.get("\(Self.session)/index.m3u8").text
        #expect(variants(stored).count == 2)
        for variant in variants(stored) {
            let playlist = await again.get("\(Self.session)/\(variant)").text
            #expect(playlist.contains("#EXT-X-ENDLIST") && playlist.contains("#EXTINF:2.00000,"))
        }
        // The file has the best layer and the sound.
        try await again.serving { base in
            let facts = try await ExternalTool.succeedOnThread(
                "ffprobe",
                [
                    "-v", "error", "-show_entries", "stream=width", "-of", "csv=p=0",
                    "\(base)\(Self.session)/file.mp4",
                ]
            )
            #expect(facts.text.split(separator: "\n").filter { $0 != "N/A" } == ["640"])
        }
    }

    @Test func `an owner that begins anew goes on after what is stored of the layer`() async throws {
        let fixture = try OriginFixture()
        let stream = try LayeredStream.make(seconds: 5)
        let first = FollowedLayers()
        let owner = await fixture.own(stream.main, layers: first.source)
        try await feed(stream, to: owner, first)
        #expect(first.start(of: "r-l") == .beginning)
        owner.handOver()
        #expect(first.names.isEmpty)
        await fixture.volume.drained()

        let again = try OriginFixture(folder: fixture.folder)
        let second = FollowedLayers()
        let successor = await again.own(stream.main, layers: second.source)
        guard case .after(let id)? = second.start(of: "r-l") else {
            Issue.record("the layer is read from its beginning")
            return
        }
        #expect(id.epoch == 1 && id.counter > 100 && id.counter < UInt64(stream.layer.entries.count))
        try await feed(stream, to: successor, second)
        let named = variants(await again.get("\(Self.session)/index.m3u8").text)
        let small = try #require(named.last)
        let numbers = segments(await again.get("\(Self.session)/\(small)").text)
        #expect(numbers == segments(await again.get("\(Self.session)/0/live.m3u8").text))
    }

    @Test func `a publisher that comes back with one picture has one variant`() async throws {
        let fixture = try OriginFixture()
        let layers = FollowedLayers()
        var stream = try LayeredStream.make(seconds: 3)
        let owner = await fixture.own(stream.main, layers: layers.source)
        try await feed(stream, to: owner, layers)
        stream.main.description.layers = nil
        owner.tracksChanged(stream.main.description, tracks: stream.main.configurations)
        #expect(layers.names.isEmpty)
        #expect(variants(await fixture.get("\(Self.session)/index.m3u8").text) == ["0/live.m3u8"])
    }

    @Test func `a layer that comes back goes on where it was left`() async throws {
        let fixture = try OriginFixture()
        let layers = FollowedLayers()
        let stream = try LayeredStream.make(seconds: 5)
        let owner = await fixture.own(stream.main, layers: layers.source)
        try await feed(stream, to: owner, layers)
        let name = try #require(variants(await fixture.get("\(Self.session)/index.m3u8").text).last)

        var without = stream.main.description
        without.layers = nil
        owner.tracksChanged(without, tracks: stream.main.configurations)
        owner.tracksChanged(stream.main.description, tracks: stream.main.configurations)
        let newest = try #require(stream.layer.entries.last)
        #expect(layers.start(of: "r-l") == .after(newest.id))
        // Even a bus that tells it all again brings nothing twice.
        let layer = try #require(layers.handler(of: "r-l"))
        for item in stream.layer.entries { layer.receive(item.entry, id: item.id) }
        let playlist = await fixture.get("\(Self.session)/\(name)").text
        #expect(segments(playlist) == ["0.m4s", "1.m4s", "2.m4s"])
        let parts = playlist.split(separator: "\n").filter { $0.hasPrefix("#EXT-X-PART:") }
        #expect(parts.count > 10 && Set(parts).count == parts.count)
    }

    @Test func `a publisher that comes back with other layers leaves none of the old ones`() async throws {
        let fixture = try OriginFixture()
        let layers = FollowedLayers()
        let stream = try LayeredStream.make(seconds: 3)
        let owner = await fixture.own(stream.main, layers: layers.source)
        try await feed(stream, to: owner, layers)
        for number in 0..<40 {
            var other = stream.main.description
            other.layers?[1].rid = "x\(number)"
            other.layers?[1].rendition = "r-x\(number)"
            owner.tracksChanged(other, tracks: stream.main.configurations)
            #expect(layers.names.isSubset(of: ["r-x\(number)"]))
        }
        #expect(layers.names.isEmpty, "sixteen layers of one session are enough")
        #expect(variants(await fixture.get("\(Self.session)/index.m3u8").text) == ["0/live.m3u8"])
    }
}
