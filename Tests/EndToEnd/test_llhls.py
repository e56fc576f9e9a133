"""The LL-HLS checker itself: every rule is broken once, on playlists and on a small server, and noticed."""
import datetime
import http.server
import struct
import threading

import fmp4
import hls_playlist
import llhls
import llhls_master as promises
import llhls_rules as rules
import pytest

START = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


def playlist(first=5, complete=3, growing=2, **changes):
    """The text of a playlist that keeps every rule: segments of 2 s, seven parts each."""
    lines = [
        "#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-TARGETDURATION:4",
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=12.0,PART-HOLD-BACK=0.900,CAN-SKIP-UNTIL=24.0",
        "#EXT-X-PART-INF:PART-TARGET=0.30000", f"#EXT-X-MEDIA-SEQUENCE:{first}",
        "#EXT-X-DISCONTINUITY-SEQUENCE:0", '#EXT-X-MAP:URI="init-1.mp4"',
    ]
    for number in range(first, first + complete + 1):
        is_growing = number == first + complete
        if is_growing and not growing:
            break
        date = START + datetime.timedelta(seconds=2 * number)
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{date.strftime('%Y-%m-%dT%H:%M:%S')}.000Z")
        for part in range(growing if is_growing else 7):
            independent = ",INDEPENDENT=YES" if part == 0 else ""
            length = "0.30000" if part < 6 else "0.20000"
            lines.append(f'#EXT-X-PART:DURATION={length},URI="{number}.{part}.m4s"{independent}')
        if not is_growing:
            lines += ["#EXTINF:2.00000,", f"{number}.m4s"]
    next_part = (first + complete, growing)
    lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{next_part[0]}.{next_part[1]}.m4s"')
    text = "\n".join(lines) + "\n"
    for old, new in changes.get("replace", []):
        assert old in text
        text = text.replace(old, new)
    return hls_playlist.parse_media(text)


def test_a_good_playlist_and_its_reloads_break_nothing():
    assert rules.check_playlist(playlist()) == []
    assert rules.check_reload(playlist(), playlist(growing=3)) == []
    assert rules.check_reload(playlist(), playlist(complete=4, growing=0)) == []
    assert rules.check_reload(playlist(complete=9), playlist(first=6, complete=9)) == []


@pytest.mark.parametrize("old, new, said", [
    ("DURATION=0.30000,URI=\"5.1", "DURATION=0.31000,URI=\"5.1", "longer than the part target"),
    ("DURATION=0.30000,URI=\"5.1", "DURATION=0.20000,URI=\"5.1", "shorter than 85 %"),
    ("PART-HOLD-BACK=0.900", "PART-HOLD-BACK=0.500", "less than twice"),
    ("PART-HOLD-BACK=0.900", "PART-HOLD-BACK=0.700", "should be three times"),
    ("HOLD-BACK=12.0", "HOLD-BACK=8.0", "less than three target durations"),
    ("CAN-SKIP-UNTIL=24.0", "CAN-SKIP-UNTIL=12.0", "less than six"),
    ("CAN-BLOCK-RELOAD=YES,", "", "block reloads"),
    ("#EXTINF:2.00000,\n6.m4s", "#EXTINF:4.50000,\n6.m4s", "rounds to more"),
    ("#EXT-X-TARGETDURATION:4\n", "", "TARGETDURATION is missing"),
    ('#EXT-X-MAP:URI="init-1.mp4"\n', "", "no EXT-X-MAP"),
    ("#EXT-X-VERSION:9", "#EXT-X-VERSION:3", "needs version 6"),
    ("03:04:17.000Z", "03:04:14.000Z", "goes back"),
    ("03:04:17.000Z", "03:04:17.500Z", "dated"),
    ("#EXTINF:2.00000,\n6.m4s", "#EXTINF:3.00000,\n6.m4s", "the segment 3.000"),
    ("#EXT-X-PART-INF:PART-TARGET=0.30000\n", "", "no EXT-X-PART-INF"),
    ("#EXT-X-PRELOAD-HINT", '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="x"\n#EXT-X-PRELOAD-HINT', "more than one preload"),
    ("#EXT-X-PRELOAD-HINT", "#EXT-X-ENDLIST\n#EXT-X-PRELOAD-HINT", "hints at more"),
])
def test_each_broken_rule_of_a_playlist_is_named(old, new, said):
    found = rules.check_playlist(playlist(replace=[(old, new)]))
    assert any(said in sentence for sentence in found), found


