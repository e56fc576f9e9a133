"""`docker compose up` from nothing: a published stream plays through the gateway, and nothing else is open."""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "Tests/EndToEnd"))

import llhls  # noqa: E402
from conftest import free_port_base  # noqa: E402
from publisher import Publisher, assert_no_frame_missing_or_twice, counters, wait_live  # noqa: E402
from stack import Stack  # noqa: E402
from waiting import pause, wait_until  # noqa: E402
from whep import AiortcViewer, is_watchable, offer, post, send  # noqa: E402
from whip import AiortcPublisher  # noqa: E402

UP_SECONDS = 240
GRACE_SECONDS = 5
OUTAGE_SECONDS = 5


class ComposeStack(Stack):
    """The stack of compose.yaml under a project name and ports of its own."""

    def __init__(self, port_base):
        self.environment = dict(
            os.environ, COMPOSE_PROJECT_NAME=f"martlet-test-{port_base}",
            MARTLET_SITE_PORT=str(port_base + 80), MARTLET_SITE_TLS_PORT=str(port_base + 443),
            MARTLET_RTMP_PORT=str(port_base + 935), MARTLET_RTMPS_PORT=str(port_base + 936),
            MARTLET_INGEST_WEBRTC_PORTS=f"{port_base + 180}-{port_base + 189}",
            MARTLET_SFU_WEBRTC_PORTS=f"{port_base + 190}-{port_base + 199}",
            INGEST_GRACE_SECONDS=str(GRACE_SECONDS),
        )
        self.access = {}
        self.made = []

    def compose(self, *arguments, timeout=UP_SECONDS):
        done = subprocess.run(
            ["docker", "compose", *arguments], cwd=REPOSITORY, env=self.environment, timeout=timeout,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
        )
        assert done.returncode == 0, f"docker compose {arguments}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def up(self):
        try:
            self.compose("up", "--detach", "--no-build")
            wait_until("setup has ended", lambda: self.exit_code("setup") == 0, timeout=60, interval=0.5)
            self.access = json.loads(self.compose("run", "--rm", "--no-deps", "-T", "setup", "show"))
        except BaseException:
            print(self.compose("logs", "--no-color", "--tail", "60"))
            self.down()
            raise

    def down(self):
        self.compose("down", "--volumes", "--timeout", "5")

    def rows(self):
        return [json.loads(line) for line in self.compose("ps", "--all", "--format", "json").splitlines()]

    def containers(self):
        return {row["Service"]: row for row in self.rows()}

    def replicas(self, service):
        """The names of the containers of a service that run and are healthy."""
        rows = [row for row in self.rows() if row["Service"] == service and row["State"] == "running"]
        return [row["Name"] for row in rows if row["Health"] == "healthy"]

    def run(self, *arguments):
        return subprocess.run(
            ["docker", *arguments], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, check=True,
        ).stdout

    def renditions(self):
        """How many renditions each worker makes."""
        ask = r"exec 3<>/dev/tcp/127.0.0.1/8106; printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3; cat <&3"
        return {
            name: sum(float(value) for value in re.findall(
                r"^transcoder_renditions (\S+)$", self.run("exec", name, "bash", "-c", ask), re.M))
            for name in self.replicas("transcoder")
        }

    def rtmp_ports(self):
        """The port of each ingest, which the engine chooses where there is a range."""
        shown = [self.run("port", name, "1935/tcp") for name in self.replicas("ingest")]
        return [int(text.split()[0].rpartition(":")[2]) for text in shown]

    @contextlib.contextmanager
    def without_network(self, service):
        """Takes a service off the network of the backend, and gives it back its name there."""
        network = f"{self.environment['COMPOSE_PROJECT_NAME']}_backend"
        (name,) = self.replicas(service)
        self.run("network", "disconnect", network, name)
        yield
        self.run("network", "connect", "--alias", service, network, name)

    def exit_code(self, service):
        row = self.containers()[service]
        return row["ExitCode"] if row["State"] == "exited" else None


@pytest.fixture(scope="module")
def composed():
    stack = ComposeStack(free_port_base())
    stack.up()
    yield stack
    stack.down()


