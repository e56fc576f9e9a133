"""Publishing by WebRTC: what real clients send is a live stream like any other."""
import concurrent.futures
import os
import subprocess
import urllib.parse

import pytest

from answers import keep_only_tcp
from browsers import Chromium
from recordings import finished, saved
from publisher import probe
from waiting import wait_until
from whip import AiortcPublisher, offer, post, send


def whip_url(stack, stream):
    return f"{stack.site}/whip/{stream['id']}"


def key_of(url):
    return url.rsplit("/", 1)[1]


def wait_state(stack, slug, state, timeout=20):
    return wait_until(f"{slug} is {state}", lambda: stack.watch_state(slug)["state"] == state, timeout=timeout)


def different_pictures(hls, seconds):
    """How many pictures of `seconds` of a stream differ, of how many."""
    command = ["ffmpeg", "-v", "error", "-i", hls, "-t", str(seconds), "-map", "0:v:0", "-f", "framemd5", "-"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    sums = [line.rsplit(",", 1)[1].strip() for line in done.stdout.splitlines() if line and not line.startswith("#")]
    return len(set(sums)), len(sums)


def segment_count(stack, hls):
    master = stack.request(hls, authorised=False)
    if master.status != 200:
        return 0
    video = next(line for line in master.text.splitlines() if line and not line.startswith("#"))
    return stack.request(urllib.parse.urljoin(hls, video), authorised=False).text.count("#EXTINF")


def wait_segments(stack, hls):
    wait_until("segments", lambda: segment_count(stack, hls) >= 2)


def streams_of(stack, recording):
    found = probe(saved(stack, recording), "-show_streams", "-count_packets")["streams"]
    return {one["codec_type"]: one for one in found}


def test_a_browser_publishes_and_the_picture_moves(stack, publish_by_browser):
    stream, url, _, hls = stack.new_stream("whip-browser")
    publisher = publish_by_browser()
    answer = publisher.publish(whip_url(stack, stream), key_of(url))
    assert answer["status"] == 201, answer
    assert answer["etag"].startswith('"')
    publisher.wait_connected()
    wait_state(stack, "whip-browser", "live")
    wait_segments(stack, hls)
    different, total = different_pictures(hls, 3)
    assert total >= 40 and different > total / 2

    statistics = publisher.statistics()
    assert statistics["videoLost"] == 0
    # One at the start, and one each two seconds because it is asked for.
    assert statistics["video"]["keyframes"] >= 2

    assert publisher.delete() == 200
    wait_state(stack, "whip-browser", "ended", timeout=3)
    assert publisher.delete() == 404
    kinds = streams_of(stack, finished(stack, stream))
    assert kinds["video"]["codec_name"] == "h264" and kinds["audio"]["codec_name"] == "opus"
    assert int(kinds["video"]["nb_read_packets"]) >= 60


@pytest.mark.parametrize("codec", ["video/VP9", "video/AV1"])
def test_other_codecs_of_a_browser_are_recorded(stack, publish_by_browser, codec):
    slug = "whip-" + codec[6:].lower()
    stream, url, _, hls = stack.new_stream(slug)
    publisher = publish_by_browser()
    assert publisher.publish(whip_url(stack, stream), key_of(url), codec)["status"] == 201
    publisher.wait_connected()
    wait_segments(stack, hls)
    different, total = different_pictures(hls, 2)
    assert different > total / 2
    assert publisher.delete() == 200
    kinds = streams_of(stack, finished(stack, stream))
    assert kinds["video"]["codec_name"] == codec[6:].lower()


def test_a_browser_publishes_over_tcp_where_udp_is_blocked(stack, publish_by_browser):
    stream, url, _, hls = stack.new_stream("whip-tcp")
    publisher = publish_by_browser(Chromium(rewrite_answer=keep_only_tcp))
    assert publisher.publish(whip_url(stack, stream), key_of(url))["status"] == 201
    publisher.wait_connected()
    wait_segments(stack, hls)
    assert publisher.statistics()["transport"] == "tcp"
    different, total = different_pictures(hls, 2)
    assert different > total / 2
    assert publisher.delete() == 200


def test_a_member_needs_no_key_and_others_do(stack, publish_by_browser):
    stream, _, _, _ = stack.new_stream("whip-member")
    publisher = publish_by_browser()
    assert publisher.publish(whip_url(stack, stream))["status"] == 401
    answer = publisher.publish(whip_url(stack, stream), stack.access["api_token"])
    assert answer["status"] == 201, answer
    publisher.wait_connected()
    wait_state(stack, "whip-member", "live")
    assert publisher.delete() == 200


def test_ice_restarts_while_media_go_on(stack, publish_by_browser):
    stream, url, _, _ = stack.new_stream("whip-restart")
    publisher = publish_by_browser()
    first = publisher.publish(whip_url(stack, stream), key_of(url))
    assert first["status"] == 201
    publisher.wait_connected()
    again = publisher.restart()
    assert again["status"] == 200, again
    assert again["etag"] != first["etag"]
    before = publisher.statistics()["video"]["packets"]
    wait_until("packets after the restart", lambda: publisher.statistics()["video"]["packets"] > before + 60)
    assert publisher.statistics()["state"] == "connected"
    wait_state(stack, "whip-restart", "live")
    fragment = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
    stale = send(
        "PATCH", first["location"], fragment,
        Content_Type="application/trickle-ice-sdpfrag", If_Match=first["etag"],
    )
    assert stale.status == 412
    assert publisher.delete() == 200


@pytest.mark.parametrize("dies", [False, True], ids=["hangs-up", "dies"])
def test_a_lost_publisher_goes_on_with_its_session(stack, publish_by_browser, dies):
    slug = "whip-died" if dies else "whip-hung-up"
    stream, url, _, hls = stack.new_stream(slug)
    publisher = publish_by_browser()
    assert publisher.publish(whip_url(stack, stream), key_of(url))["status"] == 201
    publisher.wait_connected()
    wait_segments(stack, hls)
    session = stack.watch_state(slug)["session"]["id"]
    if dies:
        publisher.close()
    else:
        publisher.hang_up()
        wait_state(stack, slug, "away", timeout=5)

    second = publish_by_browser() if dies else publisher
    answer = wait_until(
        "the stream is free",
        lambda: next((one for one in [second.publish(whip_url(stack, stream), key_of(url))] if one["status"] == 201), None),
    )
    assert answer["status"] == 201
    second.wait_connected()
    wait_state(stack, slug, "live")
    assert stack.watch_state(slug)["session"]["id"] == session
    assert second.delete() == 200


def test_aiortc_publishes(stack):
    stream, url, _, hls = stack.new_stream("whip-aiortc")
    publisher = AiortcPublisher(whip_url(stack, stream), key_of(url))
    try:
        assert publisher.status == 201
        wait_until("aiortc is connected", lambda: publisher.state == "connected")
        wait_segments(stack, hls)
        _, total = different_pictures(hls, 2)
        assert total >= 30
        assert send("DELETE", publisher.session).status == 200
    finally:
        publisher.close()
    kinds = streams_of(stack, finished(stack, stream))
    assert kinds["video"]["codec_name"] == "h264" and kinds["audio"]["codec_name"] == "opus"


def test_every_refusal_has_its_status(stack):
    stream, url, _, _ = stack.new_stream("whip-refusals")
    target, key = whip_url(stack, stream), key_of(url)
    good = offer("chromium-publish")

    assert post(target, good, "whip-refusals?k=wrong").json()["code"] == "wrong_key"
    unknown = post(target, good)
    assert unknown.status == 401 and unknown.headers["WWW-Authenticate"].startswith("Bearer")
    other, _, _, _ = stack.new_stream("whip-refusals-2")
    assert post(whip_url(stack, other), good, key).status == 401
    assert post(f"{stack.site}/whip/{'a' * 26}", good, stack.access["api_token"]).status == 404

    assert post(target, good, key, content_type="text/plain").status == 415
    assert post(target, "hello", key).status == 400
    assert post(target, offer("chromium-watch"), key).json()["code"] == "nothing_offered"
    assert post(target, good.replace("sha-256", "sha-1"), key).status == 422
    assert post(target, good + "a=x\r\n" * 20_000, key).status == 413
    assert send("GET", target).status in (404, 405)

    session = f"{target}/{'a' * 26}"
    fragment = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
    kind = "application/trickle-ice-sdpfrag"
    assert send("PATCH", session, fragment, Content_Type=kind).status == 404
    assert send("DELETE", session).status == 404

    accepted = post(target, good, key)
    assert accepted.status == 201
    session = urllib.parse.urljoin(target, accepted.headers["Location"])
    candidate = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
    trickled = send("PATCH", session, candidate, Content_Type=kind)
    assert trickled.status == 204 and "ETag" not in trickled.headers  # RFC 9725 §4.3.2
    assert send("PATCH", session, "x", Content_Type=kind).status == 400
    assert send("PATCH", session, candidate, Content_Type="text/plain").status == 415
    assert send("PATCH", session, candidate, Content_Type=kind, If_Match='"stale"').status == 412
    assert send("PATCH", session, fragment, Content_Type=kind).status == 428
    assert send("DELETE", session).status == 200


def test_sessions_of_publishers_leave_nothing_behind(stack):
    streams = [stack.new_stream(f"whip-churn-{number}") for number in range(8)]
    description = offer("chromium-publish")

    def descriptors():
        return len(os.listdir(f"/proc/{stack.pid('ingest')}/fd"))

    def join_and_leave(stream, times):
        target = whip_url(stack, stream)
        for _ in range(times):
            answer = post(target, description, stack.access["api_token"])
            assert answer.status == 201, answer.text
            assert send("DELETE", urllib.parse.urljoin(target, answer.headers["Location"])).status == 200

    def all_join_and_leave(times):
        with concurrent.futures.ThreadPoolExecutor(len(streams)) as pool:
            for done in [pool.submit(join_and_leave, stream, times) for stream, *_ in streams]:
                done.result()

    all_join_and_leave(3)  # opens the connections that are kept to the gateway and the database
    before, publishers = descriptors(), stack.metric("ingest", "publishers")
    all_join_and_leave(125)
    wait_until("nobody is left", lambda: stack.metric("ingest", "publishers") <= publishers)
    wait_until("no descriptor is kept", lambda: descriptors() <= before + 2 * len(streams))


def test_pages_of_other_origins_may_publish(stack):
    stream, url, _, _ = stack.new_stream("whip-origins")
    target = whip_url(stack, stream)
    allowed = send("OPTIONS", target, Origin="https://example.org", Access_Control_Request_Method="POST")
    assert allowed.status == 204
    assert allowed.headers["Accept-Post"] == "application/sdp"
    assert allowed.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
    refused = post(target, "hello", key_of(url))
    assert refused.status == 400 and refused.headers["Access-Control-Allow-Origin"] == "*"
    accepted = post(target, offer("chromium-publish"), key_of(url))
    exposed = set(accepted.headers["Access-Control-Expose-Headers"].split(", "))
    assert accepted.status == 201 and all(
        name in exposed and accepted.headers[name] for name in ("Location", "ETag", "Link")), accepted.headers
    assert send("DELETE", urllib.parse.urljoin(target, accepted.headers["Location"])).status == 200


def test_a_second_publisher_waits_for_the_first(stack, publish, publish_by_browser):
    stream, url, _, _ = stack.new_stream("whip-busy")
    publish(url)
    wait_state(stack, "whip-busy", "live")
    refused = post(whip_url(stack, stream), offer("chromium-publish"), key_of(url))
    assert refused.status == 409 and int(refused.headers["Retry-After"]) > 0
