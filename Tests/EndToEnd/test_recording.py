"""What was published is what is kept: every frame, by every way of reading it."""
import subprocess
import urllib.parse

import pytest

import hls_playlist
from publisher import assert_no_frame_missing_or_twice, counters, probe, wait_live, wait_served
from recordings import finished, recorded_counters, saved
from waiting import wait_until


@pytest.mark.parametrize("b_frames", [0, 2])
def test_no_frame_is_missing_or_twice(stack, publish, b_frames):
    stream, url, _, hls = stack.new_stream(f"counted-{b_frames}")
    publisher = publish(url, frames=240, b_frames=b_frames)
    assert publisher.wait() == 0, publisher.output
    recording = finished(stack, stream)

    by_file = recorded_counters(stack, recording)
    assert_no_frame_missing_or_twice(by_file, at_least=240)
    by_playlist = counters(hls)
    assert by_playlist == by_file


def test_the_file_begins_at_zero_with_the_movie_box_first(stack, publish):
    stream, url, _, _ = stack.new_stream("moov-first")
    assert publish(url, frames=150).wait() == 0
    recording = finished(stack, stream)
    answer = stack.request(recording["fileUrl"])
    assert answer.status == 200
    assert answer.body[4:8] == b"ftyp"
    first = int.from_bytes(answer.body[:4], "big")
    assert answer.body[first + 4:first + 8] == b"moov"
    assert answer.headers["ETag"] and answer.headers["Accept-Ranges"] == "bytes"

    part = stack.request(recording["fileUrl"], headers={"Range": "bytes=100-299"})
    assert part.status == 206 and part.body == answer.body[100:300]
    beyond = stack.request(recording["fileUrl"], headers={"Range": f"bytes={len(answer.body)}-"})
    assert beyond.status == 416

    name = saved(stack, recording)
    described = probe(name, "-show_streams", "-show_format")
    assert abs(float(described["format"]["start_time"])) < 0.1
    assert abs(float(described["format"]["duration"]) - 5) < 0.3
    kinds = {stream["codec_type"]: stream for stream in described["streams"]}
    assert kinds["video"]["codec_name"] == "h264" and kinds["audio"]["codec_name"] == "aac"
    decode = subprocess.run(
        ["ffmpeg", "-v", "error", "-xerror", "-i", name, "-f", "null", "-"], capture_output=True
    )
    assert decode.returncode == 0 and not decode.stderr, decode.stderr.decode()


@pytest.mark.parametrize("kind", ["sound", "picture"])
def test_sound_alone_and_pictures_alone_are_streams_too(stack, publish, kind):
    stream, url, _, hls = stack.new_stream(f"only-{kind}")
    publisher = publish(url, sound=kind == "sound", picture=kind == "picture")
    wait_live(stack, f"only-{kind}")
    wait_served(stack, hls)
    wait_until(
        "six seconds are recorded",
        lambda: any(item["duration"] > 6 for item in stack.recordings(stream["id"])),
    )
    assert publisher.stop() == 0
    recording = finished(stack, stream)
    described = probe(saved(stack, recording), "-show_streams")
    assert [item["codec_type"] for item in described["streams"]] == ["audio" if kind == "sound" else "video"]


def test_a_lost_connection_comes_back_to_the_same_session(stack, publish, tmp_path):
    stream, url, _, hls = stack.new_stream("comes-back")
    first = publish(url, size="640x360")
    wait_live(stack, "comes-back")
    wait_until(
        "three seconds are recorded",
        lambda: any(item["duration"] > 3 for item in stack.recordings(stream["id"])),
    )
    session = stack.watch_state("comes-back")["session"]["id"]
    first.cut()
    wait_until("the stream is away", lambda: stack.watch_state("comes-back")["state"] == "away")

    second = publish(url, size="480x270", frames=150)
    wait_live(stack, "comes-back")
    assert stack.watch_state("comes-back")["session"]["id"] == session
    assert second.wait() == 0
    recording = finished(stack, stream)
    assert recording["sessionId"] == session
    numbers = recorded_counters(stack, recording)
    restart = numbers.index(0, 1)
    assert_no_frame_missing_or_twice(numbers[:restart], at_least=80)
    assert_no_frame_missing_or_twice(numbers[restart:], at_least=150)

    playlist = urllib.parse.urljoin(hls, f"{session}/0/dvr.m3u8")
    segments = hls_playlist.parse_media(stack.request(playlist, authorised=False).text, playlist).segments
    cuts = [number for number, segment in enumerate(segments) if segment.discontinuity]
    assert len(cuts) == 1, "one break, and nothing else that looks like one"
    maps = [{segment.map_uri for segment in run} for run in (segments[:cuts[0]], segments[cuts[0]:])]
    assert [len(names) for names in maps] == [1, 1] and maps[0] != maps[1], maps
    sizes = [recorded_size(stack, playlist, run, tmp_path) for run in (segments[:cuts[0]], segments[cuts[0]:])]
    assert sizes == [(640, 360), (480, 270)]
    before = segments[:cuts[0]]
    away = (segments[cuts[0]].date - before[0].date).total_seconds() - sum(segment.duration for segment in before)
    assert 0 < away < 20, "the dates tell how long nobody sent"


def recorded_size(stack, playlist, segments, folder):
    """The size of the pictures that a stretch with one init segment really decodes to."""
    file = folder / "run.mp4"
    names = [segments[0].map_uri, segments[0].uri]
    file.write_bytes(b"".join(
        stack.request(urllib.parse.urljoin(playlist, name), authorised=False).body for name in names))
    [picture] = probe(str(file), "-show_frames", "-select_streams", "v", "-read_intervals", "%+#1")["frames"][:1]
    return picture["width"], picture["height"]


def test_a_publisher_that_stays_away_ends_the_session(stack, publish):
    stream, url, _, _ = stack.new_stream("stays-away")
    publisher = publish(url)
    wait_live(stack, "stays-away")
    wait_until(
        "something is recorded", lambda: any(item["duration"] > 2 for item in stack.recordings(stream["id"]))
    )
    publisher.cut()
    wait_until("the session ends", lambda: stack.watch_state("stays-away")["state"] in ("ended", "offline"))
    assert finished(stack, stream)["duration"] > 2
