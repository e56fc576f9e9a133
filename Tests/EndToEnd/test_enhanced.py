"""Enhanced RTMP: the codecs and tracks that classic RTMP has no word for, played and kept."""
import pathlib
import subprocess
import sys

import pytest

from browsers import Firefox
from publisher import assert_no_frame_missing_or_twice, counters, probe, wait_live
from recordings import finished, recorded_counters, saved
from waiting import wait_until
from watch_page import WatchPage

PUBLISHER = pathlib.Path(__file__).parent / "av_publisher.py"


@pytest.fixture
def publish_enhanced():
    started = []

    def start(url, video, audio, frames, extra_tracks=0, extra_pictures=0):
        numbers = [str(number) for number in (frames, extra_tracks, extra_pictures)]
        process = subprocess.Popen(
            [sys.executable, str(PUBLISHER), url, video, audio, *numbers],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("video,audio,codecs", [
    ("libx265", "aac", ("hvc1.", "mp4a.40.2")),
    ("libsvtav1", "libopus", ("av01.", "opus")),
    ("libvpx-vp9", "libopus", ("vp09.", "opus")),
    ("libx264", "libopus", ("avc1.", "opus")),
])
def test_a_codec_beyond_h264_is_live_and_kept(stack, publish_enhanced, video, audio, codecs):
    slug = f"enhanced-{video}-{audio}"
    stream, url, _, hls = stack.new_stream(slug)
    process = publish_enhanced(url, video, audio, 90)
    wait_live(stack, slug)
    master = wait_until(
        "the master playlist names the codecs",
        lambda: (answer := stack.request(hls, authorised=False)).status == 200 and answer.text,
    )
    assert all(codec in master.lower() for codec in codecs), master
    assert process.wait(40) == 0, process.stderr.read()
    recording = finished(stack, stream)
    numbers = recorded_counters(stack, recording)
    assert_no_frame_missing_or_twice(numbers, at_least=90)


def test_further_sound_tracks_are_tracks_of_the_stream(stack, publish_enhanced):
    stream, url, _, hls = stack.new_stream("multitrack")
    process = publish_enhanced(url, "libx264", "aac", 90, extra_tracks=1)
    wait_live(stack, "multitrack")
    assert process.wait(40) == 0, process.stderr.read()
    file = saved(stack, finished(stack, stream))
    kinds = [item["codec_type"] for item in probe(file, "-show_streams")["streams"]]
    assert sorted(kinds) == ["audio", "audio", "video"]
    assert stack.request(hls, authorised=False).text.count("#EXT-X-MEDIA:") >= 2


def test_a_further_picture_track_is_a_track_of_the_stream(stack, publish_enhanced):
    stream, url, _, hls = stack.new_stream("two-pictures")
    process = publish_enhanced(url, "libx264", "aac", 90, extra_pictures=1)
    wait_live(stack, "two-pictures")
    assert process.wait(40) == 0, process.stderr.read()
    file = saved(stack, finished(stack, stream))
    kinds = [item["codec_type"] for item in probe(file, "-show_streams")["streams"]]
    assert sorted(kinds) == ["audio", "video", "video"]
    for track in (0, 1):
        assert counters(file, track=track) == [1000 * track + number for number in range(90)]


def test_firefox_plays_hevc_by_the_same_link(stack, publish_enhanced):
    _, url, watch, _ = stack.new_stream("hevc-in-firefox")
    publish_enhanced(url, "libx265", "aac", 600)
    wait_live(stack, "hevc-in-firefox")
    browser = Firefox()
    try:
        page = WatchPage(browser, watch)
        page.wait_for_mode("live")
        page.wait_for_moving_picture()
    finally:
        browser.close()
