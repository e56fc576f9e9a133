import HLS
import Media
import Testing

@Suite struct MasterPlaylistTests {
    static func video(_ track: UInt16, codec: String = "avc1.64001f") -> MasterPlaylist.Rendition {
        .init(
            configuration: TrackConfiguration(
                track: TrackID(rawValue: track),
                generation: 1,
                codec: .h264,
                timescale: 90_000,
                decoderConfiguration: [],
                codecString: codec,
                kind: .video(.init(width: 1280, height: 720, frameRate: 29.97))
            ),
            uri: "s/\(track)/live.m3u8",
            peakBitRate: 3_000_000,
            averageBitRate: 2_500_000
        )
    }

    static func audio(
        _ track: UInt16,
        codec: String = "mp4a.40.2",
        language: String = "und",
        label: String? = nil
    ) -> MasterPlaylist.Rendition {
        .init(
            configuration: TrackConfiguration(
                track: TrackID(rawValue: track),
                generation: 1,
                codec: .aac,
                timescale: 48_000,
                decoderConfiguration: [],
                codecString: codec,
                kind: .audio(.init(sampleRate: 48_000, channelCount: 2)),
                language: language,
                label: label
            ),
            uri: "s/\(track)/live.m3u8",
            peakBitRate: 130_000,
            averageBitRate: 128_000
        )
    }

    @Test func `names the picture with its sound`() {
        #expect(
            MasterPlaylist(renditions: [Self.video(0), Self.audio(1, language: "en")]).text == """
                #EXTM3U
                #EXT-X-VERSION:9
                #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Sound",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,\
                CHANNELS="2",URI="s/1/live.m3u8"
                #EXT-X-STREAM-INF:BANDWIDTH=3130000,AVERAGE-BANDWIDTH=2628000,CODECS="avc1.64001f,mp4a.40.2",\
                RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="sound"
                s/0/live.m3u8

                """
        )
    }

    @Test func `sound alone is a variant`() {
        #expect(
            MasterPlaylist(renditions: [Self.audio(1)]).text == """
                #EXTM3U
                #EXT-X-VERSION:9
                #EXT-X-STREAM-INF:BANDWIDTH=130000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2"
                s/1/live.m3u8

                """
        )
    }

    @Test func `two codings of sound make two groups and names never collide`() {
        let text = MasterPlaylist(renditions: [
            Self.video(0), Self.audio(1, label: "Game"), Self.audio(2, label: "Game"),
            Self.audio(3, codec: "opus"),
        ]).text
        #expect(text.contains("GROUP-ID=\"sound\",NAME=\"Game 2\""))
        #expect(text.contains("GROUP-ID=\"sound-1\",NAME=\"Sound\""))
        #expect(text.contains("CODECS=\"avc1.64001f,opus\""))
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("#EXT-X-STREAM-INF") }.count == 2)
    }

    @Test func `a label cannot break out of its quotes`() {
        let text = MasterPlaylist(renditions: [Self.video(0), Self.audio(1, label: "a\"\n#EXT-X-ENDLIST")])
            .text
        #expect(text.contains("NAME=\"a#EXT-X-ENDLIST\""))
    }
}
