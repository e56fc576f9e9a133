"""A viewer by TCP behind a router that would hold seconds of media: it stays near to life."""
import pytest

from browsers import Chromium
from slow_link import SlowLink
from test_network_ways import FOLLOW, wait_for_pictures
from waiting import pause
from whep import ViewerPage, wait_watchable

pytestmark = pytest.mark.calm

STREAM_RATE, LINK_RATE = 600_000, 400_000
QUEUE_BYTES = 250_000  # five seconds of the link
WATCH_SECONDS = 15
LOOK_SECONDS = 0.1
# As Shared/WebRTC/FrameConnection has them: beyond such a delay no more than so much is on its way.
PATH_DELAY_SECONDS, UNCONFIRMED_BYTES = 0.2, 16 * 1024
# One more burst of the sfu, which looks before it begins a picture, and the headers of all of it.
BURST_BYTES = 16 * 1024

# Run before the page's own scripts: of our candidates it hears of none by UDP.
ONLY_TCP = """
const setRemoteDescription = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function ({type, sdp}) {
  return setRemoteDescription.call(this, {type, sdp: sdp.replace(/a=candidate:\\S+ \\d+ udp .*\\r\\n/gi, "")});
};
"""


@pytest.fixture
def link():
    link = SlowLink(QUEUE_BYTES)
    yield link
    link.close()


def test_a_routers_long_queue_is_not_filled(stack, publish, link, tmp_path):
    stream, url, _, _ = stack.new_stream("slow-queue")
    publish(url, sound=False, codec_options=[
        "-b:v", f"{STREAM_RATE}", "-minrate", f"{STREAM_RATE}", "-maxrate", f"{STREAM_RATE}", "-bufsize", "100k",
        "-nal-hrd", "cbr"])
    target = wait_watchable(stack, "slow-queue", stream["id"])
    far = link.start_sfu(stack)
    tmp_path.chmod(0o755)
    browser = Chromium(first_script=ONLY_TCP, program=link.browser_program(tmp_path))
    try:
        page = ViewerPage(far, browser)
        assert page.watch(target, sound=False)["status"] == 201
        page.browser.evaluate(f"({FOLLOW})()")
        wait_for_pictures(page, 90)
        punctual = min(page.browser.evaluate("shown.splice(0)"))
        port = int(page.browser.evaluate("answer.match(/ tcp \\d+ \\S+ (\\d+) typ/i)[1]"))
        before = page.statistics()["video"]
        link.narrow(LINK_RATE)
        queued, delays = [], []
        for _ in range(round(WATCH_SECONDS / LOOK_SECONDS)):
            pause(LOOK_SECONDS)
            now, least = link.round_trips(port)
            queued.append(link.queued_bytes)
            delays.append(now - least)
        late = sorted(shown - punctual for shown in page.browser.evaluate("shown.splice(0)"))
        after = page.statistics()["video"]
        gained = {name: after[name] - before[name] for name in ("framesDecoded", "keyFramesDecoded", "packetsLost")}
        seen = (f"ms late: p50 {late[len(late) // 2]:.0f}, p99 {late[len(late) * 99 // 100]:.0f}, {late[-1]:.0f}; "
                f"bytes before the link: p50 {sorted(queued)[len(queued) // 2]}, most {max(queued)}; "
                f"round trip longer by {max(delays) * 1000:.0f} ms at most; {gained}")
        print(seen)
        assert page.statistics()["way"][0] == "tcp" and gained["packetsLost"] == 0, seen
        assert max(delays) > PATH_DELAY_SECONDS, f"the case was not reached: {seen}"
        assert max(queued) < UNCONFIRMED_BYTES + BURST_BYTES, seen
        assert late[len(late) // 2] < 1500 and late[-1] < 2500, seen
        assert gained["keyFramesDecoded"] >= 4, seen
        link.narrow(10 * STREAM_RATE)
        wait_for_pictures(page, 120)
    finally:
        browser.close()
