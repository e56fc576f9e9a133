"""RTMP in, WebRTC out: Chromium sees moving pictures; who may not, or cannot, is told why."""
import os
import time

import pytest
from media_bus import MediaBus
from waiting import wait_until
from whep import AiortcViewer, ViewerPage, offer, post, send, wait_watchable

VP8 = "a=rtpmap:96 VP8/90000"


@pytest.fixture
def viewer(stack):
    page = ViewerPage(stack)
    yield page
    page.close()


def viewers(stack, stream_id=None):
    return stack.api(f"/streams/{stream_id or stack.stream_id}/viewers")


@pytest.mark.calm
def test_a_published_picture_moves_in_chromium(stack, publish, viewer):
    publish(gop=60)
    wait_watchable(stack)
    assert viewer.watch()["status"] == 201
    wait_until("pictures come", lambda: viewer.decoded() > 30)
    before = viewer.decoded()
    wait_until("three seconds more", lambda: viewer.decoded() >= before + 90)
    seen = viewer.statistics()
    assert seen["state"] == "connected" and seen["width"] == 640
    assert seen["video"]["freezeCount"] == 0 and seen["video"]["packetsLost"] == 0
    print(f"first frame after {seen['firstFrame']:.0f} ms")
    assert seen["firstFrame"] < 800, seen["firstFrame"]
    own = viewers(stack)["items"][-1]
    assert own["state"] == "playing" and own["why"]["code"] == "playing" and own["transport"] == "udp"
    assert own["bitrate"] > 100_000 and own["roundTrip"] < 1


@pytest.mark.calm
def test_who_joins_at_any_moment_of_a_long_group_sees_a_picture_at_once(stack, publish, viewer):
    publish(gop=120)
    wait_watchable(stack)
    delays = []
    for _ in range(4):
        assert viewer.watch(sound=False)["status"] == 201
        wait_until("a picture", lambda: viewer.statistics()["firstFrame"] is not None, timeout=5)
        delays.append(viewer.statistics()["firstFrame"])
        decoded = viewer.decoded()
        wait_until("it moves", lambda: viewer.decoded() > decoded + 20)
        viewer.browser.evaluate("pc.close()")
    print("first frame after", [round(delay) for delay in delays], "ms")
    # The target is 250 ms; a machine that is busy with tests may keep it in one of four only.
    assert min(delays) < 250 and max(delays) < 1000, delays


def test_aiortc_decodes_pictures_and_sound(stack, publish):
    stream, url, _, _ = stack.new_stream("whep-aiortc")
    publish(url)
    viewer = AiortcViewer(stack, wait_watchable(stack, "whep-aiortc", stream["id"]))
    try:
        wait_until("pictures come", lambda: viewer.pictures > 60, timeout=20)
        wait_until("sound comes", lambda: viewer.sounds > 50, timeout=20)
        # It estimates by itself what its path carries, by the times at which packets left (REMB).
        wait_until("it says what it can take", lambda: viewers(stack, stream["id"])["items"][0].get("estimate"))
    finally:
        viewer.close()
    wait_until("nobody watches", lambda: viewers(stack, stream["id"])["count"] == 0)


def test_sound_of_a_stream_in_aac_comes_as_opus(stack, publish, viewer):
    publish()
    wait_watchable(stack)
    assert viewer.watch()["status"] == 201
    wait_until("sound comes", lambda: viewer.statistics().get("audio", {}).get("packetsReceived", 0) > 100)
    assert viewer.statistics()["audio"]["packetsLost"] == 0


def test_delete_ends_a_session_and_nothing_is_left_of_it(stack, publish, viewer):
    stream, url, _, _ = stack.new_stream("whep-delete")
    publish(url)
    session = viewer.watch(wait_watchable(stack, "whep-delete", stream["id"]))["location"]
    wait_until("pictures come", lambda: viewer.decoded() > 10)
    assert send(stack, session, "DELETE").status == 200
    wait_until("nobody watches", lambda: viewers(stack, stream["id"])["count"] == 0)
    assert send(stack, session, "DELETE").status == 404
    ended = viewers(stack, stream["id"])["ended"][0]
    assert ended["state"] == "closed" and ended["why"]["code"] == "ended"


