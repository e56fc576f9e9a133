"""Every playlist and part that the origin serves is checked against the LL-HLS rules, live and after."""
import urllib.parse

import llhls
from publisher import assert_no_frame_missing_or_twice, counters, probe, wait_live, wait_served
from recordings import finished
from waiting import wait_until


def test_live_and_ended_playlists_keep_every_rule(stack, publish):
    _, url, _, hls = stack.new_stream("conforming")
    publisher = publish(url)
    wait_live(stack, "conforming")
    wait_served(stack, hls)
    report = llhls.check(hls, seconds=8)
    assert not report.violations, "\n".join(report.violations)
    assert report.parts_checked >= 20
    assert report.followed == [f"{track}/{kind}.m3u8" for track in "01" for kind in ("dvr", "live")]
    publisher.stop()
    wait_until("the playlists end", lambda: "#EXT-X-ENDLIST" in media_playlist(stack, hls).text)
    after = llhls.check(hls, seconds=1)
    assert not after.violations, "\n".join(after.violations)


def test_b_frames_and_long_gops_keep_every_rule_too(stack, publish):
    _, url, _, hls = stack.new_stream("long-gop")
    publish(url, b_frames=2, gop=300)
    wait_live(stack, "long-gop")
    wait_served(stack, hls)
    report = llhls.check(hls, seconds=10)
    assert not report.violations, "\n".join(report.violations)


def test_a_classic_player_plays_the_same_link(stack, publish):
    stream, url, _, hls = stack.new_stream("classic")
    publisher = publish(url, frames=180)
    assert publisher.wait() == 0
    finished(stack, stream)
    described = probe(hls, "-show_streams", "-count_packets")
    packets = {item["codec_type"]: int(item["nb_read_packets"]) for item in described["streams"]}
    assert packets["video"] == 180
    assert packets["audio"] > 250


def test_a_classic_player_follows_live_to_the_end(stack, publish):
    """ffmpeg knows nothing of parts: it begins at a whole segment and reads segment after segment."""
    _, url, _, hls = stack.new_stream("classic-live")
    publisher = publish(url, frames=600)
    wait_live(stack, "classic-live")
    wait_served(stack, hls)
    wait_until("a segment is whole", lambda: "#EXTINF" in media_playlist(stack, hls).text)
    numbers = counters(hls)
    assert publisher.wait() == 0
    assert_no_frame_missing_or_twice(numbers, at_least=480)
    assert numbers[-1] == 599, "it plays to the end"


def test_absurd_reload_parameters_are_refused_in_words(stack, publish):
    _, url, _, hls = stack.new_stream("absurd")
    publish(url)
    wait_live(stack, "absurd")
    wait_served(stack, hls)
    playlist = media_playlist_url(stack, hls)
    for query in ("_HLS_part=0", "_HLS_msn=999999999999999999999", "_HLS_msn=-1", "_HLS_msn=4294967296",
                  "_HLS_msn=x", "_HLS_msn=10000", "_HLS_msn=0&_HLS_part=99999999999999999999"):
        answer = stack.request(f"{playlist}?{query}", authorised=False)
        assert answer.status == 400, (query, answer.status)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"]


def media_playlist_url(stack, hls):
    master = stack.request(hls, authorised=False).text
    uri = next(line for line in master.splitlines() if line and not line.startswith("#"))
    return urllib.parse.urljoin(hls, uri)


def media_playlist(stack, hls):
    return stack.request(media_playlist_url(stack, hls), authorised=False)