def test_a_new_init_segment_needs_a_discontinuity():
    new_map = '#EXT-X-MAP:URI="init-2.mp4"\n#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:17'
    broken = playlist(replace=[("#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:17", new_map)])
    assert any("without EXT-X-DISCONTINUITY" in sentence for sentence in rules.check_playlist(broken))
    kept = playlist(replace=[("#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:17", "#EXT-X-DISCONTINUITY\n" + new_map)])
    assert rules.check_playlist(kept) == []


@pytest.mark.parametrize("later, said", [
    (playlist(first=4), "goes back from 5 to 4"),
    (playlist(growing=1), "goes back from part"),
    (playlist(complete=2, growing=7), "gone from the middle or the end"),
    (playlist(replace=[("#EXTINF:2.00000,\n6.m4s", "#EXTINF:2.10000,\n6.m4s")]), "segment 6 changes"),
    (playlist(replace=[("6.m4s", "six.m4s")]), "segment 6 changes"),
    (playlist(replace=[('"8.0.m4s"', '"8.x.m4s"')]), "changes its parts"),
    (playlist(replace=[("PART-TARGET=0.30000", "PART-TARGET=0.50000")]), "part_target changes"),
    (playlist(replace=[("TARGETDURATION:4", "TARGETDURATION:5")]), "target changes"),
    (playlist(replace=[("DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1")]), "discontinuities were removed"),
    (playlist(replace=[("init-1", "init-9")]), "changes its EXT-X-MAP"),
    (playlist(first=6, complete=2), "segments were removed though"),
])
def test_each_broken_rule_of_a_reload_is_named(later, said):
    found = rules.check_reload(playlist(), later)
    assert any(said in sentence for sentence in found), found


def test_removed_discontinuities_must_be_counted():
    mark = "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:15"
    old = playlist(replace=[("#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:15", mark)])
    assert rules.check_reload(old, playlist(first=6, complete=9)) != []
    counted = playlist(first=6, complete=9, replace=[("DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1")])
    assert rules.check_reload(old, counted) == []


def test_an_ended_playlist_must_stay_as_it_is():
    end = [("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"8.0.m4s\"", "#EXT-X-ENDLIST"), ("CAN-BLOCK-RELOAD=YES,", "")]
    ended = playlist(growing=0, replace=end)
    assert rules.check_playlist(ended) == []
    assert rules.check_reload(ended, ended) == []
    assert rules.check_reload(ended, playlist()) != []


def test_a_delta_update_must_be_the_rest_of_the_playlist():
    full = playlist(first=0, complete=30)
    lines = full.lines
    skip = lines.index("10.m4s") + 1
    head = [line for line in lines[:7]] + ["#EXT-X-SKIP:SKIPPED-SEGMENTS=11"]
    delta = hls_playlist.parse_media("\n".join(head + lines[skip:]))
    assert rules.check_delta(full, delta) == []
    assert [said for said in rules.check_playlist(delta) if "lists parts" not in said] == []
    changed = "\n".join(head + lines[skip:]).replace("#EXTINF:2.00000,\n15.m4s", "#EXTINF:2.50000,\n15.m4s")
    assert rules.check_delta(full, hls_playlist.parse_media(changed)) != []
    late = lines.index("25.m4s") + 1
    head[-1] = "#EXT-X-SKIP:SKIPPED-SEGMENTS=26"
    too_much = hls_playlist.parse_media("\n".join(head + lines[late:]))
    assert any("boundary" in sentence for sentence in rules.check_delta(full, too_much))


