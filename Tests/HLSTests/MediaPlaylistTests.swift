import HLS
import Testing

@Suite struct MediaPlaylistTests {
    /// 2026-01-02T03:04:05.678Z.
    static let start: Int64 = 1_767_323_045_678_000

    static func segment(
        _ number: Int,
        parts: Int = 7,
        isComplete: Bool = true,
        map: String = "init-1.mp4"
    )
        -> MediaPlaylist.Segment
    {
        MediaPlaylist.Segment(
            uri: "\(number).m4s",
            duration: isComplete ? 2 : nil,
            parts: (0..<parts).map {
                .init(uri: "\(number).\($0).m4s", duration: $0 < 6 ? 0.3 : 0.2, isIndependent: $0 == 0)
            },
            mapURI: map,
            programDateTime: start + Int64(number) * 2_000_000
        )
    }

    static func live(_ numbers: Range<Int>, growingParts: Int) -> MediaPlaylist {
        MediaPlaylist(
            kind: .live(partTarget: 0.3),
            mediaSequence: UInt32(numbers.lowerBound),
            discontinuitySequence: 0,
            segments: numbers.map { segment($0) }
                + [segment(numbers.upperBound, parts: growingParts, isComplete: false)],
            preloadHintURI: "\(numbers.upperBound).\(growingParts).m4s",
            renditionReports: [
                .init(
                    uri: "../1/live.m3u8",
                    lastMediaSequence: UInt32(numbers.upperBound),
                    lastPart: growingParts - 1
                )
            ]
        )
    }

    @Test func `writes a live playlist with parts`() {
        #expect(
            Self.live(5..<6, growingParts: 2).text() == """
                #EXTM3U
                #EXT-X-VERSION:9
                #EXT-X-TARGETDURATION:4
                #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=12.0,PART-HOLD-BACK=0.900,CAN-SKIP-UNTIL=24.0
                #EXT-X-PART-INF:PART-TARGET=0.30000
                #EXT-X-MEDIA-SEQUENCE:5
                #EXT-X-DISCONTINUITY-SEQUENCE:0
                #EXT-X-MAP:URI="init-1.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:15.678Z
                #EXT-X-PART:DURATION=0.30000,URI="5.0.m4s",INDEPENDENT=YES
                #EXT-X-PART:DURATION=0.30000,URI="5.1.m4s"
                #EXT-X-PART:DURATION=0.30000,URI="5.2.m4s"
                #EXT-X-PART:DURATION=0.30000,URI="5.3.m4s"
                #EXT-X-PART:DURATION=0.30000,URI="5.4.m4s"
                #EXT-X-PART:DURATION=0.30000,URI="5.5.m4s"
                #EXT-X-PART:DURATION=0.20000,URI="5.6.m4s"
                #EXTINF:2.00000,
                5.m4s
                #EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:17.678Z
                #EXT-X-PART:DURATION=0.30000,URI="6.0.m4s",INDEPENDENT=YES
                #EXT-X-PART:DURATION=0.30000,URI="6.1.m4s"
                #EXT-X-PRELOAD-HINT:TYPE=PART,URI="6.2.m4s"
                #EXT-X-RENDITION-REPORT:URI="../1/live.m3u8",LAST-MSN=6,LAST-PART=1

                """
        )
    }

    @Test func `an event playlist has neither parts nor a date at every segment`() {
        let playlist = MediaPlaylist(
            kind: .event,
            mediaSequence: 0,
            discontinuitySequence: 0,
            segments: [Self.segment(0), Self.segment(1)],
            isEnded: true
        )
        #expect(
            playlist.text() == """
                #EXTM3U
                #EXT-X-VERSION:9
                #EXT-X-TARGETDURATION:4
                #EXT-X-SERVER-CONTROL:HOLD-BACK=12.0
                #EXT-X-PLAYLIST-TYPE:EVENT
                #EXT-X-MEDIA-SEQUENCE:0
                #EXT-X-DISCONTINUITY-SEQUENCE:0
                #EXT-X-MAP:URI="init-1.mp4"
                #EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.678Z
                #EXTINF:2.00000,
                0.m4s
                #EXTINF:2.00000,
                1.m4s
                #EXT-X-ENDLIST

                """
        )
    }

    @Test func `a new configuration brings its init segment and a discontinuity`() {
        var changed = Self.segment(1, map: "init-2.mp4")
        changed.isDiscontinuity = true
        let text = MediaPlaylist(
            kind: .event,
            mediaSequence: 0,
            discontinuitySequence: 3,
            segments: [Self.segment(0), changed]
        ).text()
        #expect(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:3\n"))
        #expect(text.contains("0.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init-2.mp4\"\n#EXT-X-PROGRAM"))
    }

    @Test func `a missing segment is a gap`() {
        var missing = Self.segment(1)
        missing.isGap = true
        let playlist = MediaPlaylist(
            kind: .event,
            mediaSequence: 0,
            discontinuitySequence: 0,
            segments: [Self.segment(0), missing]
        )
        #expect(playlist.text().hasSuffix("#EXT-X-GAP\n#EXTINF:2.00000,\n1.m4s\n"))
    }

    @Test func `parts are listed for the last three target durations only`() {
        let text = Self.live(0..<30, growingParts: 1).text()
        #expect(!text.contains("\"22.0.m4s\""))
        #expect(text.contains("\"24.0.m4s\""))
    }

    @Test func `a delta update leaves out what lies before the boundary and nothing else`() {
        let playlist = Self.live(0..<30, growingParts: 3)
        let lines = playlist.text().split(separator: "\n")
        let delta = playlist.text(skipping: true).split(separator: "\n")
        let skip = delta.firstIndex { $0.hasPrefix("#EXT-X-SKIP:SKIPPED-SEGMENTS=") } ?? 0
        let count = Int(delta[skip].split(separator: "=").last ?? "") ?? 0
        #expect(count == 18)
        let last = lines.firstIndex { $0 == "\(count - 1).m4s" } ?? 0
        #expect(delta[..<skip] + delta[(skip + 1)...] == lines[..<7] + lines[(last + 1)...])
    }

    @Test func `nothing is skipped where all is near the end, or at the end`() {
        let short = Self.live(0..<5, growingParts: 1)
        #expect(short.text(skipping: true) == short.text())
        var ended = Self.live(0..<30, growingParts: 0)
        ended.isEnded = true
        #expect(!ended.text(skipping: true).contains("EXT-X-SKIP"))
    }

    @Test func `an ended live playlist promises nothing more`() {
        var ended = Self.live(0..<3, growingParts: 1)
        ended.segments.removeLast()
        ended.isEnded = true
        let text = ended.text()
        #expect(text.hasSuffix("2.m4s\n#EXT-X-ENDLIST\n"))
        for tag in ["BLOCK-RELOAD", "PRELOAD-HINT", "RENDITION-REPORT", "CAN-SKIP"] {
            #expect(!text.contains(tag))
        }
    }
}
