"""Who lies on the network of WebRTC is refused, counted, and noticed by nobody else."""
import contextlib
import http.client
import random
import re
import socket
import urllib.parse

import pytest

import stun
from conftest import PUBLISHER_LIMIT, VIEWER_LIMIT
from publisher import Publisher
from stack import Response
from test_bad_input import processes  # noqa: F401  (a fixture)
from udp_relay import UDPRelay
from waiting import pause, wait_until
from whep import AiortcViewer, ViewerPage, offer, post, send, wait_watchable
from whip import AiortcPublisher
from whip import offer as publishing_offer
from whip import post as publish_offer

OFFERS_OF_AN_ADDRESS = 64  # that have led to no connection, where there are as few places as in these tests
PORTS = {"ingest": "ingest-webrtc", "sfu": "sfu-webrtc"}


@pytest.fixture(scope="module")
def bystander(stack):
    """A page that watches a stream of its own all the time."""
    stream, url, _, _ = stack.new_stream("bystander")
    publisher = Publisher(url)
    page = None
    try:
        target = wait_watchable(stack, "bystander", stream["id"])
        page = ViewerPage(stack)
        page.target = target
        assert page.watch(target)["status"] == 201
        yield page
    finally:
        if page:
            page.close()
        publisher.close()


@pytest.fixture
def undisturbed(bystander, processes):  # noqa: F811
    """A viewer that must not notice anything of the test; returns what it watches."""
    wait_until("pictures come", lambda: bystander.decoded() > 30)
    before = bystander.statistics()["video"]
    yield bystander.target
    count = bystander.decoded()
    wait_until("pictures still come", lambda: bystander.decoded() > count + 30)
    after = bystander.statistics()["video"]
    assert all(after[name] == before[name] for name in ("packetsLost", "nackCount", "pliCount")), (before, after)


def refused(stack, service, reason):
    return stack.metric(service, f'webrtc_refused_total{{reason="{reason}"}}')


def ended(stack, service, reason):
    return stack.metric(service, f'webrtc_peers_ended_total{{reason="{reason}"}}')


def wait_for_more(what, measure, before, least=1):
    wait_until(f"{what} is counted", lambda: measure() >= before + least, timeout=10)


def with_another_fingerprint(sdp):
    """A description with a certificate that nobody has."""
    return re.sub(r"(a=fingerprint:\S+ )(..)", lambda found: found[1] + ("00" if found[2] != "00" else "11"), sdp)


def test_a_certificate_that_is_not_the_offers_ends_the_session(stack, undisturbed):
    before = [ended(stack, service, "wrong_certificate") for service in PORTS]
    viewer = AiortcViewer(stack, undisturbed, rewrite_offer=with_another_fingerprint)
    stream, url, _, _ = stack.new_stream("liar")
    publisher = AiortcPublisher(
        f"{stack.site}/whip/{stream['id']}", url.rsplit("/", 1)[1], rewrite_offer=with_another_fingerprint)
    try:
        assert publisher.status == 201
        for service, count in zip(PORTS, before):
            wait_for_more(service, lambda: ended(stack, service, "wrong_certificate"), count)
        assert viewer.pictures == 0
        stream_id = undisturbed.rsplit("/", 1)[1]
        [last, *_] = stack.api(f"/streams/{stream_id}/viewers")["ended"]
        assert last["why"]["code"] == "wrong_certificate", last
        assert stack.state_of("liar") != "live"
    finally:
        viewer.close()
        publisher.close()


class Forger:
    """Sends every protected packet of a peer twice, and before that once with a flipped bit."""

    def __init__(self):
        self._random = random.Random(7)
        self.count = {"rtp": 0, "rtcp": 0}

    def __call__(self, is_up, datagram):
        if not is_up or not 128 <= datagram[0] <= 191:
            return ()
        self.count["rtcp" if 192 <= datagram[1] <= 223 else "rtp"] += 1
        forged = bytearray(datagram)
        forged[self._random.randrange(len(forged))] ^= 1 << self._random.randrange(8)
        return bytes(forged), datagram


