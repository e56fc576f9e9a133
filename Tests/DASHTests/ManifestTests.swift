import DASH
import Media
import Testing

@Suite struct ManifestTests {
    static let video = TrackConfiguration(
        track: TrackID(rawValue: 0),
        generation: 2,
        codec: .h264,
        timescale: 90_000,
        decoderConfiguration: [],
        codecString: "avc1.64001f",
        kind: .video(.init(width: 1280, height: 720, frameRate: 29.97))
    )

    static func period(_ times: [Int64]) -> Manifest.Period {
        let segments = times.enumerated().map { index, time in
            Manifest.Segment(number: UInt32(7 + index), time: time, duration: 180_000)
        }
        return .init(
            id: "p0",
            representations: [.init(configuration: video, bandwidth: 2_000_000, segments: segments)]
        )
    }

    @Test func `writes a whole presentation that begins at zero`() {
        let manifest = Manifest(
            origin: 10,
            periods: [Self.period([900_000, 1_080_000, 1_260_090])],
            live: nil
        )
        #expect(
            manifest.text == """
                <?xml version="1.0" encoding="UTF-8"?>
                <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" \
                minBufferTime="PT2S" maxSegmentDuration="PT5S" type="static" mediaPresentationDuration="PT6.001S">
                 <Period id="p0" start="PT0.000S">
                  <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true">
                   <Representation id="0" codecs="avc1.64001f" bandwidth="2000000" width="1280" height="720" \
                frameRate="30000/1001">
                    <SegmentTemplate timescale="90000" presentationTimeOffset="900000" \
                initialization="0/init-2.mp4" media="0/$Number$.m4s" startNumber="7">
                     <SegmentTimeline>
                      <S t="900000" d="180000" r="1"/>
                      <S t="1260090" d="180000"/>
                     </SegmentTimeline>
                    </SegmentTemplate>
                   </Representation>
                  </AdaptationSet>
                 </Period>
                </MPD>

                """
        )
    }

    @Test func `a live presentation tells its clock and how often to ask again`() {
        let live = Manifest.Live(availabilityStart: 1_767_323_045_000_000, now: 1_767_323_055_500_000)
        let text = Manifest(origin: 10, periods: [Self.period([900_000])], live: live).text
        #expect(text.contains("type=\"dynamic\" availabilityStartTime=\"2026-01-02T03:04:05.000Z\""))
        #expect(text.contains("publishTime=\"2026-01-02T03:04:15.500Z\" minimumUpdatePeriod=\"PT1S\""))
        #expect(text.contains("timeShiftBufferDepth=\"PT600.000S\""))
        #expect(text.contains("urn:mpeg:dash:utc:direct:2014\" value=\"2026-01-02T03:04:15.500Z\""))
    }

    @Test func `what a publisher says cannot break out of its attribute`() {
        var configuration = Self.video
        configuration.language = "\"><x a=\"&"
        let segment = Manifest.Segment(number: 0, time: 900_000, duration: 1)
        let period = Manifest.Period(
            id: "p",
            representations: [.init(configuration: configuration, bandwidth: 0, segments: [segment])]
        )
        let text = Manifest(origin: 10, periods: [period], live: nil).text
        #expect(text.contains("lang=\"&quot;&gt;&lt;x a=&quot;&amp;\""))
    }

    @Test func `absurd numbers do not trap`() {
        var period = Self.period([.min, .max])
        period.representations[0].segments[0].duration = .max
        let live = Manifest.Live(availabilityStart: .min, now: .max)
        #expect(
            !Manifest(origin: -1, periods: [period, .init(id: "", representations: [])], live: live).text
                .isEmpty
        )
    }
}