def test_a_share_link_lets_one_watch_until_it_is_revoked(stack, publish, viewer):
    stream, url, watch_url, _ = stack.new_stream("whep-share")
    publish(url)
    wait_watchable(stack, "whep-share", stream["id"])
    viewer.browser.open(stack.site + "/healthz")
    secret = watch_url.partition("#s=")[2]
    exchanged = viewer.browser.evaluate(
        "fetch('/api/v1/share/exchange', {method: 'POST', headers: {'Content-Type': 'application/json'},"
        f" body: JSON.stringify({{secret: '{secret}'}})}}).then((answer) => answer.status)")
    assert exchanged == 200
    assert viewer.watch(f"/whep/{stack.stream_id}", headers={})["status"] in (401, 404)
    assert viewer.watch(f"/whep/{stream['id']}", headers={})["status"] == 201
    wait_until("pictures come", lambda: viewer.decoded() > 10)
    [share] = stack.api(f"/streams/{stream['id']}/shares")["items"]
    start = time.monotonic()
    stack.api(f"/streams/{stream['id']}/shares/{share['id']}", "DELETE")
    wait_until("the session is over", lambda: viewers(stack, stream["id"])["count"] == 0, timeout=5)
    over = time.monotonic() - start
    wait_until("the page hears of it", lambda: viewer.statistics()["dtls"] == "closed", timeout=5)
    heard = time.monotonic() - start
    print(f"revoked: over after {over * 1000:.0f} ms, the page knew after {heard * 1000:.0f} ms")
    assert heard < 1


def test_a_media_token_opens_whep_as_a_bearer_and_in_the_path(stack, publish):
    publish()
    target = wait_watchable(stack)
    token = stack.api(f"/streams/{stack.stream_id}/media-token", "POST", {"ttl": 600})["token"]
    bearer = {"Authorization": "Bearer " + token}
    answer = post(stack, target, offer(), **bearer)
    assert answer.status == 201
    assert send(stack, answer.headers["Location"], "DELETE", headers=bearer).status == 200
    nobody = {"Authorization": ""}
    answer = post(stack, f"/whep/~{token}/{stack.stream_id}", offer(), **nobody)
    assert answer.status == 201 and answer.headers["Location"].startswith(f"/whep/~{token}/")
    assert send(stack, answer.headers["Location"], "DELETE", headers=nobody).status == 200
    assert post(stack, target, offer(), **nobody).status == 401


def test_what_cannot_be_watched_is_refused_with_the_reason(stack, publish):
    stream, url, _, _ = stack.new_stream("whep-refused")
    target = f"/whep/{stream['id']}"
    answer = post(stack, target, offer())
    assert answer.status == 409 and answer.headers["Retry-After"] and answer.json()["code"] == "stream_not_live"
    head = send(stack, target, "HEAD")  # says what the address is, not whether anything is there now
    assert head.status == 200 and head.headers["Content-Type"] == "application/sdp"
    publish(url)
    wait_watchable(stack, "whep-refused", stream["id"])
    answer = post(stack, target, offer(VP8))
    assert answer.status == 406 and answer.json()["code"] == "codec_mismatch" and "avc1" in answer.json()["detail"]
    assert viewers(stack, stream["id"])["ended"][0]["why"]["code"] == "codec_mismatch"
    assert post(stack, target, "no description").status == 400
    assert send(stack, target, "POST", "x", {"Content-Type": "text/plain"}).status == 415
    assert send(stack, target, "GET").status == 405
    assert send(stack, target + "/0-aaaaaaaaaaaaaaaaaaaaaaaaaa", "DELETE").status == 404
    options = send(stack, target, "OPTIONS", headers={"Authorization": ""})
    assert options.status == 204 and "POST" in options.headers["Access-Control-Allow-Methods"]


