"""Several replicas of ingest, sfu and transcoder: one stops or dies, and nobody has to do anything."""
import json
import os
import pathlib
import re
import signal
import tempfile
import time

import pytest

from browsers import Chromium
from conftest import GRACE_SECONDS, free_port_base
from crowd import Crowd
from publisher import BITS, CELL, wait_live
from stack import Stack
from waiting import wait_until
from watch_page import VIDEO, WatchPage
from whep import is_watchable, offer, post, send
from whip import AiortcPublisher

pytestmark = pytest.mark.calm

REPLICAS = {"sfu": (105, 222), "ingest": (103, 212), "transcoder": (106, 232)}  # HTTP ports beyond the base
CROWD_SIZE = 80
WEBRTC_PORTS = {"sfu": 190, "ingest": 180}

# Every picture that is shown, by the page's clock, with the number that is burnt into it.
NOTE_PICTURES = """
(() => {
  const video = VIDEO;
  const canvas = Object.assign(document.createElement('canvas'), { width: BITS * CELL, height: CELL });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  window.__pictures = [];
  const note = (now) => {
    context.drawImage(video, 0, 0, BITS * CELL, CELL, 0, 0, BITS * CELL, CELL);
    const pixels = context.getImageData(0, CELL / 2, BITS * CELL, 1).data;
    let number = 0;
    for (let bit = 0; bit < BITS; bit += 1) if (pixels[(bit * CELL + CELL / 2) * 4] > 127) number += 2 ** bit;
    window.__pictures.push([now, number]);
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
})()
""".replace("VIDEO", VIDEO).replace("BITS", str(BITS)).replace("CELL", str(CELL))


class ReplicatedStack(Stack):
    """A stack with two replicas of each service that can have several."""

    def __init__(self, data, port_base):
        settings = {f"MARTLET_{service.upper()}_REPLICAS": "2" for service in REPLICAS}
        super().__init__(data, port_base, settings | {"INGEST_GRACE_SECONDS": str(GRACE_SECONDS)})
        self.port_base = port_base

    def ask(self, service, path):
        """What each replica that is there answers for itself, by the name of its program."""
        answers = {}
        for name, port in zip((service, service + "-2"), REPLICAS[service]):
            headers = {"Martlet-Hop": "1", "X-Martlet-Role": "admin", "X-Martlet-Streams": "*"}
            url = f"http://127.0.0.1:{self.port_base + port}{path}"
            try:
                answers[name] = self.request(url, headers=headers, authorised=False)
            except OSError:
                continue
        return answers

    def viewers_of(self, stream_id):
        """The sessions of those who watch at each replica of the sfu that answers."""
        answers = self.ask("sfu", f"/api/v1/streams/{stream_id}/viewers")
        return {
            name: [viewer["id"] for viewer in answer.json()["items"]]
            for name, answer in answers.items()
            if answer.status == 200
        }

    def publisher_of(self, stream_id):
        """The replica of ingest that has the publisher."""
        answers = self.ask("ingest", f"/api/v1/streams/{stream_id}/publisher")
        return next((name for name, answer in answers.items() if answer.status == 200), None)

    def watched_at(self, stream_id):
        """The replica of the sfu that one viewer watches at, and the viewer's session there."""
        def find():
            return next(((name, ids[0]) for name, ids in self.viewers_of(stream_id).items() if len(ids) == 1), None)

        return wait_until("somebody watches", find)

    def signal(self, name, how):
        os.kill(self.pid(name), how)

    def wait_for_all(self):
        """Until every replica is ready again."""
        def ready():
            answers = [one.status for service in REPLICAS for one in self.ask(service, "/readyz").values()]
            return answers == [200] * 2 * len(REPLICAS)

        wait_until("every replica is ready", ready, timeout=30)


@pytest.fixture(scope="module")
def replicated():
    data = pathlib.Path(tempfile.mkdtemp(prefix="martlet-replicas-"))
    data.chmod(0o755)  # the services run as another user than root
    stack = ReplicatedStack(data / "data", free_port_base())
    try:
        stack.up()
        stack.wait_until_ready()
        yield stack
    finally:
        stack.down()


@pytest.fixture
def stack(replicated):
    """The replicas in place of the one stack of the other tests, all of them ready."""
    replicated.wait_for_all()
    return replicated


@pytest.fixture
def page():
    browser = Chromium()
    yield browser
    browser.close()


def wait_watchable(stack, slug, stream):
    wait_live(stack, slug)
    target = f"/whep/{stream['id']}"
    wait_until("it can be watched", lambda: is_watchable(stack, target))
    return target


def watch_by_webrtc(stack, page, watch_url):
    """Opens the watch page, waits until it plays by WebRTC, and begins to note every picture."""
    watching = WatchPage(page, watch_url)
    wait_until("WebRTC plays", lambda: (state := watching.snapshot()) and state["engine"] == "WebRTC" and state)
    watching.wait_for_moving_picture()
    page.evaluate(NOTE_PICTURES)
    wait_until("pictures are noted", lambda: page.evaluate("window.__pictures.length") > 30)
    return watching


