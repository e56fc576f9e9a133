"""The API is what its document says, short addresses lead to the media, and events tell what happens."""
import http.client
import json
import subprocess
import sys
import urllib.parse

from publisher import wait_live
from waiting import wait_until

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
    assert outcome.returncode == 0, outcome.stdout[-6000:]


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
            return json.loads(fields["data"]), fields["id"]
        else:
            fields = {}
            if not caused:
                caused = True
                cause()
