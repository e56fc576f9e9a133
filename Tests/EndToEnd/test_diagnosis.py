"""Why a viewer sees nothing, or sees it badly, is told over the API in plain words, for each reason there is."""
import os
import signal

import pytest

from udp_relay import UDPRelay
from waiting import pause, wait_until
from whep import AiortcViewer, ViewerPage, offer, post, wait_watchable

# A group of pictures that is older is not sent to who joins: its next keyframe is waited for.
LONGEST_GROUP_SECONDS = 5
PATIENCE_SECONDS = 10  # after which an offer that has led to no connection is given up


def viewers(stack, stream):
    return stack.api(f"/streams/{stream['id']}/viewers")


def wait_for_reason(stack, stream, code, timeout=20):
    """The words for the only viewer of a stream, once its reason is `code`."""
    def words():
        [one] = viewers(stack, stream)["items"]
        assert one["why"]["code"] == code, one
        return one["why"]["text"]

    return wait_until(f"the reason is {code}", words, timeout=timeout)


def test_a_network_that_lets_nothing_through_is_told_of(stack, publish):
    stream, url, _, _ = stack.new_stream("why-no-pair")
    publish(url)
    assert post(stack, wait_watchable(stack, "why-no-pair", stream["id"]), offer()).status == 201
    words = wait_for_reason(stack, stream, "no_candidate_pair")
    assert "SFU_ADVERTISED_ADDRESSES" in words
    wait_until("it is given up", lambda: viewers(stack, stream)["count"] == 0, timeout=2 * PATIENCE_SECONDS)
    [last, *_] = viewers(stack, stream)["ended"]
    assert last["why"] == {"code": "no_candidate_pair", "text": words}


def test_a_wait_for_a_keyframe_is_told_of_with_the_age_of_the_last(stack, publish):
    stream, url, _, _ = stack.new_stream("why-keyframe")
    publish(url, gop=900)
    target = wait_watchable(stack, "why-keyframe", stream["id"])
    pause(LONGEST_GROUP_SECONDS + 1)
    viewer = AiortcViewer(stack, target)
    try:
        words = wait_for_reason(stack, stream, "waiting_for_keyframe", timeout=8)
        age = int(words.split("The last is ")[1].split(" s old")[0])
        assert age > LONGEST_GROUP_SECONDS and "interval" in words, words
        assert viewer.pictures == 0
    finally:
        viewer.close()


@pytest.mark.calm
def test_loss_is_told_of_with_its_share(stack, publish, chromium):
    relay = UDPRelay(stack.port("sfu-webrtc"))
    try:
        stream, url, _, _ = stack.new_stream("why-loss")
        publish(url)
        page = ViewerPage(stack, chromium.another(relay.rewrite))
        assert page.watch(wait_watchable(stack, "why-loss", stream["id"]))["status"] == 201
        wait_until("pictures come", lambda: page.decoded() > 60)
        relay.down.loss = 0.2
        # The share is that of the last report, which may be about a few packets.
        wait_until("its words tell about how much", lambda: 10 <= int(
            wait_for_reason(stack, stream, "loss").split("loses ")[1].split(" %")[0]) <= 30)
        relay.down.loss = 0
        wait_for_reason(stack, stream, "playing")
    finally:
        relay.close()


def test_b_frames_that_nobody_can_take_out_are_told_of(stack, publish):
    stream, url, _, _ = stack.new_stream("why-b-frames")
    publish(url, b_frames=2, codec_options=("-x264-params", "b-pyramid=normal:bframes=3:b-adapt=0"))
    worker = stack.pid("transcoder")
    os.kill(worker, signal.SIGSTOP)
    try:
        answer = wait_until(
            "the stream can be watched, if only without B-frames",
            lambda: (one := post(stack, f"/whep/{stream['id']}", offer())).status != 409 and one, timeout=40)
    finally:
        os.kill(worker, signal.SIGCONT)
    assert answer.status == 406 and answer.json()["code"] == "b_frames", answer.text
    assert "B-frames" in answer.json()["detail"]
    [last, *_] = viewers(stack, stream)["ended"]
    assert last["state"] == "refused" and last["why"]["code"] == "b_frames"
    # With somebody who makes them, the same address plays.
    wait_until("it can be watched", lambda: post(stack, f"/whep/{stream['id']}", offer()).status == 201)
