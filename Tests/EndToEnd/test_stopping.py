"""Offers of WebRTC that come while a service stops, or while something that it needs is away."""
import http.client
import os
import signal

import pytest

from waiting import wait_until
from whep import offer, wait_watchable
from whep import post as watch
from whip import offer as publishing_offer
from whip import post as publish_offer
from whip import send


NEVER_CONNECTED = 'webrtc_peers_ended_total{reason="never_connected"}'


def test_a_session_whose_answer_was_lost_is_over_within_ten_seconds(stack, publish):
    stream, url, _, _ = stack.new_stream("answer-lost")
    publish(url)
    target = wait_watchable(stack, "answer-lost", stream["id"])
    before = stack.metric("sfu", NEVER_CONNECTED)
    assert [watch(stack, target, offer()).status for _ in range(2)] == [201, 201], "the page has asked again"
    assert stack.metric("sfu", "viewers") >= 2
    wait_until("nothing is left", lambda: stack.metric("sfu", NEVER_CONNECTED) >= before + 2, timeout=14)
    assert stack.api(f"/streams/{stream['id']}/viewers")["count"] == 0


class SlowOffer:
    """An offer whose second half is sent later; past the gateway, which would wait for all of it."""

    def __init__(self, stack, service, path, body):
        self._connection = http.client.HTTPConnection("127.0.0.1", stack.port(service), timeout=20)
        self._rest = body.encode()
        self._connection.putrequest("POST", path)
        headers = {
            "Content-Type": "application/sdp", "Content-Length": str(len(self._rest)),
            "X-Martlet-Role": "admin", "X-Martlet-Subject": "tests", "X-Martlet-Streams": "*",
        }
        for name, value in headers.items():
            self._connection.putheader(name, value)
        self._connection.endheaders()
        half = len(self._rest) // 2
        self._connection.send(self._rest[:half])
        self._rest = self._rest[half:]

    def finish(self):
        self._connection.send(self._rest)
        return self._connection.getresponse()


def takes_connections(stack, service):
    try:
        http.client.HTTPConnection("127.0.0.1", stack.port(service), timeout=5).connect()
        return True
    except OSError:
        return False


@pytest.mark.parametrize("service, path, body", [
    ("ingest", "/whip/", publishing_offer("chromium-publish")), ("sfu", "/whep/", offer()),
], ids=["ingest", "sfu"])
def test_an_offer_under_way_when_its_replica_stops_is_told_to_come_again(stack, publish, service, path, body):
    stream, url, _, _ = stack.new_stream(f"stopping-{service}")
    if service == "sfu":
        publish(url)
        wait_watchable(stack, f"stopping-{service}", stream["id"])
    process = stack.pid(service)
    slow = SlowOffer(stack, service, path + stream["id"], body)
    os.kill(process, signal.SIGTERM)
    wait_until("it takes no more connections", lambda: not takes_connections(stack, service))
    answer = slow.finish()
    assert answer.status == 503 and answer.getheader("Retry-After") == "1", answer.read()
    assert b'"draining"' in answer.read()
    wait_until("the next one is there", lambda: stack.pid(service) != process and takes_connections(stack, service))


def test_peers_are_told_to_come_again_while_the_bus_does_not_answer(stack):
    stream, url, _, _ = stack.new_stream("bus-silent")
    target, key = f"{stack.site}/whip/{stream['id']}", url.rsplit("/", 1)[1]
    bus = stack.pid("redis-bus")
    os.kill(bus, signal.SIGSTOP)
    try:
        refused = [publish_offer(target, publishing_offer("chromium-publish"), key), watch(stack, f"/whep/{stream['id']}", offer())]
    finally:
        os.kill(bus, signal.SIGCONT)
    for answer in refused:
        assert answer.status == 503 and answer.json()["code"] == "unavailable", answer.text
        assert int(answer.headers["Retry-After"]) > 0
    answer = wait_until(
        "publishers are taken again",
        lambda: (tried := publish_offer(target, publishing_offer("chromium-publish"), key)).status == 201 and tried)
    assert send("DELETE", stack.absolute(answer.headers["Location"]), None, Authorization=f"Bearer {key}").status == 200
