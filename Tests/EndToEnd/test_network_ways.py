"""The ways that media take: TCP, IPv6, another way after a restart of ICE, from loop to loop, and at another pace."""
import socket

import pytest

import stun
from answers import keep_only_tcp, lead_to
from media_bus import MediaBus
from tcp_relay import TCPRelay
from udp_relay import UDPRelay
from waiting import pause, wait_until
from whep import ViewerPage, is_watchable, offer, post, send, wait_watchable

FRAME_BYTES = 2


@pytest.fixture
def publish_from(stack, chromium, publish_by_browser):
    """Publishes from a window of Chromium to a new stream; returns the stream and the publisher."""

    def start(slug, rewrite_answer=None):
        stream, url, _, _ = stack.new_stream(slug)
        publisher = publish_by_browser(chromium.another(rewrite_answer))
        answer = publisher.publish(f"{stack.site}/whip/{stream['id']}", url.rsplit("/", 1)[1])
        assert answer["status"] == 201, answer
        publisher.wait_connected()
        return stream, publisher

    return start


def wait_for_pictures(page, count=60):
    before = page.decoded()
    wait_until("pictures come", lambda: page.decoded() >= before + count)


def test_publisher_and_viewers_by_tcp_and_ipv6(stack, chromium, publish_from):
    def over_v6(service):
        return lambda sdp: lead_to(sdp, "::1", stack.port(service))

    stream, publisher = publish_from("ways-v6", over_v6("ingest-webrtc"))
    target = wait_watchable(stack, "ways-v6", stream["id"])
    by_tcp = ViewerPage(stack, chromium.another(keep_only_tcp))
    by_v6 = ViewerPage(stack, chromium.another(over_v6("sfu-webrtc")))
    for page in (by_tcp, by_v6):
        assert page.watch(target)["status"] == 201
    for page in (by_tcp, by_v6):
        wait_for_pictures(page)
        assert page.statistics()["video"]["packetsLost"] == 0
    assert by_tcp.statistics()["way"][0] == "tcp"
    assert by_v6.statistics()["way"][0] == "udp"
    seen = {one["transport"]: one for one in stack.api(f"/streams/{stream['id']}/viewers")["items"]}
    assert seen["tcp"]["state"] == seen["udp"]["state"] == "playing" and seen["udp"]["address"] == "::1"
    # A browser does not always tell whom it speaks to; its answer had no other address.
    assert publisher.statistics()["address"] in ("::1", "")


def test_ice_of_a_viewer_restarts_while_it_watches(stack, chromium, publish):
    stream, url, _, _ = stack.new_stream("ways-restart")
    publish(url)
    target = wait_watchable(stack, "ways-restart", stream["id"])
    page = ViewerPage(stack, chromium)
    first = page.watch(target)
    assert first["status"] == 201
    wait_for_pictures(page)
    page.measure_anew()
    again = page.restart()
    assert again["status"] == 200 and again["etag"] != first["etag"], again
    wait_for_pictures(page)
    seen = page.statistics()
    assert seen["state"] == "connected" and seen["longestGap"] < 500, seen["longestGap"]
    assert stack.api(f"/streams/{stream['id']}/viewers")["count"] == 1


def test_peers_are_followed_when_their_nat_forgets_them(stack, chromium, publish_from):
    relays = [UDPRelay(stack.port(service)) for service in ("ingest-webrtc", "sfu-webrtc")]
    try:
        stream, publisher = publish_from("ways-nat", relays[0].rewrite)
        page = ViewerPage(stack, chromium.another(relays[1].rewrite))
        assert page.watch(wait_watchable(stack, "ways-nat", stream["id"]))["status"] == 201
        wait_for_pictures(page)
        for relay in relays:  # one after the other, as a browser's check may take some seconds to come
            relay.forget()
            wait_for_pictures(page, 150)
        assert publisher.statistics()["state"] == page.statistics()["state"] == "connected"
        assert stack.api(f"/streams/{stream['id']}/viewers")["count"] == 1
        assert publisher.delete() == 200  # before its way is closed
    finally:
        for relay in relays:
            relay.close()


def test_a_tcp_connection_finds_its_viewer_on_any_loop(stack, publish):
    stream, url, _, _ = stack.new_stream("ways-loops")
    publish(url)
    target = wait_watchable(stack, "ways-loops", stream["id"])
    before = stack.metric("sfu", "webrtc_connections_passed_total")
    for _ in range(16):  # the kernel deals connections and the sfu deals sessions, each to both loops
        fragment, password = stun.credentials(post(stack, target, offer()).text)
        check = stun.request(f"{fragment}:abcd", password)
        with socket.create_connection(("127.0.0.1", stack.port("sfu-webrtc")), timeout=5) as connection:
            connection.sendall(len(check).to_bytes(FRAME_BYTES, "big") + check)
            answer = connection.recv(1500)
        assert stun.kind(answer[FRAME_BYTES:]) == stun.SUCCESS
    wait_until(
        "connections were passed on", lambda: stack.metric("sfu", "webrtc_connections_passed_total") > before)


