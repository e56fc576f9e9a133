"""Fixtures: the running stack, publishers that end with their test, and both browsers."""
import concurrent.futures
import contextlib
import fcntl
import os
import pathlib
import socket
import sys
import tempfile
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import llhls  # noqa: E402
from browsers import Chromium, Firefox, complaints  # noqa: E402
from publisher import GStreamerPublisher, Publisher  # noqa: E402
from rtmp_client import RTMPClient  # noqa: E402
from stack import Stack  # noqa: E402
from whip import BrowserPublisher  # noqa: E402

GRACE_SECONDS = 5
VIEWER_LIMIT = 200
PUBLISHER_LIMIT = 70
MOST_CHECKED_AT_ONCE = 4
ICE_SERVERS = "stun:127.0.0.1:9,turn:127.0.0.1:9?transport=tcp|somebody|secret"  # nobody is there


def pytest_runtest_logreport(report):
    """Notes what failed, in the file that asks for it."""
    if report.failed and (notes := os.environ.get("MARTLET_FAILED_TESTS")):
        with open(notes, "a") as file:
            file.write(f"{report.nodeid}\n")


STACK_PORTS = (80, 443, 935, 936, 101, 102, 103, 104, 105, 106, 180, 181, 190, 191, 212, 222, 232)
STATES_WITH_MEDIA = ("live", "away", "ended")
claims = []  # locks that this process holds until it ends


def claim(base):
    """Keeps other test runs away from a base: its ports are free for a while before the stack takes them."""
    lock = open(pathlib.Path(tempfile.gettempdir()) / f"martlet-ports-{base}.lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return False
    claims.append(lock)
    return True


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_port_base():
    """A base whose first thousand ports have nobody on the ones that the stack takes, and nobody about to be."""
    for base in range(20000, 31000, 1000):
        if all(is_free(base + port) for port in STACK_PORTS) and claim(base):
            return base
    raise AssertionError("no thousand free ports")


@pytest.fixture(scope="session")
def stack():
    """The product, brought up by `make up` in a data folder of its own with short grace times."""
    data = pathlib.Path(os.environ.get("MARTLET_TEST_DATA") or tempfile.mkdtemp(prefix="martlet-test-"))
    data.chmod(0o755)  # the services run as another user than root
    stack = Stack(
        data / "data",
        free_port_base(),
        {
            "INGEST_GRACE_SECONDS": str(GRACE_SECONDS), "SFU_LOOPS": "2",
            "SFU_ICE_SERVERS": ICE_SERVERS, "INGEST_ICE_SERVERS": ICE_SERVERS,
            "SFU_MAX_VIEWERS": str(VIEWER_LIMIT), "INGEST_MAX_WEBRTC_SESSIONS": str(PUBLISHER_LIMIT),
        },
    )
    stack.up()
    stack.wait_until_ready()
    yield stack
    stack.down()


def starting(make):
    """Yields a function that starts what `make` makes; all of it ends with the test."""
    with contextlib.ExitStack() as started:
        yield lambda *given, **options: started.enter_context(contextlib.closing(make(*given, **options)))


@pytest.fixture
def publish(stack):
    """Starts ffmpeg publishers."""
    yield from starting(lambda url=None, **options: Publisher(url or stack.publish_url, **options))


@pytest.fixture
def publish_by_gstreamer(stack):
    """Starts GStreamer publishers."""
    yield from starting(lambda url=None: GStreamerPublisher(url or stack.publish_url))


@pytest.fixture
def connect_rtmp(stack):
    """Opens connections to the RTMP port, which say what the test tells them to."""
    port = urllib.parse.urlsplit(stack.access["rtmp_url"]).port
    yield from starting(lambda **options: RTMPClient(port, **options))


@pytest.fixture
def publish_by_browser(stack):
    """Starts Chromium publishers by WHIP."""
    yield from starting(lambda browser=None: BrowserPublisher(stack.site, browser))


@pytest.fixture(autouse=True)
def every_playlist_keeps_the_rules(request):
    """Whatever a test of a publisher was about: the playlists of its streams break no rule of LL-HLS."""
    if "stack" not in request.fixturenames:
        yield
        return
    is_browser = not {"publish_by_browser", "studio"}.isdisjoint(request.fixturenames)
    slack = llhls.BROWSER_SLACK if is_browser else 0
    # Named here so that the publishers of the test, and the browser that they may be windows of, go on until its
    # streams have been looked at.
    browsers = [name for name in ("chromium",) if name in request.fixturenames]
    publishers = ("publish", "publish_by_gstreamer", "publish_by_browser")
    stack, *_ = (request.getfixturevalue(name) for name in ("stack", *browsers, *publishers))
    stack.made.clear()
    before = session_of_main(stack)
    yield
    streams = list(stack.made)
    if session_of_main(stack) != before or stack.state_of("main") == "live":
        streams.append(("main", stack.access["hls_url"]))
    with concurrent.futures.ThreadPoolExecutor(max_workers=MOST_CHECKED_AT_ONCE) as pool:
        checks = [pool.submit(check_playlists, stack, slug, hls, slack) for slug, hls in streams]
    for check in checks:
        check.result()


def session_of_main(stack):
    """The session of the stream that every stack has; None where there is none, or nobody to say so just now."""
    try:
        answer = stack.request("/api/v1/watch/main")
        return answer.json().get("session") if answer.status == 200 else None
    except OSError:
        return None


def check_playlists(stack, slug, hls, slack):
    """Fails where the playlists of a stream break a rule; they are looked at once while the publisher is away, and
    again where that has changed meanwhile: a player does not follow a session into its end by one look."""
    for _ in STATES_WITH_MEDIA:
        state = stack.state_of(slug)
        if state not in STATES_WITH_MEDIA:
            return
        if stack.request(hls, authorised=False).status != 200:
            return assert_nothing_is_kept(stack, slug)
        report = llhls.check(hls, seconds=0 if state == "away" else 1, slack=slack)
        if stack.state_of(slug) == state:
            assert not report.violations, f"{slug}, {state}:\n" + "\n".join(report.violations)
            return


def assert_nothing_is_kept(stack, slug):
    """A session without playlists is one of which there is nothing yet, or nothing any more."""
    session = (stack.watch_state(slug).get("session") or {}).get("id")
    items = stack.api("/recordings?limit=1000")["items"]
    kept = [item for item in items if item["sessionId"] == session and item["state"] == "complete" and item["duration"]]
    assert not kept, f"{slug} has a recording and no playlist: {kept}"


@pytest.fixture(autouse=True)
def no_page_complains():
    """Whatever a test was about: no page of it had an error, neither of a script nor written to its console."""
    complaints.clear()
    yield
    assert not complaints, "\n".join(complaints)


@pytest.fixture(params=[Chromium, Firefox], ids=["chromium", "firefox"])
def browser(request):
    """Each of the two browsers in turn."""
    browser = request.param()
    yield browser
    browser.close()


@pytest.fixture
def chromium():
    """One Chromium, whose further windows are had by `another`."""
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture
def studio(chromium):
    """A window of Chromium for the studio, which publishes."""
    return chromium


@pytest.fixture
def artifacts():
    """Where screenshots go; kept by CI."""
    folder = pathlib.Path(os.environ.get("MARTLET_ARTIFACTS") or pathlib.Path(__file__).parent / "artifacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
