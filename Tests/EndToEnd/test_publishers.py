"""Who may publish, from which programs, and what they are told."""
import urllib.parse

import hls_playlist
from publisher import Publisher, assert_no_frame_missing_or_twice, probe, wait_live
from recordings import finished, recorded_counters, saved
from waiting import wait_until


def test_gstreamer_publishes(stack, publish_by_gstreamer):
    stream, url, _, hls = stack.new_stream("gstreamer")
    publisher = publish_by_gstreamer(url)
    wait_live(stack, "gstreamer")
    wait_until(
        "three seconds are recorded",
        lambda: any(item["duration"] > 3 for item in stack.recordings(stream["id"])),
    )
    assert stack.request(hls, authorised=False).status == 200
    assert publisher.stop() == 0, publisher.output
    file = saved(stack, finished(stack, stream))
    packets = {one["codec_name"]: int(one["nb_read_packets"]) for one in probe(file, "-show_streams", "-count_packets")["streams"]}
    assert packets["h264"] > 80 and packets["aac"] > 100


def test_each_refused_key_has_its_status(stack, publish, connect_rtmp):
    stream, url, _, _ = stack.new_stream("refused")
    own = url.rsplit("/", 1)[1]
    revoked = stack.api(f"/streams/{stream['id']}/keys", "POST", {"name": "revoked-before"})
    stack.api(f"/streams/{stream['id']}/keys/{revoked['id']}", "DELETE")
    publish(url)
    wait_live(stack, "refused")
    for key, status, words in (
        (own + "x", "Unauthorized", b"Wrong stream key"), ("nobody?k=x", "Unauthorized", b"Wrong stream key"),
        (revoked["streamKey"], "Unauthorized", b"has been revoked"), (own, "BadName", b"already publishing"),
    ):
        client = connect_rtmp()
        client.publish(key)
        client.wait_for(f"NetStream.Publish.{status}")
        assert words in client.heard and b"error" in client.heard, client.heard
        assert b"NetStream.Publish.Start" not in client.heard
        assert client.is_closed_within(5)


def test_a_refused_publisher_ends_and_nothing_is_recorded(stack):
    stream, url, _, _ = stack.new_stream("refused-in-words")
    publisher = Publisher(url + "x", frames=30)
    try:
        assert publisher.wait(20) != 0
        assert "Wrong stream key" in publisher.output
        assert stack.state_of("refused-in-words") == "offline" and stack.recordings(stream["id"]) == []
    finally:
        publisher.close()


def test_a_revoked_key_ends_the_publisher(stack, publish):
    stream, url, _, _ = stack.new_stream("revoked")
    [key] = stack.api(f"/streams/{stream['id']}/keys")["items"]
    publisher = publish(url)
    wait_live(stack, "revoked")
    stack.api(f"/streams/{stream['id']}/keys/{key['id']}", "DELETE")
    wait_until("the publisher is closed", lambda: not publisher.is_running(), timeout=5)
    again = publish(url, frames=30)
    assert again.wait(20) != 0


def test_a_second_publisher_is_told_that_the_key_is_busy(stack, publish):
    _, url, _, _ = stack.new_stream("busy")
    first = publish(url)
    wait_live(stack, "busy")
    second = publish(url, frames=60)
    assert second.wait(20) != 0
    assert first.is_running()


# FLV's times grow a fourth byte here, which RTMP carries in a field of its own.
EXTENDED_TIME_SECONDS = 0x1000000 / 1000


def test_a_stream_goes_on_beyond_four_hours_and_39_minutes(stack, publish):
    stream, url, _, hls = stack.new_stream("long-stream")
    start = EXTENDED_TIME_SECONDS - 4
    publisher = publish(url, frames=240, b_frames=2, codec_options=("-output_ts_offset", str(start)))
    wait_live(stack, "long-stream")
    session = stack.watch_state("long-stream")["session"]["id"]
    assert publisher.wait() == 0, publisher.output
    recording = finished(stack, stream)
    assert recording["sessionId"] == session and abs(recording["duration"] - 8) < 0.3
    assert recorded_counters(stack, recording) == list(range(240))
    playlist = urllib.parse.urljoin(hls, f"{session}/0/dvr.m3u8")
    segments = hls_playlist.parse_media(stack.request(playlist, authorised=False).text, playlist).segments
    assert not any(segment.discontinuity for segment in segments)


def test_secure_rtmp_is_spoken_too(stack, publish):
    stream, url, _, _ = stack.new_stream("secure")
    secure = url.replace("rtmp://", "rtmps://").replace(":" + url.split(":")[2].split("/")[0], ":" + str(
        int(url.split(":")[2].split("/")[0]) + 1))
    publisher = publish(secure, frames=120)
    wait_live(stack, "secure")
    assert publisher.wait() == 0
    assert_no_frame_missing_or_twice(recorded_counters(stack, finished(stack, stream)), at_least=120)
