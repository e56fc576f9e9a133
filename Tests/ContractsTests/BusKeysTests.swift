import Contracts
import Media
import Testing

@Suite struct BusKeysTests {
    @Test func `keys of one stream carry the same hash tag`() {
        #expect(BusKeys.media("abc") == "media:{b11}:abc")
        let opus = BusStreamName("abc", rendition: .opus)
        #expect(BusKeys.media(opus) == "media:{b11}:abc:opus")
        #expect(BusKeys.tracks(opus) == "tracks:{b11}:abc:opus")
        #expect(BusKeys.lease(opus) == "lease:{b11}:abc:opus")
        #expect(BusKeys.epoch(opus) == "epoch:{b11}:abc:opus")
        #expect(BusKeys.attempts(opus) == "attempts:{b11}:abc:opus")
        #expect(BusKeys.tracks("abc") == "tracks:{b11}:abc")
        #expect(BusKeys.publisher("abc") == "publisher:{b11}:abc")
        #expect(BusKeys.ask("abc") == "ask:{b11}:abc")
        #expect(BusKeys.want("abc") == "want:{b11}:abc")
        #expect(BusKeys.trackField(track: 1, generation: 3) == "1.3")
    }

    @Test func `layers have tracks by their names, apart from the publisher's and from each other`() throws {
        let tracks = try ["l", "m", "h", "q", "f", "0", "1", "2", "low", "mid", "high"].map { rid in
            try #require(RenditionName.layer(rid)?.layerTrack)
        }
        #expect(Set(tracks).count == tracks.count)
        for track in tracks { #expect(track.isLayer) }
        #expect(RenditionName.opus.layerTrack == nil)
        #expect(!TrackID(rawValue: 15).isLayer)
    }

    @Test func `a request for a keyframe survives its text, and other texts are none`() throws {
        let layer = KeyframeRequest.layer(try #require(.layer("m")))
        #expect(KeyframeRequest.all.description == "keyframe")
        #expect(layer.description == "keyframe:r-m")
        for request in [.all, layer] { #expect(KeyframeRequest(parsing: request.description) == request) }
        for text in ["", "keyframes", "keyframe:", "keyframe:0", "keyframe:r-", ":r-m"] {
            #expect(KeyframeRequest(parsing: text) == nil)
        }
    }

    @Test func `the name of a rendition survives its text`() throws {
        let layer = try #require(RenditionName.layer("hi-1_A"))
        for name in [.opus, .aac, .withoutBFrames, layer] {
            #expect(RenditionName(parsing: name.description) == name)
            #expect(BusStreamName(parsing: "abc:\(name)") == BusStreamName("abc", rendition: name))
        }
        #expect(BusStreamName(parsing: "abc") == BusStreamName("abc"))
        #expect(RenditionName.withoutBFrames.description == "nob")
        #expect(layer.description == "r-hi-1_A")
        #expect(RenditionName.opus.isMadeOnDemand)
        #expect(!layer.isMadeOnDemand)
    }

    @Test func `what is no name of a rendition is refused`() {
        for text in ["", "Opus", "r-", "r-a:b", "r-\u{e4}", "r-01234567890123456", "vorbis"] {
            #expect(RenditionName(parsing: text) == nil, "\(text)")
        }
        for text in ["", ":opus", "abc:", "abc:vorbis", "abc:opus:"] {
            #expect(BusStreamName(parsing: text) == nil, "\(text)")
        }
    }

    @Test func `a bucket is the FNV-1a hash of the ID modulo 64`() {
        // FNV-1a of "" is 0x811c9dc5, of "a" 0xe40c292c.
        #expect(BusKeys.bucket(of: "") == "b05")
        #expect(BusKeys.bucket(of: "a") == "b44")
    }

    @Test func `a track's description gives back its configuration`() {
        let audio = TrackConfiguration(
            track: TrackID(rawValue: 1),
            generation: 2,
            codec: .aac,
            timescale: 44100,
            decoderConfiguration: [0x12, 0x10],
            codecString: "mp4a.40.2",
            kind: .audio(.init(sampleRate: 44100, channelCount: 2, samplesPerFrame: 1024)),
            language: "en",
            label: "Commentary"
        )
        let video = TrackConfiguration(
            track: TrackID(rawValue: 0),
            generation: 1,
            codec: .h264,
            timescale: 90_000,
            decoderConfiguration: [1, 100, 0, 31],
            codecString: "avc1.64001f",
            kind: .video(.init(width: 640, height: 360, frameRate: 29.97, rotation: 90))
        )
        #expect(TrackDescription(audio).configuration == audio)
        #expect(TrackDescription(video).configuration == video)
    }
}