def test_pictures_of_ten_bits_are_refused_with_what_to_set(stack, publish):
    stream, url, _, _ = stack.new_stream("ten-bits")
    publish(url, b_frames=2, codec_options=("-pix_fmt", "yuv420p10le"))
    wait_watchable(stack, "ten-bits", stream["id"])
    answer = post(stack, f"/whep/{stream['id']}", offer())
    assert answer.status == 406 and answer.json()["code"] == "pixels_not_carried"
    assert "yuv420p" in answer.json()["detail"]


def test_the_end_of_a_stream_is_said_to_its_viewers(stack, publish, viewer):
    stream, url, _, _ = stack.new_stream("whep-end")
    publisher = publish(url)
    viewer.watch(wait_watchable(stack, "whep-end", stream["id"]))
    wait_until("pictures come", lambda: viewer.decoded() > 10)
    publisher.stop()
    wait_until("goodbye", lambda: viewers(stack, stream["id"])["count"] == 0)


def pictures_with_b_frames(stack, publish, viewer, slug, x264):
    """Watches a publisher who sends 30 pictures a second with B-frames: what came, who makes a rendition without them,
    and how many pictures were left out meanwhile."""
    stream, url, _, _ = stack.new_stream(slug)
    publish(url, b_frames=2, gop=60, codec_options=("-x264-params", x264))
    target = wait_watchable(stack, slug, stream["id"])
    assert viewer.watch(target, sound=False)["status"] == 201
    wait_until("pictures come", lambda: viewer.decoded() > 60, timeout=30)
    viewer.measure_anew()
    before = stack.metric("sfu", "feed_dropped_pictures_total")
    count = viewer.decoded()
    wait_until("they go on coming", lambda: viewer.decoded() > count + 60)
    [own] = viewers(stack, stream["id"])["items"]
    assert own["state"] == "playing", own
    bus = MediaBus(stack)
    maker = bus.holder(stream["id"], "nob")
    bus.close()
    return viewer.statistics(), maker, stack.metric("sfu", "feed_dropped_pictures_total") - before


@pytest.mark.calm
def test_pictures_that_need_b_frames_come_without_them_and_do_not_stumble(stack, publish, viewer):
    seen, maker, _ = pictures_with_b_frames(stack, publish, viewer, "whep-b-frames", "b-pyramid=normal:bframes=3:b-adapt=0")
    assert maker, "a worker makes the rendition without them"
    assert seen["video"]["framesPerSecond"] >= 24, "each picture is there"
    assert seen["longestGap"] < 250 and seen["video"]["freezeCount"] <= 1, seen


@pytest.mark.calm
def test_b_frames_that_nothing_needs_are_left_out(stack, publish, viewer):
    seen, maker, dropped = pictures_with_b_frames(
        stack, publish, viewer, "whep-b-frames-unneeded", "b-pyramid=none:bframes=2:b-adapt=0")
    assert not maker, "nobody has to make anything"
    assert dropped > 60, "two of three pictures are left out"
    assert 7 <= seen["video"]["framesPerSecond"] <= 13, seen["video"]["framesPerSecond"]
    assert seen["longestGap"] < 400 and seen["video"]["freezeCount"] <= 1, seen


def test_sessions_and_descriptors_go_back_to_where_they_were(stack, publish):
    stream, url, _, _ = stack.new_stream("whep-churn")
    publish(url)
    target = wait_watchable(stack, "whep-churn", stream["id"])

    def descriptors():
        return len(os.listdir(f"/proc/{stack.pid('sfu')}/fd"))

    def join_and_leave(times):
        for _ in range(times):
            answer = post(stack, target, offer())
            assert answer.status == 201
            assert send(stack, answer.headers["Location"], "DELETE").status == 200

    join_and_leave(20)
    before = descriptors()
    join_and_leave(1000)
    assert viewers(stack, stream["id"])["count"] == 0
    wait_until("no descriptor is kept", lambda: descriptors() <= before + 4)