def test_who_asks_for_a_keyframe_gets_one_of_a_publisher_by_webrtc(stack, publish_from):
    stream, publisher = publish_from("ways-keyframe")
    target = wait_watchable(stack, "ways-keyframe", stream["id"])
    bus = MediaBus(stack)
    try:
        for _ in range(4):  # one each two seconds comes by itself
            before = publisher.statistics()["video"]
            bus.command("SADD", bus.key("ask", stream["id"]), "keyframe")
            after = wait_until(
                "it is asked for, and comes",
                lambda: (now := publisher.statistics()["video"])["keyframes"] > before["keyframes"] and now, timeout=1.2)
            assert after["keyframesAsked"] > before["keyframesAsked"]
    finally:
        bus.close()
    assert is_watchable(stack, target)


FOLLOW = """() => {
  window.shown = [];
  const noted = (_, {presentationTime, rtpTimestamp}) => {
    shown.push(presentationTime - rtpTimestamp / 90);
    video.requestVideoFrameCallback(noted);
  };
  video.requestVideoFrameCallback(noted);
}"""


@pytest.mark.calm
def test_a_narrow_tcp_path_costs_pictures_and_not_seconds(stack, chromium, publish):
    relay = TCPRelay(stack.port("sfu-webrtc"))
    try:
        stream, url, _, _ = stack.new_stream("ways-narrow-tcp")
        publish(url, sound=False, codec_options=[
            "-b:v", "600k", "-minrate", "600k", "-maxrate", "600k", "-bufsize", "100k", "-nal-hrd", "cbr"])
        page = ViewerPage(stack, chromium.another(relay.rewrite))
        assert page.watch(wait_watchable(stack, "ways-narrow-tcp", stream["id"]), sound=False)["status"] == 201
        page.browser.evaluate(f"({FOLLOW})()")
        wait_for_pictures(page, 90)
        punctual = min(page.browser.evaluate("shown.splice(0)"))
        relay.rate = 400_000
        before = page.statistics()["video"]
        pause(12)  # long enough to be 4 s late
        late = sorted(shown - punctual for shown in page.browser.evaluate("shown.splice(0)"))
        after = page.statistics()["video"]
        gained = {name: after[name] - before[name] for name in ("framesDecoded", "keyFramesDecoded", "packetsLost")}
        seen = f"ms late: p50 {late[len(late) // 2]:.0f}, p99 {late[len(late) * 99 // 100]:.0f}, {late[-1]:.0f}; {gained}"
        print(seen)
        # With what the browser holds back itself, as pictures come so unevenly.
        assert late[len(late) // 2] < 1500 and late[-1] < 2500, seen
        assert gained["keyFramesDecoded"] >= 4 and gained["framesDecoded"] > 0.45 * 30 * 12, seen
        assert gained["packetsLost"] == 0 and page.statistics()["way"][0] == "tcp"
        relay.rate = None
        wait_for_pictures(page, 120)
    finally:
        relay.close()


@pytest.mark.calm
def test_a_narrow_link_makes_both_ends_go_slower(stack, chromium, publish_from):
    up, down = UDPRelay(stack.port("ingest-webrtc")), UDPRelay(stack.port("sfu-webrtc"))
    try:
        stream, publisher = publish_from("ways-narrow", up.rewrite)
        page = ViewerPage(stack, chromium.another(down.rewrite))
        assert page.watch(wait_watchable(stack, "ways-narrow", stream["id"]))["status"] == 201
        wait_for_pictures(page)

        def target():
            return publisher.statistics()["video"]["target"]

        def estimate():
            [viewer] = stack.api(f"/streams/{stream['id']}/viewers")["items"]
            return viewer["estimate"]

        down.set(rate=400_000)
        wait_until("the sfu notices", lambda: estimate() < 700_000)
        down.set(rate=None)
        wide = target()
        up.set(rate=200_000)  # less than it sends, whatever its target is
        narrow = wait_until("the publisher slows down", lambda: target() < 0.75 * wide and target())
        up.set(rate=None)
        wait_until("and goes faster again", lambda: target() > 1.3 * narrow, timeout=30)
        wait_for_pictures(page, 20)
        assert publisher.delete() == 200  # before its way is closed
    finally:
        up.close()
        down.close()
