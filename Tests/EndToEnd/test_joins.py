"""A thousand viewers that come, connect, get media and go again leave nothing behind."""
import json
import os
import pathlib
import subprocess

import pytest

from stack import REPOSITORY
from waiting import wait_until
from whep import wait_watchable

ROUNDS, VIEWERS = 7, 150
# What an allocator keeps after so many sessions; a session that is kept is 50 KiB.
MEMORY_SLACK = 12 << 20


@pytest.fixture(scope="module")
def generator():
    """The program that opens viewers with real ICE and DTLS and a socket for each."""
    build = ". scripts/settings.sh && . scripts/build.sh && build_service WebRTCLoadGenerator"
    subprocess.run(["bash", "-c", build], cwd=REPOSITORY, check=True, stdin=subprocess.DEVNULL)
    return REPOSITORY / ".build/release/WebRTCLoadGenerator"


def join_and_leave(stack, generator, target, count=VIEWERS):
    """All join, get media for a second and a half and more, and leave; returns what they saw."""
    done = subprocess.run(
        [generator, "--url", stack.absolute(target), "--token", stack.access["api_token"], "--count", str(count), "--seconds", "0.5",
         "--sample", "10", "--video-only", "1"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=60,
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_a_thousand_joins_that_get_media_leave_nothing_behind(stack, publish, generator):
    stream, url, _, _ = stack.new_stream("joins")
    publish(url)
    target = wait_watchable(stack, "joins", stream["id"])
    process = pathlib.Path(f"/proc/{stack.pid('sfu')}")

    def count():
        return stack.api(f"/streams/{stream['id']}/viewers")["count"]

    def descriptors():
        return len(os.listdir(process / "fd"))

    def resident():
        return int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    join_and_leave(stack, generator, target)
    wait_until("the first are gone", lambda: count() == 0)
    before = descriptors(), resident()
    for _ in range(ROUNDS):
        report = join_and_leave(stack, generator, target)
        assert report["connected"] == VIEWERS and report["silent"] == 0, report
        assert report["packetsDecrypted"] > 0 and report["packetsRefused"] == 0 and not report["failures"], report
    wait_until("all are gone", lambda: count() == 0)
    # The gateway keeps connections that it may need again for half a minute.
    wait_until("no descriptor is kept", lambda: descriptors() <= before[0] + 4, timeout=45)
    wait_until("no memory is kept", lambda: resident() <= before[1] + MEMORY_SLACK)
    print(f"descriptors {before[0]} → {descriptors()}, memory {before[1] >> 10} → {resident() >> 10} KiB")
