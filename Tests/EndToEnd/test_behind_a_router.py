"""An sfu behind a router that forwards a port to it: viewers come to the address and port that its settings name."""
import pytest

from browsers import Chromium
from slow_link import MEDIA_PORT, SERVER, SlowLink
from waiting import wait_until
from whep import ViewerPage, wait_watchable

INNER = "10.77.0.1"
FORWARDED_PORT = 20190


@pytest.fixture
def link():
    link = SlowLink(queue_bytes=1_000_000)
    yield link
    link.close()


def test_viewers_come_by_the_advertised_address(stack, publish, link, tmp_path):
    stream, url, _, _ = stack.new_stream("behind-router")
    publish(url)
    target = wait_watchable(stack, "behind-router", stream["id"])
    link.start_router(INNER, FORWARDED_PORT)
    far = link.start_sfu(
        stack, SFU_WEBRTC_ADDRESS=INNER, SFU_WEBRTC_PORT=str(MEDIA_PORT),
        SFU_ADVERTISED_ADDRESSES=SERVER, SFU_ADVERTISED_PORTS=f"{FORWARDED_PORT}-{FORWARDED_PORT}")
    tmp_path.chmod(0o755)
    browser = Chromium(program=link.browser_program(tmp_path))
    try:
        page = ViewerPage(far, browser)
        assert page.watch(target)["status"] == 201
        wait_until("there are pictures and sound", lambda: all(
            page.statistics().get(kind, {}).get(count, 0) > 30
            for kind, count in (("video", "framesDecoded"), ("audio", "packetsReceived"))))
        candidates = [line.split() for line in browser.evaluate("answer").splitlines() if "a=candidate" in line]
        assert candidates[0][4:6] == [SERVER, str(FORWARDED_PORT)], "the advertised address comes first"
        assert page.statistics()["way"][0] == "udp", "and the others lead nowhere"
    finally:
        browser.close()