def test_replayed_and_forged_packets_change_nothing(stack, bystander, undisturbed, publish_by_browser):
    relays = {service: UDPRelay(stack.port(port)) for service, port in PORTS.items()}
    forgers = {service: Forger() for service in PORTS}
    for service, one in relays.items():
        one.meddle(forgers[service])
    before = {service: [refused(stack, service, one) for one in ("forged", "replayed")] for service in PORTS}
    try:
        stream, url, _, _ = stack.new_stream("forged")
        publisher = publish_by_browser(bystander.browser.another(relays["ingest"].rewrite))
        assert publisher.publish(f"{stack.site}/whip/{stream['id']}", url.rsplit("/", 1)[1])["status"] == 201
        publisher.wait_connected()
        viewer = ViewerPage(stack, bystander.browser.another(relays["sfu"].rewrite))
        assert viewer.watch(wait_watchable(stack, "forged", stream["id"]))["status"] == 201
        wait_until("pictures come", lambda: viewer.decoded() > 120)
        assert forgers["ingest"].count["rtp"] > 300
        for service, forger in forgers.items():
            assert forger.count["rtcp"] > 5
            for reason, old in zip(("forged", "replayed"), before[service]):
                wait_for_more(reason, lambda: refused(stack, service, reason), old, least=sum(forger.count.values()) // 2)
        assert viewer.statistics()["video"]["packetsLost"] == 0
        assert publisher.statistics()["videoLost"] == 0
        assert publisher.delete() == 200  # before its way is closed
    finally:
        for one in relays.values():
            one.close()


def ask(port, data, timeout=0.5):
    """Sends one datagram from a new port; returns the answer, None where none comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(timeout)
        peer.sendto(data, ("127.0.0.1", port))
        try:
            return peer.recv(2048)
        except TimeoutError:
            return None


def test_checks_without_the_password_and_handshakes_without_a_check_lead_nowhere(stack, undisturbed):
    sessions = {"sfu": post(stack, undisturbed, offer())}
    stream, url, _, _ = stack.new_stream("unproven")
    sessions["ingest"] = publish_offer(
        f"{stack.site}/whip/{stream['id']}", publishing_offer("chromium-publish"), url.rsplit("/", 1)[1])
    ours = {"sfu": "abcd", "ingest": stun.credentials(publishing_offer("chromium-publish"))[0]}
    hello = b"\x16\xfe\xff" + bytes(8) + (50).to_bytes(2, "big") + b"\x01" + bytes(49)
    for service, port in PORTS.items():
        port = stack.port(port)
        fragment, password = stun.credentials(sessions[service].text)
        user = f"{fragment}:{ours[service]}"
        reasons = ("check_without_proof", "check_for_nobody", "unproven")
        before = {reason: refused(stack, service, reason) for reason in reasons}
        wrong = stun.request(user, "x" * len(password))
        answer = ask(port, wrong)
        assert answer is None or (stun.kind(answer) == stun.FAILURE and len(answer) <= len(wrong))
        assert ask(port, stun.request(f"nobody:{ours[service]}", password)) is None
        assert ask(port, hello) is None
        for reason in reasons:
            wait_for_more(reason, lambda: refused(stack, service, reason), before[reason])
        assert stun.kind(ask(port, stun.request(user, password))) == stun.SUCCESS


def test_a_check_that_was_caught_leads_media_to_nobody(stack, bystander, undisturbed):
    caught = []

    def catch(is_up, datagram):
        if is_up and stun.kind(datagram) == stun.REQUEST and stun.nominates(datagram):
            caught.append(datagram)
        return ()

    relay = UDPRelay(stack.port("sfu-webrtc"))
    relay.meddle(catch)
    viewer = ViewerPage(stack, bystander.browser.another(relay.rewrite))
    try:
        assert viewer.watch(undisturbed)["status"] == 201
        wait_until("pictures come", lambda: viewer.decoded() > 60)
        wait_until("a check is caught", lambda: caught)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
            thief.settimeout(2)
            thief.sendto(caught[-1], ("127.0.0.1", stack.port("sfu-webrtc")))
            got = []
            try:
                while True:
                    got.append(thief.recv(2048))
            except TimeoutError:
                pass
        assert [stun.kind(one) for one in got] == [stun.SUCCESS] + [stun.REQUEST] * (len(got) - 1), got
        assert 2 <= len(got) <= 8, got
        assert viewer.statistics()["video"]["packetsLost"] == 0
    finally:
        relay.close()


def test_garbage_on_both_ports_is_counted_and_dropped(stack, undisturbed):
    source = random.Random(11)
    for service, name in PORTS.items():
        port = stack.port(name)
        before = refused(stack, service, "unknown"), refused(stack, service, "unproven")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for first in range(256):
                for size in (0, 1, 19, 1200):
                    peer.sendto(bytes([first]) + source.randbytes(size), ("127.0.0.1", port))
                pause(0.001)
        wait_for_more("what is no packet", lambda: refused(stack, service, "unknown"), before[0], least=100)
        wait_for_more("what nobody proved", lambda: refused(stack, service, "unproven"), before[1], least=100)
        for size in (0, 1, 2, 19, 1200, 70_000):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(source.randbytes(size))


def mutations(text, count):
    """`text` with lines lost, doubled, swapped or spoilt."""
    source = random.Random(13)
    lines = text.split("\r\n")
    for _ in range(count):
        broken = list(lines)
        for _ in range(source.randint(1, 4)):
            at = source.randrange(len(broken))
            way = source.randrange(5)
            if way == 0:
                del broken[at]
            elif way == 1:
                broken.insert(at, source.choice(lines))
            elif way == 2:
                broken[at] = broken[at][: source.randint(0, len(broken[at]))]
            elif way == 3:
                broken[at] = re.sub(r"\d+", str(source.choice([-1, 0, 2**16, 2**32, 2**64, 10**30])), broken[at])
            else:
                broken[at] = "".join(chr(source.choice([9, 32, 58, 61, 255, 0x20AC])) for _ in range(40))
        yield "\r\n".join(broken)


def test_spoilt_descriptions_are_answered_and_break_nothing(stack, undisturbed):
    stream, url, _, _ = stack.new_stream("spoilt")
    publishing, key = f"{stack.site}/whip/{stream['id']}", url.rsplit("/", 1)[1]
    statuses = set()
    for body in mutations(publishing_offer("chromium-watch"), 150):
        answer = post(stack, undisturbed, body)
        statuses.add(answer.status)
        if answer.status == 201:
            assert send(stack, answer.headers["Location"], "DELETE").status == 200
    for body in mutations(publishing_offer("chromium-publish"), 60):
        answer = publish_offer(publishing, body, key)
        statuses.add(answer.status)
        if answer.status == 201:
            assert send(stack, answer.headers["Location"], "DELETE").status == 200
    assert statuses <= {201, 400, 406, 422}, statuses
    assert len(statuses) > 2


def test_every_wrong_change_of_a_viewers_session_has_its_status(stack, undisturbed):
    answer = post(stack, undisturbed, offer())
    session, kind = answer.headers["Location"], {"Content-Type": "application/trickle-ice-sdpfrag"}

    def change(body, **headers):
        return send(stack, session, "PATCH", body, kind | headers).status

    fragment = "a=ice-ufrag:efgh\r\na=ice-pwd:0123456789012345678901\r\n"
    assert change("a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n") == 204
    assert change("x") == 400
    assert change(fragment) == 428
    assert send(stack, session, "PATCH", fragment, kind | {"If-Match": '"7"'}).status == 412
    assert change(fragment, **{"Content-Type": "text/plain"}) == 415
    assert change("a=x\r\n" * 40_000) == 413
    restarted = send(stack, session, "PATCH", fragment, kind | {"If-Match": "*"})
    assert restarted.status == 200 and restarted.headers["ETag"] != answer.headers["ETag"]
    assert "ice-pwd" in restarted.text
    assert send(stack, session, "DELETE").status == 200
    assert change(fragment) == 404


def offer_from(stack, host, target, description=None):
    """An offer that comes from one of this machine's own addresses, without anybody behind it; a viewer's by default."""
    site = urllib.parse.urlsplit(stack.site)
    with contextlib.closing(http.client.HTTPConnection(site.hostname, site.port, 20, (host, 0))) as connection:
        headers = {"Content-Type": "application/sdp", "Authorization": "Bearer " + stack.access["api_token"]}
        connection.request("POST", target, description or offer(), headers)
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())


def test_who_comes_when_all_places_are_taken_is_told_when_to_come_again(stack, undisturbed):
    taken = []
    try:
        answers = {}
        for host in (f"127.0.0.{number}" for number in range(2, 2 + VIEWER_LIMIT // OFFERS_OF_AN_ADDRESS + 1)):
            for _ in range(OFFERS_OF_AN_ADDRESS + 1):
                answer = answers[host] = offer_from(stack, host, undisturbed)
                if answer.status != 201:
                    break
                taken.append(answer.headers["Location"])
        *others, last = answers.values()
        assert all(one.status == 429 and one.json()["code"] == "too_many_offers" for one in others)
        assert all(int(one.headers["Retry-After"]) > 0 for one in answers.values())
        assert last.status == 503 and last.json()["code"] == "sessions_full", last.text
    finally:
        for session in taken:
            assert send(stack, session, "DELETE").status == 200


@pytest.fixture
def stages(stack):
    """Where as many may publish as there are places, and two more."""
    streams = [
        stack.api("/streams", "POST", {"slug": f"full-{number}", "title": "full"})["id"]
        for number in range(PUBLISHER_LIMIT + 2)
    ]
    yield [f"/whip/{stream}" for stream in streams]
    for stream in streams:
        wait_until("nobody publishes any more", lambda: stack.api(f"/streams/{stream}", "DELETE"))


def test_publishers_that_only_offer_have_their_share_of_the_places(stack, stages):
    description, taken, rest = publishing_offer("chromium-publish"), [], list(stages)

    def fill(host):
        """Offers from there until one is refused, and returns how."""
        while (answer := offer_from(stack, host, rest[-1], description)).status == 201:
            taken.append(answer.headers["Location"])
            rest.pop()
        assert int(answer.headers["Retry-After"]) > 0
        return answer.status, answer.json()["code"]

    def wait_filled(host, how, count):
        """Until all places are the test's own: what tests before it have left is given up."""
        wait_until(f"{count} places are taken", lambda: (fill(host), len(taken)) == (how, count))

    wait_until("nobody publishes by WebRTC", lambda: (
        stack.metric("ingest", "publishers") == stack.metric("ingest", "rtmp_connections")), timeout=60)
    publisher = AiortcPublisher(stack.site + rest.pop(0), stack.access["api_token"])
    try:
        wait_until("somebody publishes", lambda: publisher.state == "connected")
        # This machine's own address is the publisher's, which has a place for good.
        wait_filled("127.0.0.1", (429, "too_many_offers"), OFFERS_OF_AN_ADDRESS)
        wait_filled("127.0.0.2", (503, "sessions_full"), PUBLISHER_LIMIT - 1)
        assert send(stack, taken.pop(0), "DELETE").status == 200
        wait_filled("127.0.0.1", (503, "sessions_full"), PUBLISHER_LIMIT - 1)
    finally:
        for session in taken:
            assert send(stack, session, "DELETE").status == 200
        publisher.close()