@pytest.mark.parametrize("text", [
    "", "#EXT", "#EXTM3U\n5.m4s", "#EXTM3U\n#EXTINF:2,\n", "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-VERSION:9",
    "#EXTM3U\n#EXT-X-PART:DURATION=1,URI=\"a\"\n#EXT-X-MAP:URI=\"b\"",
])
def test_what_is_no_playlist_is_refused(text):
    with pytest.raises(hls_playlist.Malformed):
        hls_playlist.parse_media(text)


def box(kind, *contents):
    body = b"".join(contents)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def chunk(time, count=9, duration=3000, keyframe=True, sequence=1):
    """A chunk of `count` samples of one byte."""
    rows = b"".join(
        struct.pack(">IIIi", duration, 1, 0x2000000 if keyframe and index == 0 else 0x1010000, 0)
        for index in range(count)
    )
    run = box(b"trun", struct.pack(">IIi", 0x1000f01, count, 0), rows)
    header = box(b"tfhd", struct.pack(">II", 0x20000, 1))
    traf = box(b"traf", header, box(b"tfdt", struct.pack(">IQ", 0x1000000, time)), run)
    return box(b"moof", box(b"mfhd", struct.pack(">II", 0, sequence)), traf) + box(b"mdat", bytes(count))


def init_segment():
    """An init segment of H.264 High at level 3.1, 1280×720, 90 kHz."""
    avc = box(b"avcC", bytes([1, 0x64, 0, 0x1f, 0xff]))
    entry = box(b"avc1", bytes(24), struct.pack(">HH", 1280, 720), bytes(50), avc)
    table = box(b"stbl", box(b"stsd", struct.pack(">II", 0, 1), entry))
    media = box(
        b"mdia", box(b"mdhd", struct.pack(">IIIIII", 0, 0, 0, 90000, 0, 0)),
        box(b"hdlr", bytes(8), b"vide", bytes(13)), box(b"minf", table),
    )
    return box(b"ftyp", b"iso6", bytes(4)) + box(b"moov", box(b"trak", media))


def test_media_is_read_from_its_boxes():
    init = fmp4.parse_init(init_segment())
    assert (init.codec, init.timescale, init.width, init.height) == ("avc1.64001f", 90000, 1280, 720)
    (one,) = fmp4.parse_chunks(chunk(900000))
    assert (one.decode_time, one.duration, one.begins_with_keyframe) == (900000, 27000, True)
    for end in range(1, len(chunk(0))):
        with pytest.raises(fmp4.Malformed):
            fmp4.parse_chunks(chunk(0)[:end])


@pytest.mark.parametrize("data, independent, said", [
    (chunk(0, count=8), True, "lasts"), (chunk(0, keyframe=False), True, "does not begin with a keyframe"),
    (chunk(0), False, "not called independent"), (chunk(0)[:50], True, "does not fit"), (b"", True, "no moof"),
    (chunk(0, count=4) + chunk(13000, count=5), True, "hole"),
])
def test_a_part_must_hold_what_the_playlist_says(data, independent, said):
    part = hls_playlist.Part("x", 0.3, independent, False)
    found = rules.check_part_media(part, "part 0.0", data, 90000, True)
    assert any(said in sentence for sentence in found), found


@pytest.mark.parametrize("headers, is_blocked, is_good", [
    ({"content-type": "application/vnd.apple.mpegurl", "cache-control": "no-store"}, False, True),
    ({"content-type": "text/plain", "cache-control": "no-store"}, False, False),
    ({"content-type": "application/vnd.apple.mpegurl", "cache-control": "max-age=60"}, False, False),
    ({"content-type": "application/vnd.apple.mpegurl", "cache-control": "max-age=24"}, True, True),
])
def test_playlists_have_their_type_and_are_not_kept(headers, is_blocked, is_good):
    assert (rules.check_playlist_headers(headers, is_blocked, 4) == []) == is_good


def test_media_has_its_type_and_is_kept_and_refusals_are_not():
    good = {"content-type": "video/mp4", "content-length": "7", "cache-control": "private, max-age=3600"}
    assert rules.check_media_headers(good, 7) == []
    assert len(rules.check_media_headers({"content-type": "text/html", "cache-control": "no-store"}, 7)) == 3
    assert rules.check_error_headers({"cache-control": "no-store"}) == []
    assert rules.check_error_headers({}) != []


