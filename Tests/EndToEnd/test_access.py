"""What `make up` says in the end and writes for scripts, and as whom it runs: each address leads to what it names."""
import base64
import os
import pwd
import re
import ssl
import stat
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from publisher import Publisher, counters, probe
from test_operations import PROGRAMS
from waiting import wait_until
from watch_page import WatchPage

NAMES = {
    "site", "site_tls", "admin_user", "admin_password", "api_token", "rtmp_url", "stream_key", "watch_url", "hls_url",
    "dash_url", "whip_url", "whep_url", "recordings_url",
}
RECORDING = {"id", "streamId", "sessionId", "startedAt", "duration", "state", "watchUrl", "fileUrl"}
DAY = 24 * 3600
# Bytes of a token's payload before its expiry: version, verb, prefix, kind of the subject, and the key's number.
TOKEN_HEAD = 4 + 4


def test_it_says_what_it_does_for_how_long_and_where_to_go(stack):
    steps = re.findall(r"^ *\d+ s  (.+)$", stack.said, re.M)
    assert [steps[0], steps[-1]] == ["Checking packages", "Up"] and "Starting" in steps, steps
    for name in ("site", "site_tls", "admin_user", "admin_password", "rtmp_url", "stream_key", "watch_url"):
        assert stack.access[name] in stack.said, name
    assert str(stack.data / "access.json") in stack.said


def test_what_it_writes_is_for_its_owner_alone_and_has_every_name(stack):
    file = stack.data / "access.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(stack.access) == NAMES
    base = int(stack.environment["MARTLET_PORT_BASE"])
    assert stack.access["site"] == f"http://127.0.0.1:{base + 80}"
    assert stack.access["site_tls"] == f"https://127.0.0.1:{base + 443}"
    assert stack.access["rtmp_url"] == f"rtmp://127.0.0.1:{base + 935}/live"
    assert stack.access["stream_key"].startswith("main?")
    assert stack.access["watch_url"].startswith(stack.access["site"] + "/watch/main#s=")


def test_its_programs_run_as_a_user_without_rights(stack):
    owner = stack.data.stat().st_uid
    assert owner != 0
    if os.getuid() == 0:
        assert pwd.getpwuid(owner).pw_name == "martlet"
    for name in PROGRAMS:
        with open(f"/proc/{stack.pid(name)}/status") as status:
            fields = dict(line.split(":\t", 1) for line in status if ":\t" in line)
        assert set(fields["Uid"].split()) == {str(owner)}, name
        assert int(fields["CapEff"], 16) == 0, name


def test_the_site_is_there_by_tls_under_the_authority_that_was_made(stack):
    trust = ssl.create_default_context(cafile=stack.data / "tls/ca.crt")
    with urllib.request.urlopen(stack.access["site_tls"] + "/healthz", context=trust, timeout=10) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(stack.access["site_tls"] + "/healthz", timeout=10)


def test_one_publishes_watches_and_plays_with_what_it_says_alone(stack, chromium):
    access = stack.access
    page = WatchPage(chromium, access["watch_url"])
    page.wait_for_mode("offline", "replay")
    publisher = Publisher(f"{access['rtmp_url']}/{access['stream_key']}", frames=240)
    try:
        session = page.wait_for_mode("live")["sessionId"]
        page.wait_for_moving_picture()
        for name in ("hls_url", "dash_url"):
            wait_until(f"the {name} is served", lambda: stack.request(access[name], authorised=False).status == 200)
        kinds = {one["codec_type"] for one in probe(access["dash_url"], "-show_streams")["streams"]}
        assert kinds == {"video", "audio"}
        assert publisher.wait() == 0, publisher.output
    finally:
        publisher.close()

    def listed():
        items = stack.request(access["recordings_url"]).json()["items"]
        return next((one for one in items if one["sessionId"] == session and one["state"] == "complete"), None)

    recording = wait_until("the recording is listed", listed, timeout=30)
    assert RECORDING <= set(recording) and recording["streamId"] == stack.stream_id
    assert counters(access["hls_url"]) == list(range(240))
    assert stack.request(access["recordings_url"], authorised=False).status == 401


@pytest.mark.parametrize("name", ["whip_url", "whep_url"])
def test_the_addresses_of_webrtc_are_those_of_the_stream(stack, name):
    assert urllib.parse.urlsplit(stack.access[name]).path == f"/{name[:4]}/{stack.stream_id}"
    answer = stack.request(stack.access[name], "OPTIONS")
    assert answer.status in (200, 204) and answer.headers["Accept-Post"] == "application/sdp"


def test_the_path_token_lives_for_a_day_and_opens_that_stream_alone(stack):
    token = re.fullmatch(r"/live/~([^/]+)/([^/]+)/index\.m3u8", urllib.parse.urlsplit(stack.access["hls_url"]).path)
    assert token and token[2] == stack.stream_id
    payload = base64.urlsafe_b64decode(token[1].split(".")[0] + "==")
    expiry = int.from_bytes(payload[TOKEN_HEAD:TOKEN_HEAD + 8], "big")
    assert DAY - 3600 < expiry - time.time() <= DAY
    other, _, _, _ = stack.new_stream("another-one")
    assert stack.request(stack.access["hls_url"].replace(token[2], other["id"]), authorised=False).status == 404
