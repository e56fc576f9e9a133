"""One failure at a time, while a stream is live: what was acknowledged is kept and viewers go on."""
import contextlib
import os
import signal
import urllib.parse

import hls_playlist
from conftest import GRACE_SECONDS
from publisher import assert_no_frame_missing_or_twice, counters, wait_live
from recordings import finished, recorded_counters
from waiting import pause, wait_until
from whep import AiortcViewer, wait_watchable

# What keeps nothing of a stream that it could not have again: each may die at any time.
SERVICES = ["origin", "redis-bus", "redis-control", "postgres", "gateway", "catalog", "auth"]


def recorded_seconds(stack, stream):
    return max((item["duration"] for item in stack.recordings(stream["id"])), default=0)


def test_killing_one_service_after_the_other_loses_no_frame(stack, publish):
    stream, url, _, hls = stack.new_stream("kill")
    publisher = publish(url)
    wait_live(stack, "kill")
    wait_until("three seconds are recorded", lambda: recorded_seconds(stack, stream) >= 3, timeout=30)
    reached = {}
    for service in SERVICES:
        reached[service] = recorded_seconds(stack, stream)
        stack.kill(service)
        stack.wait_until_ready()
        wait_until(
            f"recording goes on after {service} was killed",
            lambda: recorded_seconds(stack, stream) >= reached[service] + 2,
            timeout=40,
        )
        assert publisher.is_running(), publisher.output[-2000:]
    assert publisher.stop() == 0
    numbers = recorded_counters(stack, finished(stack, stream))
    print("killed at", {service: round(second, 1) for service, second in reached.items()}, "s")
    assert_no_frame_missing_or_twice(numbers, at_least=540)
    assert counters(hls) == numbers


def test_killing_ingest_loses_little_and_the_publisher_comes_back_to_the_same_session(stack, publish):
    stream, url, _, _ = stack.new_stream("kill-ingest")
    first = publish(url)
    wait_live(stack, "kill-ingest")
    wait_until("three seconds are recorded", lambda: recorded_seconds(stack, stream) >= 3, timeout=30)
    session = stack.watch_state("kill-ingest")["session"]["id"]
    stack.kill("ingest")
    first.wait(20)

    second = wait_until(
        "ingest takes publishers again",
        lambda: (attempt := publish(url, frames=120)) and attempt.wait(60) == 0 and attempt,
        timeout=60,
    )
    assert second
    recording = finished(stack, stream)
    assert recording["sessionId"] == session
    numbers = recorded_counters(stack, recording)
    restart = len(numbers) - 1 - numbers[::-1].index(0)
    assert_no_frame_missing_or_twice(numbers[:restart], at_least=60)
    assert_no_frame_missing_or_twice(numbers[restart:], at_least=120)


def newest_segment(stack, playlist):
    return hls_playlist.parse_media(stack.request(playlist, authorised=False).text, playlist).segments[-1].number


def test_losing_the_bus_while_origin_restarts_ends_no_session(stack, publish):
    stream, url, _, hls = stack.new_stream("bus-and-origin")
    publisher = publish(url)
    wait_live(stack, "bus-and-origin")
    wait_until("six seconds are recorded", lambda: recorded_seconds(stack, stream) >= 6, timeout=30)
    session = stack.watch_state("bus-and-origin")["session"]["id"]
    playlist = urllib.parse.urljoin(hls, f"{session}/0/live.m3u8")
    for _ in range(2):
        before = {name: stack.pid(name) for name in ("redis-bus", "origin")}
        reached, newest = recorded_seconds(stack, stream), newest_segment(stack, playlist)
        # Stopped first, so that none of them sees the other one go.
        for how in (signal.SIGSTOP, signal.SIGKILL):
            for process in before.values():
                os.kill(process, how)
        wait_until("both are there again", lambda: all(stack.pid(name) != before[name] for name in before), timeout=30)
        texts = []

        def recording_goes_on():
            texts.append(stack.request(playlist, authorised=False).text)
            return recorded_seconds(stack, stream) >= reached + 3

        wait_until("recording goes on", recording_goes_on, timeout=40)
        assert not any("#EXT-X-ENDLIST" in text for text in texts), "no session that goes on has an end"
        assert newest_segment(stack, playlist) > newest
        assert [one["state"] for one in stack.recordings(stream["id"])] == ["recording"]
    state = stack.watch_state("bus-and-origin")
    assert state["state"] == "live" and state["session"]["id"] == session
    assert publisher.stop() == 0
    recording = finished(stack, stream)
    assert recording["sessionId"] == session
    numbers = recorded_counters(stack, recording)
    assert_no_frame_missing_or_twice(numbers, at_least=300)
    assert counters(hls) == numbers


# Readers give a stream up that has been silent for the grace time and five seconds.
OUTAGE_SECONDS = GRACE_SECONDS + 8


def test_a_bus_that_is_silent_for_longer_than_the_grace_time_ends_no_session(stack, publish):
    stream, url, _, hls = stack.new_stream("bus-held")
    publisher = publish(url)
    target = wait_watchable(stack, "bus-held", stream["id"])
    session = stack.watch_state("bus-held")["session"]["id"]
    with contextlib.closing(AiortcViewer(stack, target)) as viewer:
        wait_until("pictures come", lambda: viewer.pictures > 30)
        wait_until("three seconds are recorded", lambda: recorded_seconds(stack, stream) >= 3, timeout=30)
        bus = stack.pid("redis-bus")
        os.kill(bus, signal.SIGSTOP)
        try:
            pause(OUTAGE_SECONDS)
        finally:
            os.kill(bus, signal.SIGCONT)
        before, reached = viewer.pictures, recorded_seconds(stack, stream)
        wait_until("the viewer sees pictures again", lambda: viewer.pictures > before + 60, timeout=30)
        wait_until(
            "recording goes on", lambda: recorded_seconds(stack, stream) >= reached + OUTAGE_SECONDS, timeout=40)
        assert stack.watch_state("bus-held")["session"]["id"] == session
        for service in ("origin", "sfu"):
            assert stack.metric(service, "bus_outages") >= 1
    assert publisher.stop() == 0
    recording = finished(stack, stream)
    assert recording["sessionId"] == session
    numbers = recorded_counters(stack, recording)
    assert_no_frame_missing_or_twice(numbers, at_least=30 * OUTAGE_SECONDS)
    assert counters(hls) == numbers