class EndedServer(http.server.BaseHTTPRequestHandler):
    """Serves an ended session of three segments, or breaks it as `flaw` says."""

    flaw = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = self.path.split("?")[0].rsplit("/", 1)[-1]
        if name == "index.m3u8":
            self.answer(self.master().encode(), "application/vnd.apple.mpegurl", "no-store")
        elif name == "live.m3u8":
            self.answer(self.media().encode(), "application/vnd.apple.mpegurl", "no-cache")
        elif name == "init-1.mp4":
            self.answer(init_segment(), "video/mp4", "max-age=3600")
        elif name.endswith(".m4s") and self.flaw != "missing":
            number = int(name.split(".")[0])
            start = 900000 + 180000 * number + (90000 if self.flaw == "jump" and number == 2 else 0)
            self.answer(chunk(start, count=60, sequence=number + 1), "video/mp4", "max-age=3600")
        else:
            self.answer(b"{}", "application/problem+json", "no-store", status=404)

    def master(self):
        codecs = "avc1.42e01e" if self.flaw == "codecs" else "avc1.64001f"
        bandwidth = 4000 if self.flaw == "bandwidth" else 9000
        size = "1920x1080" if self.flaw == "resolution" else "1280x720"
        rate = {"rate": "15.000", "twice the rate": "60.000"}.get(self.flaw, "30.000")
        variants = [f'#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},AVERAGE-BANDWIDTH=3000,CODECS="{codecs}",'
                    f"RESOLUTION={size},FRAME-RATE={rate}\n{name}/live.m3u8" for name in "01"]
        return "#EXTM3U\n#EXT-X-VERSION:9\n" + "\n".join(variants) + "\n"

    def media(self):
        end = [
            ("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"3.0.m4s\"", "#EXT-X-ENDLIST"),
            ("CAN-BLOCK-RELOAD=YES,", ""),
        ]
        if self.path.split("/")[-2] == "1":
            end += {
                "target": [("TARGETDURATION:4", "TARGETDURATION:3")],
                "breaks": [("DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1")],
                "clocks": [(f"03:04:{second:02}.000Z", f"03:04:{second:02}.100Z") for second in (5, 7, 9)],
            }.get(self.flaw, [])
        lines = playlist(first=0, complete=3, growing=0, replace=end).lines
        return "\n".join(line for line in lines if not line.startswith("#EXT-X-PART:")) + "\n"

    def answer(self, body, kind, caching, status=200):
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", len(body)), ("Cache-Control", caching)):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


FLAWS = {
    "": None, "codecs": "CODECS says", "missing": "answers 404", "bandwidth": "BANDWIDTH is 4000",
    "resolution": "RESOLUTION is 1920x1080", "rate": "FRAME-RATE is 15.0", "twice the rate": "FRAME-RATE is 60.0",
    "target": "target durations differ", "breaks": "discontinuity sequence numbers", "clocks": "dates of segment",
    "jump": "segment 2 begins at",
}


@pytest.fixture(params=FLAWS)
def ended_server(request):
    """A server on a free port with one flaw, or none."""
    handler = type("Handler", (EndedServer,), {"flaw": request.param})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/index.m3u8", request.param
    server.shutdown()
    server.server_close()


def test_the_checker_follows_a_server_and_names_its_flaw(ended_server):
    url, flaw = ended_server
    report = llhls.check(url, seconds=1)
    said = FLAWS[flaw]
    if said is None:
        assert report.violations == []
        assert report.segments_checked == 6
    else:
        assert any(said in violation for violation in report.violations), report.violations


@pytest.mark.parametrize("segments, peak", [
    ([(0, 8000, 2.0), (1, 4000, 2.0)], 4000),  # one segment is a run of its own
    ([(0, 8000, 1.0), (1, 4000, 1.0)], 6000),  # two are needed to last half a target duration
    ([(0, 8000, 1.0), (2, 4000, 1.0)], 0),  # which must follow each other
    ([(0, 80000, 1.0)], 0), ([(0, 80000, 6.5)], 0), ([], 0),
])
def test_the_peak_is_that_of_runs_of_segments(segments, peak):
    assert promises.peak_bit_rate(segments, 4) == peak


