"""One failure at a time, while a stream is live: what was acknowledged is kept and viewers go on."""
import pytest

from publisher import assert_no_frame_missing_or_twice, counters, wait_live
from waiting import wait_until


def recorded(stack, stream, seconds):
    return lambda: any(item["duration"] >= seconds for item in stack.recordings(stream["id"]))


@pytest.mark.parametrize("service", ["origin", "redis-bus", "redis-control", "postgres", "gateway", "catalog", "auth"])
def test_killing_one_service_loses_no_frame(stack, publish, service):
    stream, url, _, hls = stack.new_stream(f"kill-{service}")
    publisher = publish(url)
    wait_live(stack, f"kill-{service}")
    wait_until("three seconds are recorded", recorded(stack, stream, 3), timeout=30)
    stack.kill(service)
    stack.wait_until_ready()
    wait_until("recording has gone on", recorded(stack, stream, 9), timeout=40)
    assert publisher.is_running(), publisher.output[-2000:]
    assert publisher.stop() == 0
    recording = wait_until(
        "the recording is complete",
        lambda: next((item for item in stack.recordings(stream["id"]) if item["state"] == "complete"), None),
        timeout=40,
    )
    numbers = counters(
        stack.absolute(recording["fileUrl"]), {"Authorization": "Bearer " + stack.access["api_token"]}
    )
    assert_no_frame_missing_or_twice(numbers, at_least=240)
    assert counters(hls) == numbers


def test_killing_ingest_loses_little_and_the_publisher_comes_back_to_the_same_session(stack, publish):
    stream, url, _, _ = stack.new_stream("kill-ingest")
    first = publish(url)
    wait_live(stack, "kill-ingest")
    wait_until("three seconds are recorded", recorded(stack, stream, 3), timeout=30)
    session = stack.watch_state("kill-ingest")["session"]["id"]
    stack.kill("ingest")
    first.wait(20)

    second = wait_until(
        "ingest takes publishers again",
        lambda: (attempt := publish(url, frames=120)) and attempt.wait(60) == 0 and attempt,
        timeout=60,
    )
    assert second
    recording = wait_until(
        "the recording is complete",
        lambda: next((item for item in stack.recordings(stream["id"]) if item["state"] == "complete"), None),
        timeout=40,
    )
    assert recording["sessionId"] == session
    numbers = counters(
        stack.absolute(recording["fileUrl"]), {"Authorization": "Bearer " + stack.access["api_token"]}
    )
    restart = len(numbers) - 1 - numbers[::-1].index(0)
    assert_no_frame_missing_or_twice(numbers[:restart], at_least=60)
    assert_no_frame_missing_or_twice(numbers[restart:], at_least=120)
