"""What changes while a stream goes on: the picture's size in mid-stream, and what is deleted afterwards."""
import subprocess
import urllib.parse

import pytest

import llhls
from publisher import assert_no_frame_missing_or_twice, counted_picture, counters, wait_live
from recordings import finished, recorded_counters
from waiting import wait_until
from watch_page import WatchPage

RATE = 30
SECONDS = 8


@pytest.fixture
def publish_two_sizes(tmp_path):
    """One connection of one publisher, whose encoder changes its picture from 640x360 to 480x270 half-way."""
    names = []
    for number, size in enumerate(("640x360", "480x270")):
        name = tmp_path / f"{number}.ts"
        command = [
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", counted_picture(size, RATE),
            "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-frames:v", str(SECONDS * RATE),
            "-shortest", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p",
            "-g", str(RATE), "-sc_threshold", "0", "-c:a", "aac", "-ac", "2", "-f", "mpegts", str(name),
        ]
        assert subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0
        names.append(name)
    playlist = tmp_path / "both.txt"
    playlist.write_text("".join(f"file {name.name}\n" for name in names))
    started = []

    def start(url):
        started.append(subprocess.Popen(
            ["ffmpeg", "-v", "error", "-re", "-f", "concat", "-i", str(playlist), "-c", "copy",
             "-bsf:v", "extract_extradata", "-bsf:a", "aac_adtstoasc", "-flvflags", "no_duration_filesize",
             "-f", "flv", url],
            stdin=subprocess.DEVNULL,
        ))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_size_that_changes_in_mid_stream_plays_on(stack, publish_two_sizes, browser, tmp_path):
    slug = f"two-sizes-{browser.name}"
    stream, url, watch, hls = stack.new_stream(slug)
    page = WatchPage(browser, watch)
    page.wait_for_mode("offline")
    publisher = publish_two_sizes(url)
    page.wait_for_mode("live")
    page.wait_for_moving_picture()
    session = stack.watch_state(slug)["session"]["id"]
    assert page.picture()["width"] == 640
    wait_until("the page shows the new size", lambda: page.picture()["width"] == 480, timeout=20)
    page.wait_for_moving_picture()
    report = llhls.check(hls, seconds=2)
    assert not report.violations, "\n".join(report.violations)
    assert publisher.wait(20) == 0
    page.wait_for_mode("replay", "ended")
    assert page.was_never_reloaded()

    recording = finished(stack, stream)
    assert recording["sessionId"] == session
    playlist = urllib.parse.urljoin(hls, f"{session}/0/dvr.m3u8")
    text = stack.request(playlist, authorised=False).text
    changes = text.split("#EXT-X-DISCONTINUITY\n")[1:]
    assert len(changes) == 1 and changes[0].startswith("#EXT-X-MAP:"), text
    numbers = recorded_counters(stack, recording)
    assert_no_frame_missing_or_twice(numbers[:SECONDS * RATE], at_least=SECONDS * RATE)
    assert_no_frame_missing_or_twice(numbers[SECONDS * RATE:], at_least=SECONDS * RATE)
    assert [number for run in runs(stack, playlist, tmp_path) for number in run] == numbers


def runs(stack, playlist, folder):
    """The frame numbers of each stretch with one init segment, as ffmpeg takes no second one from a playlist."""
    files = []
    for line in stack.request(playlist, authorised=False).text.splitlines():
        if line.startswith("#EXT-X-MAP:"):
            files.append([line.split('"')[1]])
        elif line and not line.startswith("#"):
            files[-1].append(line)
    for number, names in enumerate(files):
        file = folder / f"run-{number}.mp4"
        parts = [stack.request(urllib.parse.urljoin(playlist, name), authorised=False).body for name in names]
        file.write_bytes(b"".join(parts))
        yield counters(str(file))


def test_a_deleted_recording_is_gone_at_once_and_can_be_had_back(stack, publish):
    stream, url, _, hls = stack.new_stream("deleted-recording")
    assert publish(url, frames=150).wait() == 0
    recording = finished(stack, stream)
    folder = f"{recording['sessionId']}/"
    addresses = [
        urllib.parse.urljoin(hls, name)
        for name in ("index.m3u8", folder + "index.m3u8", folder + "0/dvr.m3u8", folder + "0/0.m4s",
                     folder + "0/init-1.mp4", folder + "file.mp4", folder + "manifest.mpd")
    ]

    def statuses():
        return {stack.request(address, authorised=False).status for address in addresses}

    assert statuses() == {200} and statuses() == {200}
    deletion = stack.api(f"/recordings/{recording['id']}", "DELETE")
    wait_until("nothing of it can be fetched", lambda: statuses() == {404}, timeout=2)
    assert stack.request(recording["fileUrl"]).status == 404
    stack.api(deletion["undoUrl"].removeprefix("/api/v1"), "POST")
    wait_until("it is there again", lambda: statuses() == {200}, timeout=2)


def test_a_deleted_stream_takes_its_keys_and_links_with_it(stack, publish):
    stream, url, _, hls = stack.new_stream("deleted-stream")
    share = stack.api(f"/streams/{stream['id']}/shares", "POST", {})
    first = publish(url)
    wait_live(stack, "deleted-stream")
    assert stack.request(f"/api/v1/streams/{stream['id']}", "DELETE").status == 409
    assert first.stop() == 0
    finished(stack, stream)
    assert stack.request(hls, authorised=False).status == 200

    stack.api(f"/streams/{stream['id']}", "DELETE")
    wait_until("its media is gone", lambda: stack.request(hls, authorised=False).status == 404, timeout=2)
    body = {"secret": share["secret"]}
    assert stack.request("/api/v1/share/exchange", "POST", body, authorised=False).status == 404
    refused = publish(url, frames=60)
    assert refused.wait(20) != 0
    stack.api(f"/streams/{stream['id']}/restore", "POST")
    wait_until("its media is back", lambda: stack.request(hls, authorised=False).status == 200, timeout=2)
    assert stack.request("/api/v1/share/exchange", "POST", body, authorised=False).status == 200