def wait_for_another_session(stack, stream_id, watching, session):
    """Until the viewer has another session, at the other replica or at the one that came back in the meantime."""
    def has_moved():
        viewers = stack.viewers_of(stream_id)
        ids = sum(viewers.values(), [])
        assert len(ids) == 1 and ids != [session], json.dumps({"viewers": viewers, "page": watching.snapshot()})
        return True

    wait_until("the viewer has another session", has_moved)


def pictures(page):
    return page.evaluate("window.__pictures")


def longest_gap(noted):
    """The longest time in ms that one picture stood on the screen."""
    changes = [time for (time, number), (_, before) in zip(noted[1:], noted) if number != before]
    return max(later - earlier for earlier, later in zip(changes, changes[1:]))


def lag(noted, frame_rate=30):
    """How much later the last picture is than the first by the publisher's clock, beyond the time between, in s."""
    (first_time, first), (last_time, last) = noted[0], noted[-1]
    return (last_time - first_time) / 1000 - (last - first) % 2 ** BITS / frame_rate


def test_every_replica_has_a_port_of_its_own_and_any_answers_for_another(stack, publish):
    stream, url, _, _ = stack.new_stream("replicas-slots")
    publish(url)
    target = wait_watchable(stack, "replicas-slots", stream)
    sessions = {}
    for _ in range(8):
        answer = post(stack, target, offer())
        assert answer.status == 201
        slot = int(re.search(r"/(\d+)-[a-z2-7]+$", answer.headers["Location"])[1])
        ports = {int(port) for port in re.findall(r"a=candidate:\S+ 1 \S+ \d+ \S+ (\d+) ", answer.text)}
        assert ports == {stack.port_base + WEBRTC_PORTS["sfu"] + slot}
        sessions.setdefault(slot, []).append(answer.headers["Location"])
    assert set(sessions) == {0, 1}
    assert stack.api(f"/streams/{stream['id']}/viewers")["count"] == 8
    assert sorted(map(len, stack.viewers_of(stream["id"]).values())) == sorted(map(len, sessions.values()))
    for location in sum(sessions.values(), []):
        assert send(stack, location, "DELETE").status == 200
        assert send(stack, location, "DELETE").status == 404
    assert stack.api(f"/streams/{stream['id']}/viewers")["count"] == 0


def test_viewers_of_a_replica_that_stops_see_no_gap_of_a_second(stack, publish, page):
    stream, url, watch_url, _ = stack.new_stream("replicas-drain")
    publish(url)
    wait_live(stack, "replicas-drain")
    watching = watch_by_webrtc(stack, page, watch_url)
    for _ in range(2):  # there, and back
        stack.wait_for_all()
        leaving, session = stack.watched_at(stream["id"])
        stack.signal(leaving, signal.SIGTERM)
        wait_for_another_session(stack, stream["id"], watching, session)
        before = len(pictures(page))
        wait_until("the picture goes on", lambda: len(pictures(page)) > before + 60)
    noted = pictures(page)
    print("longest gap of two moves:", round(longest_gap(noted)), "ms; lag:", round(lag(noted) * 1000), "ms")
    assert longest_gap(noted) <= 1000
    assert abs(lag(noted)) < 0.5
    state = watching.snapshot()
    assert state["engine"] == "WebRTC" and watching.was_never_reloaded()


def test_a_picture_goes_on_when_its_replica_sends_a_crowd_elsewhere(stack, publish, page):
    stream, url, watch_url, _ = stack.new_stream("replicas-crowd")
    publish(url)
    target = wait_watchable(stack, "replicas-crowd", stream)
    watching = watch_by_webrtc(stack, page, watch_url)
    leaving, session = stack.watched_at(stream["id"])
    began = time.monotonic()
    crowd = Crowd(stack, page, target, CROWD_SIZE)
    try:
        crowd.wait_until_all_play()
        print(f"{CROWD_SIZE} joined in {time.monotonic() - began:.1f} s")
        slot = session.split("-")[0] + "-"
        there = sum(one.startswith(slot) for one in crowd.sessions)
        assert there >= CROWD_SIZE // 4, crowd.sessions
        stack.signal(leaving, signal.SIGTERM)
        wait_until("the crowd has moved", lambda: len(crowd.moves) >= there)
        crowd.wait_until_all_play()
        before = len(pictures(page))
        wait_until("the picture goes on", lambda: len(pictures(page)) > before + 60)
        moves, gap = crowd.moves, longest_gap(pictures(page))
        print(f"{there + 1} moved: gap of the picture {gap:.0f} ms; connections again after {moves[len(moves) // 2]:.0f} ms"
              f" at the median, {moves[-1]:.0f} ms at most")
        assert gap <= 1000
        assert moves[-1] <= 3000, moves
        assert watching.snapshot()["engine"] == "WebRTC" and watching.was_never_reloaded()
    finally:
        crowd.close()


