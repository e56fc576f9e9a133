"""The commands of the Makefile on a stack that runs, as the person uses them who runs it."""
import contextlib
import os
import socket
import subprocess
import time

import pytest

from publisher import wait_live
from recordings import finished
from stack import REPOSITORY
from waiting import wait_until

SERVICES = ("auth", "catalog", "ingest", "origin", "sfu", "transcoder")
PROGRAMS = ("postgres", "redis-control", "redis-bus", *SERVICES, "gateway")
# A second `make up` has nothing to build and nothing to start; a busy machine has its time.
SECOND_UP_SECONDS = 20


def make(stack, *arguments, **settings):
    """Runs a command of the Makefile for this stack."""
    return subprocess.run(
        ["make", *arguments], cwd=REPOSITORY, env=stack.environment | settings, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )


def pids(stack):
    return {name: stack.pid(name) for name in PROGRAMS}


def test_status_says_what_runs_and_where(stack):
    done = make(stack, "status")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {words[0]: words for line in done.stdout.splitlines() if (words := line.split())}
    for name, pid in pids(stack).items():
        assert rows[name][1] == "running" and rows[name][2] == str(pid) and "ok" in rows[name], rows[name]
    for name in ("ingest", "sfu", "transcoder"):
        assert str(stack.port(name)) in " ".join(rows[name])
    assert str(stack.data) in done.stdout


def test_logs_are_those_of_all_or_of_one(stack):
    everything = make(stack, "logs").stdout
    assert all(f"==> {name}.log <==" in everything for name in SERVICES)
    one = make(stack, "logs", "SERVICE=ingest").stdout
    assert all(line.startswith("{") for line in one.splitlines()) and '"service":"ingest"' in one
    unknown = make(stack, "logs", "SERVICE=nobody")
    assert unknown.returncode != 0 and "There is no nobody.log" in unknown.stderr and "ingest.log" in unknown.stderr


def test_a_second_up_changes_nothing_and_nobody_notices(stack, publish):
    stream, url, _, _ = stack.new_stream("second-up")
    publisher = publish(url)
    wait_live(stack, "second-up")
    session = stack.watch_state("second-up")["session"]["id"]
    before, access = pids(stack), dict(stack.access)
    began = time.monotonic()
    stack.up()
    elapsed = time.monotonic() - began
    print(f"the second make up took {elapsed:.1f} s")
    assert elapsed < SECOND_UP_SECONDS
    assert pids(stack) == before
    lasting = ("stream_key", "watch_url", "admin_password", "rtmp_url")
    assert [stack.access[name] for name in lasting] == [access[name] for name in lasting]
    assert publisher.is_running() and stack.watch_state("second-up")["session"]["id"] == session
    # After `make down` all of it is there again.
    assert publisher.stop() == 0
    recording = finished(stack, stream)
    assert make(stack, "down").returncode == 0
    assert make(stack, "status").returncode != 0
    stack.up()
    stack.wait_until_ready()
    assert [item["id"] for item in stack.recordings(stream["id"])] == [recording["id"]]
    assert [stack.access[name] for name in lasting] == [access[name] for name in lasting]
    publish(url)
    wait_live(stack, "second-up")


@pytest.mark.parametrize("kind, offset, shown", [
    (socket.SOCK_STREAM, 212, "{port}: python"), (socket.SOCK_DGRAM, 181, "{port} (UDP): python"),
])
def test_a_replica_whose_port_is_taken_is_refused_and_the_stack_goes_on(stack, kind, offset, shown):
    before = pids(stack)
    port = int(stack.environment["MARTLET_PORT_BASE"]) + offset
    with contextlib.closing(socket.socket(socket.AF_INET, kind)) as taken:
        taken.bind(("127.0.0.1", port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        done = make(stack, "up", MARTLET_INGEST_REPLICAS="2")
    assert done.returncode != 0 and shown.format(port=port) in done.stderr, done.stderr
    assert f"process {os.getpid()}" in done.stderr
    assert pids(stack) == before


def test_the_demo_is_live_until_it_ends(stack):
    demo = subprocess.Popen(
        ["make", "demo"], cwd=REPOSITORY, env=stack.environment | {"DEMO_SECONDS": "6", "DEMO_SIZE": "320x180"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    try:
        wait_live(stack, "main")
        said, _ = demo.communicate(timeout=30)
    finally:
        demo.kill()
    assert demo.returncode == 0 and stack.access["watch_url"] in said, said
    wait_until("the demo is over", lambda: stack.state_of("main") != "live")
