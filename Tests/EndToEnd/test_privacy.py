"""Everything is private by default, and what may not be seen is not there."""
import pytest

from publisher import Publisher, wait_live, wait_served
from waiting import wait_until


@pytest.mark.parametrize("target", [
    "/api/v1/streams", "/api/v1/recordings", "/api/v1/me", "/api/v1/events", "/api/v1/tokens",
])
def test_the_api_needs_a_login(stack, target):
    assert stack.request(target, authorised=False).status == 401


def test_media_needs_rights_of_its_own_stream(stack, publish):
    _, url_a, _, hls_a = stack.new_stream("private-a")
    stream_b, _, _, hls_b = stack.new_stream("private-b")
    publish(url_a)
    wait_live(stack, "private-a")
    wait_served(stack, hls_a)
    token_b = hls_b.split("~")[1].split("/")[0]
    token_a = hls_a.split("~")[1].split("/")[0]
    stolen = hls_a.replace(token_a, token_b)
    assert stack.request(stolen, authorised=False).status == 404
    assert stack.request(hls_a.replace("/~" + token_a, ""), authorised=False).status in (401, 404)
    forged = hls_a.replace(token_a, token_a[:-4] + "AAAA")
    assert stack.request(forged, authorised=False).status == 404


def test_basic_credentials_serve_scripts(stack):
    answer = stack.request("/api/v1/me", headers={"Authorization": stack.basic_authorization()})
    assert answer.status == 200
    wrong = stack.request("/api/v1/me", headers={"Authorization": "Basic YWRtaW46d3Jvbmc="})
    assert wrong.status == 401


def test_identity_headers_from_outside_count_for_nothing(stack):
    forged = {"X-Martlet-Subject": "x", "X-Martlet-Role": "admin", "X-Martlet-Streams": "*"}
    assert stack.request("/api/v1/streams", headers=forged, authorised=False).status == 401


def test_a_stream_key_is_no_viewer_credential(stack):
    secret = stack.access["stream_key"].split("=", 1)[1]
    answer = stack.request(f"/live/~{secret}/{stack.stream_id}/index.m3u8", authorised=False)
    assert answer.status == 404


def test_no_log_holds_a_secret(stack, publish):
    access = stack.access
    stream, url, watch, hls = stack.new_stream("not-in-logs")
    assert publish(url, frames=30).wait() == 0
    assert Publisher(url + "x", frames=1).wait(20) != 0
    token, share, key = hls.split("~")[1].split("/")[0], watch.split("#s=")[1], url.rsplit("/", 1)[1]
    login = {"user": access["admin_user"], "password": access["admin_password"]}
    cookie = stack.request("/api/v1/login", "POST", login, authorised=False).headers["Set-Cookie"].split(";")[0]
    stack.request("/api/v1/share/exchange", "POST", {"secret": share}, authorised=False)
    stack.request(hls, authorised=False)
    stack.request(f"/live/{stream['id']}/~{token}/x", headers={"Cookie": cookie}, authorised=False)
    secrets = [
        access["admin_password"], access["api_token"], access["stream_key"].split("=")[1], token, share,
        key.split("=")[1], cookie.split("=")[1],
    ]
    last = f"/live/{stream['id']}/~"
    wait_until("the log is written", lambda: last in (stack.data / "log/gateway-access.log").read_text())
    for log in (stack.data / "log").iterdir():
        text = log.read_text(errors="replace")
        found = [secret[:6] + "…" for secret in secrets if secret in text]
        assert not found, f"{log.name} holds {found}"
