"""The API is what its document says, short addresses lead to the media, and events tell what happens."""
import http.client
import json
import os
import subprocess
import sys
import urllib.parse

from publisher import wait_live
from waiting import wait_until
from whep import AiortcViewer, offer, post, send, wait_watchable
from whip import AiortcPublisher

VP8 = "a=rtpmap:96 VP8/90000"
# What schemathesis has to be told: these bodies are text, and random names lead nowhere.
SDP_BODIES = """
import os

import schemathesis


@schemathesis.serializer("application/sdp", "application/trickle-ice-sdpfrag")
def text(context, value):
    return {"data": value if isinstance(value, bytes) else str(value).encode()}


@schemathesis.hook
def before_call(context, case, kwargs):  # of a stream that there is
    if len(str(case.path_parameters.get("stream"))) == 26:
        case.path_parameters["stream"] = os.environ["MARTLET_STREAM"]
"""
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
)


def test_every_answer_stands_in_the_document(stack, tmp_path):
    """Only reading: what the other tests use must stay as it is."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", stack.site + "/api/v1/openapi.json",
        "--url", stack.site, "--header", "Authorization: " + stack.basic_authorization(),
        "--include-method", "GET", "--mode", "positive", "--exclude-path", "/api/v1/events",
        "--phases", "coverage", "--request-timeout", "20",
        "--checks", ",".join(CHECKS),
    ]
    outcome = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=tmp_path)
    assert outcome.returncode == 0, outcome.stdout[:6000]


def test_webrtc_addresses_answer_as_the_document_says(stack, publish, tmp_path):
    """Whatever is sent there; what begins a session is said by hand, as no generator writes an SDP offer."""
    publish()
    wait_watchable(stack)
    hooks = tmp_path / "sdp_bodies.py"
    hooks.write_text(SDP_BODIES)
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", stack.site + "/api/v1/openapi.json",
        "--url", stack.site, "--header", "Authorization: Bearer " + stack.access["api_token"],
        "--include-path-regex", "^/wh[ie]p/", "--mode", "all", "--phases", "fuzzing",
        "--max-examples", "60", "--generation-deterministic",
        "--request-timeout", "20", "--generation-with-security-parameters", "false",
        "--checks", ",".join(CHECKS),
    ]
    environment = dict(os.environ, SCHEMATHESIS_HOOKS=hooks.stem, PYTHONPATH=str(tmp_path), MARTLET_STREAM=stack.stream_id)
    outcome = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=tmp_path, env=environment)
    assert outcome.returncode == 0, outcome.stdout[:6000]


def test_what_begins_and_changes_a_session_stands_in_the_document(stack, publish):
    publish()
    target = wait_watchable(stack)
    paths = stack.api("/openapi.json")["paths"]

    def check(method, path, answer):
        described = paths[path][method.lower()]["responses"][str(answer.status)]
        for name, header in described.get("headers", {}).items():
            assert answer.headers[name] or not header.get("required"), (path, name)
        kinds = list(described.get("content", {}))
        assert not kinds or answer.headers["Content-Type"] in kinds

    session = paths["/whep/{stream}/{session}"]
    assert set(session) == {"parameters", "options", "head", "get", "patch", "delete"}
    created = post(stack, target, offer())
    assert created.status == 201 and created.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"
    check("POST", "/whep/{stream}", created)
    kind = {"Content-Type": "application/trickle-ice-sdpfrag"}
    candidate = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
    fragment = "a=ice-ufrag:efgh\r\na=ice-pwd:0123456789012345678901\r\n"
    for status, body, match in (
        (204, candidate, {}), (428, fragment, {}), (412, fragment, {"If-Match": '"7"'}), (200, fragment, {"If-Match": "*"}),
    ):
        answer = send(stack, created.headers["Location"], "PATCH", body, kind | match)
        assert answer.status == status
        check("PATCH", "/whep/{stream}/{session}", answer)
    assert send(stack, created.headers["Location"], "DELETE").status == 200
    refused = post(stack, target, offer(VP8))
    assert refused.status == 406
    check("POST", "/whep/{stream}", refused)


def test_ice_servers_are_told_where_a_session_begins(stack, publish):
    publish()
    target = wait_watchable(stack)
    publisher = AiortcPublisher(f"{stack.site}/whip/{stack.new_stream('ice-servers')[0]['id']}", stack.access["api_token"])
    try:
        for headers in (publisher.headers, post(stack, target, offer()).headers):
            plain, turn = headers.get_all("Link")
            assert plain == '<stun:127.0.0.1:9>; rel="ice-server"'
            assert turn.startswith("<turn:127.0.0.1:9?transport=tcp>;") and 'credential="secret"' in turn
    finally:
        publisher.close()
    for address in (target, target.replace("whep", "whip")):
        options = send(stack, address, "OPTIONS", headers={"Authorization": ""})
        assert options.status == 204 and options.headers.get_all("Link") == [plain]


def test_events_tell_how_viewers_fare(stack, publish):
    stream, url, _, _ = stack.new_stream("measured")
    publish(url)
    target = wait_watchable(stack, "measured", stream["id"])
    viewer = None

    def watch():
        nonlocal viewer
        viewer = AiortcViewer(stack, target)
        wait_until("it plays", lambda: viewer.pictures > 60)

    try:
        counted, _ = listen(stack, stream["id"], None, until="viewers.changed", cause=watch)
        assert counted["data"]["viewers"] == 1
        told, position = listen(stack, stream["id"], None, until="viewers.measured")
        assert position is None
        [one] = told["data"]["items"]
        assert told["data"]["viewers"] == 1 and told["data"]["rest"]["count"] == 0
        assert viewer.session.endswith("/" + one["id"]) and one["bitrate"] > 100_000
        assert one["loss"] == 0 and one["roundTrip"] < 1 and one["freezes"] == 0
    finally:
        viewer.close()


def test_short_addresses_lead_to_the_media(stack, publish):
    _, url, _, _ = stack.new_stream("short")
    publish(url)
    wait_live(stack, "short")
    headers = {"Authorization": stack.basic_authorization()}
    answer = wait_until(
        "the playlist is there",
        lambda: (a := stack.request("/hls/short.m3u8", headers=headers)).status == 200 and a,
    )
    assert answer.text.startswith("#EXTM3U")
    assert stack.request("/api/devices", headers=headers).status == 501
    assert stack.request("/hls/short.m3u8", authorised=False).status == 401


def test_events_go_on_where_a_client_left_off(stack, publish):
    stream, url, _, _ = stack.new_stream("told")
    first, position = listen(stack, stream["id"], None, until="stream.live", cause=lambda: publish(url))
    assert first["data"]["slug"] == "told"
    wait_live(stack, "told")
    again, _ = listen(stack, stream["id"], position, until="recording.updated")
    assert again["data"]["streamId"] == stream["id"]


def listen(stack, stream_id, position, until, cause=lambda: None):
    """Reads events of one stream until one of that name comes; returns its data and its ID."""
    site = urllib.parse.urlsplit(stack.site)
    connection = http.client.HTTPConnection(site.hostname, site.port, timeout=30)
    headers = {"Authorization": stack.basic_authorization()}
    if position:
        headers["Last-Event-ID"] = position
    connection.request("GET", f"/api/v1/events?stream={stream_id}", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200
    fields = {}
    caused = False
    while True:
        line = answer.readline().decode().rstrip("\n")
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif fields.get("event") == until:
            connection.close()
            return json.loads(fields["data"]), fields.get("id")
        else:
            fields = {}
            if not caused:
                caused = True
                cause()
