import Contracts
import Media
import Testing

@Suite struct BusKeysTests {
    @Test func `keys of one stream carry the same hash tag`() {
        #expect(BusKeys.media("abc") == "media:{b11}:abc")
        #expect(BusKeys.media("abc", rendition: "opus") == "media:{b11}:abc:opus")
        #expect(BusKeys.tracks("abc") == "tracks:{b11}:abc")
        #expect(BusKeys.publisher("abc") == "publisher:{b11}:abc")
        #expect(BusKeys.ask("abc") == "ask:{b11}:abc")
        #expect(BusKeys.want("abc") == "want:{b11}:abc")
        #expect(BusKeys.trackField(track: 1, generation: 3) == "1.3")
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