def assert_playlists_keep_the_rules(hls, seconds):
    report = llhls.check(hls, seconds)
    assert not report.violations, "\n".join(report.violations)


def test_it_prints_where_to_go(composed):
    said = composed.compose("logs", "--no-color", "setup")
    for name in ("site", "admin_user", "admin_password", "rtmp_url", "stream_key", "watch_url"):
        assert composed.access[name] in said, name


def test_a_published_stream_plays_live_and_again(composed):
    publisher = Publisher(composed.publish_url)
    try:
        wait_live(composed)
        wait_until(
            "the master playlist is served",
            lambda: composed.request(composed.access["hls_url"], authorised=False).status == 200,
        )
        wait_until("eight seconds are recorded", lambda: any(r["duration"] >= 8 for r in composed.recordings()), 40)
        assert publisher.is_running(), publisher.output[-2000:]
        assert_playlists_keep_the_rules(composed.access["hls_url"], seconds=6)
        assert publisher.stop() == 0
        recording = wait_until(
            "the recording is complete",
            lambda: next((r for r in composed.recordings() if r["state"] == "complete"), None),
            timeout=40,
        )
        assert_playlists_keep_the_rules(composed.access["hls_url"], seconds=1)
        numbers = counters(composed.access["hls_url"])
        assert_no_frame_missing_or_twice(numbers, at_least=200)
        token = {"Authorization": "Bearer " + composed.access["api_token"]}
        assert counters(composed.absolute(recording["fileUrl"]), token) == numbers
    finally:
        publisher.close()


def test_the_watch_page_is_served_and_the_api_is_private(composed):
    page = composed.request(composed.access["watch_url"].split("#")[0], authorised=False)
    assert page.status == 200 and "<script" in page.text
    assert composed.request("/api/v1/streams", authorised=False).status == 401


def test_only_the_gateway_and_rtmp_are_published_and_all_is_healthy(composed):
    rows = composed.containers()
    published = {name for name, row in rows.items() if any(p.get("PublishedPort") for p in row["Publishers"] or [])}
    assert published == {"gateway", "ingest", "sfu"}
    running = {name: row["Health"] for name, row in rows.items() if row["State"] == "running"}
    assert set(running.values()) == {"healthy"}, running