@pytest.mark.parametrize("found, said", [
    (promises.check_bandwidth(1000, [800, 200]), None),
    (promises.check_bandwidth(1000, [800, 300]), "BANDWIDTH is 1000"),
    (promises.check_resolution("640x360", {"640x360", "480x270"}), None),
    (promises.check_resolution("1280x720", {"640x360"}), "RESOLUTION is 1280x720"),
    (promises.check_frame_rate(30.0, [30.3, 15]), None),
    (promises.check_frame_rate(60.0, [30.0]), "FRAME-RATE is 60.0"),
    (promises.check_frame_rate(30.0, [60.0]), "FRAME-RATE is 30.0"),
    (promises.check_pace([0.29] * 9 + [3.0], 0.3), None),
    (promises.check_pace([0.6] * 7, 0.3), None),  # too few to tell
    (promises.check_pace([0.6] * 8, 0.3), "new parts come 0.600 s apart"),
    (promises.compare_targets({"a": 4, "b": 4}), None),
    (promises.compare_targets({"a": 4, "b": 5}), "target durations differ"),
    (promises.compare_breaks({"a": {1: 0, 2: 1}, "b": {2: 1, 3: 1}}), None),
    (promises.compare_breaks({"a": {2: 1}, "b": {2: 0}}), "of segment 2 differ"),
    (promises.check_groups({"s": [{"NAME": "a", "DEFAULT": "YES"}, {"NAME": "b"}]}), None),
    (promises.check_groups({"s": [{"NAME": "a"}, {"NAME": "a"}]}), "one NAME"),
    (promises.check_groups({"s": [{"NAME": "a", "DEFAULT": "YES"}, {"NAME": "b", "DEFAULT": "YES"}]}), "default"),
    (promises.check_groups({"s": [{}]}), "no NAME"),
])
def test_each_broken_promise_of_a_master_is_named(found, said):
    assert any(said in sentence for sentence in found) if said else found == [], found


def test_discontinuities_are_counted_up_to_each_segment():
    mark = "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:17"
    marked = playlist(replace=[("#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:17", mark), ("SEQUENCE:0", "SEQUENCE:3")])
    assert promises.breaks_of(marked) == {5: 3, 6: 4, 7: 4, 8: 4}
    missing = playlist(replace=[
        ("#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:17", mark), ("#EXTINF", "#EXT-X-GAP\n#EXTINF"),
    ])
    assert promises.breaks_of(missing) == {5: 0, 6: 1, 7: 1, 8: 1}


def test_a_segment_that_was_just_removed_must_still_be_there(ended_server):
    url, flaw = ended_server
    base = url.replace("index.m3u8", "0/live.m3u8")
    old, new = ("\n".join(playlist(first=first, growing=0).lines) for first in (0, 1))
    report = llhls.Report()
    follower = llhls.Follower(hls_playlist.Rendition(base, "avc1.64001f", False), [], report)
    follower.check_removed(hls_playlist.parse_media(old, base), hls_playlist.parse_media(new, base))
    assert any("segment 0, just removed, answers 404" in one for one in report.violations) == (flaw == "missing")


@pytest.mark.parametrize("promised, codec, is_covered", [
    ("avc1.64001f", "avc1.64001f", True), ("avc1.64001f", "avc1.64000b", True), ("avc1.64000b", "avc1.64001f", False),
    ("mp4a.40.2", "mp4a.40.2", True), ("mp4a.40.2", "mp4a.40.5", False), ("hvc1.1.6.l93.b0", "hvc1", True),
])
def test_codecs_promise_at_least_what_is_there(promised, codec, is_covered):
    assert promises.covers(promised, codec) == is_covered


def test_a_server_that_is_not_there_is_a_violation():
    assert llhls.check("http://127.0.0.1:1/index.m3u8", seconds=1).violations
