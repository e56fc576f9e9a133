"""`docker compose up` from nothing: a published stream plays through the gateway, and nothing else is open."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "Tests/EndToEnd"))

from conftest import free_port_base  # noqa: E402
from publisher import Publisher, assert_no_frame_missing_or_twice, counters, wait_live  # noqa: E402
from stack import Stack  # noqa: E402
from waiting import wait_until  # noqa: E402

UP_SECONDS = 240
GRACE_SECONDS = 5


class ComposeStack(Stack):
    """The stack of compose.yaml under a project name and ports of its own."""

    def __init__(self, port_base):
        self.environment = dict(
            os.environ, COMPOSE_PROJECT_NAME=f"martlet-test-{port_base}",
            MARTLET_SITE_PORT=str(port_base + 80), MARTLET_SITE_TLS_PORT=str(port_base + 443),
            MARTLET_RTMP_PORT=str(port_base + 935), MARTLET_RTMPS_PORT=str(port_base + 936),
            INGEST_GRACE_SECONDS=str(GRACE_SECONDS),
        )
        self.access = {}

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

    def containers(self):
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return {row["Service"]: row for row in map(json.loads, lines)}

    def exit_code(self, service):
        row = self.containers()[service]
        return row["ExitCode"] if row["State"] == "exited" else None


@pytest.fixture(scope="module")
def composed():
    stack = ComposeStack(free_port_base())
    stack.up()
    yield stack
    stack.down()


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
        assert publisher.stop() == 0
        recording = wait_until(
            "the recording is complete",
            lambda: next((r for r in composed.recordings() if r["state"] == "complete"), None),
            timeout=40,
        )
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


def test_the_data_outlives_the_containers(composed):
    before = composed.access
    composed.compose("down", "--timeout", "5")
    composed.up()
    for name in ("admin_password", "api_token", "stream_key", "watch_url"):
        assert composed.access[name] == before[name], name
    assert composed.recordings()