@pytest.mark.parametrize("service", ["auth", "catalog", "ingest", "origin", "sfu", "transcoder", "gateway"])
def test_a_service_runs_without_root_capabilities_or_a_writable_root(composed, service):
    name = composed.containers()[service]["Name"]
    status = composed.compose("exec", "-T", service, "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split()[0] == "10001", name
    assert int(fields["CapEff"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    mounts = composed.compose("exec", "-T", service, "cat", "/proc/mounts").splitlines()
    root = next(line.split() for line in mounts if line.split()[1] == "/")
    assert "ro" in root[3].split(",")


def wait_watchable(composed, stream):
    wait_until("it can be watched", lambda: is_watchable(composed, f"/whep/{stream}"))
    return f"/whep/{stream}"


@pytest.mark.parametrize("service", ["redis-bus", "redis-control", "postgres", "origin", "sfu", "transcoder", "ingest"])
def test_who_was_without_a_network_comes_back_by_itself(composed, service):
    publisher = Publisher(composed.publish_url)
    viewer = None
    try:
        wait_live(composed)
        viewer = AiortcViewer(composed, wait_watchable(composed, composed.stream_id))
        wait_until("it plays", lambda: viewer.pictures > 30 and viewer.sounds > 30)
        with composed.without_network(service):
            pause(OUTAGE_SECONDS)
        before = viewer.pictures, viewer.sounds
        wait_until("pictures come again", lambda: viewer.pictures > before[0] + 60)
        wait_until("sound comes again", lambda: viewer.sounds > before[1] + 60)
        master = composed.access["hls_url"]
        wait_until("HLS is served", lambda: composed.request(master, authorised=False).status == 200)
        assert publisher.is_running(), publisher.output[-2000:]
        rows = composed.containers()
        wait_until("it is healthy", lambda: composed.containers()[service]["Health"] == "healthy")
        assert composed.containers()[service]["ID"] == rows[service]["ID"]
    finally:
        if viewer:
            viewer.close()
        publisher.close()


def test_more_replicas_share_the_work_and_take_it_over(composed):
    composed.compose("up", "--detach", "--no-build", "--no-recreate", "--scale", "transcoder=3", "--scale", "sfu=2")
    for service, count in (("transcoder", 3), ("sfu", 2)):
        wait_until(f"all of {service} are healthy", lambda: len(composed.replicas(service)) == count, 60, 0.5)
    publisher = Publisher(composed.publish_url)
    viewer = None
    try:
        wait_live(composed)
        target = wait_watchable(composed, composed.stream_id)
        viewer = AiortcViewer(composed, target)
        wait_until("pictures come", lambda: viewer.pictures > 60)
        wait_until("sound comes", lambda: viewer.sounds > 50)

        # The gateway finds both replicas by their name, and either answers for the other.
        slots = set()
        for _ in range(16):
            answer = post(composed, target, offer())
            assert answer.status == 201
            slots.add(answer.headers["Location"].rpartition("/")[2].partition("-")[0])
            assert send(composed, answer.headers["Location"], "DELETE").status == 200
        assert slots == {"0", "1"}

        # One worker of three makes the sound; another does when it is gone.
        wait_until("only one makes it", lambda: sorted(composed.renditions().values()) == [0, 0, 1])
        made = composed.renditions()
        composed.run("kill", max(made, key=made.get))
        wait_until("another worker makes it", lambda: sum(composed.renditions().values()) == 1, 30)
        before = viewer.sounds
        wait_until("sound comes again", lambda: viewer.sounds > before + 50)
    finally:
        if viewer:
            viewer.close()
        publisher.close()


def test_two_ingests_take_publishers_by_rtmp_and_by_whip(composed):
    base = int(composed.environment["MARTLET_RTMP_PORT"]) - 935
    composed.environment |= {
        "MARTLET_RTMP_PORTS": f"{base + 940}-{base + 944}", "MARTLET_RTMPS_PORTS": f"{base + 945}-{base + 949}",
    }
    composed.compose("up", "--detach", "--no-build", "--scale", "ingest=2")
    wait_until("both are healthy", lambda: len(composed.replicas("ingest")) == 2, 60, 0.5)
    ports = composed.rtmp_ports()
    assert len(set(ports)) == 2 and all(base + 940 <= port <= base + 944 for port in ports)
    publishers, streams = [], []
    try:
        for port in ports:
            stream, url, _, hls = composed.new_stream(f"rtmp-{port}")
            publishers.append(Publisher(re.sub(r":\d+/live", f":{port}/live", url)))
            streams.append((f"rtmp-{port}", stream["id"], hls))
        # Each process of the gateway takes one ingest after the other.
        slots = set()
        for number in range(6):
            if slots == {"0", "1"}:
                break
            stream, url, _, hls = composed.new_stream(f"whip-{number}")
            publishers.append(AiortcPublisher(f"{composed.site}/whip/{stream['id']}", url.rpartition("/")[2]))
            assert publishers[-1].status == 201
            slots.add(publishers[-1].session.rpartition("/")[2].partition("-")[0])
            streams.append((f"whip-{number}", stream["id"], hls))
        assert slots == {"0", "1"}
        for slug, stream, hls in streams:
            wait_live(composed, slug)
            wait_until("HLS is served", lambda hls=hls: composed.request(hls, authorised=False).status == 200)
            viewer = AiortcViewer(composed, wait_watchable(composed, stream))
            wait_until(f"{slug} plays", lambda viewer=viewer: viewer.pictures > 20 and viewer.sounds > 20)
            viewer.close()
    finally:
        for publisher in publishers:
            publisher.close()


def test_the_data_outlives_the_containers(composed):
    before = composed.access
    composed.compose("down", "--timeout", "5")
    composed.up()
    for name in ("admin_password", "api_token", "stream_key", "watch_url"):
        assert composed.access[name] == before[name], name
    assert composed.recordings()