def test_viewers_of_a_replica_that_is_killed_go_on_within_seconds(stack, publish, page):
    stream, url, watch_url, _ = stack.new_stream("replicas-kill")
    publish(url)
    wait_live(stack, "replicas-kill")
    watching = watch_by_webrtc(stack, page, watch_url)
    stack.signal(stack.watched_at(stream["id"])[0], signal.SIGKILL)
    before = len(pictures(page))
    wait_until("pictures stop", lambda: pictures(page)[-1][0] < page.evaluate("performance.now()") - 500)
    wait_until("pictures go on", lambda: len(pictures(page)) > before + 60)
    gap = longest_gap(pictures(page))
    print("gap after a kill:", round(gap), "ms")
    assert gap <= 4000
    wait_until("WebRTC plays again", lambda: watching.snapshot()["engine"] == "WebRTC", timeout=40)
    assert watching.was_never_reloaded()


def test_one_publishes_over_all_replicas(stack, publish):
    stream, url, _, _ = stack.new_stream("replicas-one")
    publish(url)
    wait_watchable(stack, "replicas-one", stream)
    key = url.rsplit("/", 1)[1]
    bearer = {"Authorization": "Bearer " + key}
    for _ in range(4):
        refused = post(stack, f"/whip/{stream['id']}", offer_to_publish(), **bearer)
        assert refused.status == 409 and refused.json()["code"] == "stream_busy"
    assert stack.request(f"/api/v1/streams/{stream['id']}/publisher").status == 200
    keys = stack.api(f"/streams/{stream['id']}/keys")["items"]
    stack.api(f"/streams/{stream['id']}/keys/{keys[0]['id']}", "DELETE")
    began = time.monotonic()
    wait_until("the stream is over", lambda: stack.state_of("replicas-one") == "ended", timeout=5)
    assert time.monotonic() - began < 3
    for _ in range(4):
        refused = post(stack, f"/whip/{stream['id']}", offer_to_publish(), **bearer)
        assert refused.status == 401 and refused.json()["code"] == "revoked_key"


def offer_to_publish():
    return (pathlib.Path(__file__).resolve().parents[1] / "Fixtures/SDP/chromium-publish.sdp").read_bytes().decode()


def test_the_studio_goes_on_at_another_replica_when_its_own_stops(stack, page):
    stream, _, _, _ = stack.new_stream("replicas-studio")
    page.log_in(stack)
    page.go(stack.site + "/studio?stream=replicas-studio")
    studio = "window.martlet?.studio?.snapshot() ?? null"
    wait_until("the camera is open", lambda: (state := page.evaluate(studio)) and state["hasVideo"])
    page.click(".go")
    wait_watchable(stack, "replicas-studio", stream)
    session = stack.watch_state("replicas-studio")["session"]["id"]
    leaving = wait_until("somebody publishes", lambda: stack.publisher_of(stream["id"]))
    stack.signal(leaving, signal.SIGTERM)
    began = time.monotonic()
    other = "ingest" if leaving == "ingest-2" else "ingest-2"
    wait_until("the other replica has it", lambda: stack.publisher_of(stream["id"]) == other, timeout=GRACE_SECONDS)
    print(f"the studio publishes again after {time.monotonic() - began:.2f} s")
    wait_live(stack, "replicas-studio")
    assert stack.watch_state("replicas-studio")["session"]["id"] == session
    page.click(".go")
    wait_until("the stream is over", lambda: stack.state_of("replicas-studio") == "ended")


def test_a_publisher_by_whip_is_changed_and_ended_through_any_replica(stack):
    stream, url, _, _ = stack.new_stream("replicas-whip")
    publisher = AiortcPublisher(f"{stack.site}/whip/{stream['id']}", url.rsplit("/", 1)[1])
    try:
        assert publisher.status == 201
        wait_live(stack, "replicas-whip")
        kind = {"Content-Type": "application/trickle-ice-sdpfrag"}
        candidate = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
        for _ in range(4):
            assert send(stack, publisher.session, "PATCH", candidate, kind).status == 204
        assert send(stack, publisher.session, "DELETE").status == 200
        wait_until("the stream is over", lambda: stack.state_of("replicas-whip") == "ended", timeout=3)
    finally:
        publisher.close()


def test_a_rendition_is_made_once_and_goes_on_when_its_worker_is_killed(stack, publish, page):
    def makers():
        counts = {}
        for name, answer in stack.ask("transcoder", "/metrics").items():
            found = re.findall(r'^transcoder_renditions\S* (\S+)$', answer.text, re.M)
            counts[name] = sum(float(value) for value in found)
        return counts

    # Sessions whose ingest has stopped, and viewers who left without a word, last a while.
    wait_until("nothing is made for others", lambda: sum(makers().values()) == 0, timeout=60)
    stream, url, watch_url, _ = stack.new_stream("replicas-sound")
    publish(url)
    wait_live(stack, "replicas-sound")
    watching = watch_by_webrtc(stack, page, watch_url)
    wait_until("sound comes", lambda: watching.sound_level() > 0.01)
    assert sorted(makers().values()) == [0, 1], json.dumps(makers())
    maker = max(makers(), key=makers().get)
    stack.signal(maker, signal.SIGKILL)
    stack.wait_for_all()
    wait_until("one worker makes it again", lambda: sum(makers().values()) == 1)
    wait_until("sound comes again", lambda: watching.sound_level() > 0.01)
