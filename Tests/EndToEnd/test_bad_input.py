"""Garbage on every port: a clear error for the sender, and nobody else notices."""
import random
import socket
import urllib.parse

import pytest

from publisher import wait_live
from waiting import wait_until


@pytest.fixture
def processes(stack):
    """Fails the test where any service had to be restarted during it."""
    names = ("auth", "catalog", "ingest", "origin", "sfu", "gateway")
    before = {name: stack.pid(name) for name in names}
    yield before
    after = {name: stack.pid(name) for name in names}
    assert after == before, "a service died"
    assert all(stack.is_alive(name) for name in names)


def ports(stack):
    base = int(stack.environment["MARTLET_PORT_BASE"])
    return [base + offset for offset in (80, 443, 935, 936, 101, 102, 103, 104)]


def send(port, data, wait=True):
    """Sends `data` and returns what comes back before the peer closes, at most 64 KiB."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.settimeout(3)
        try:
            connection.sendall(data)
            if wait:
                connection.shutdown(socket.SHUT_WR)
                while len(answer) < 65536 and (more := connection.recv(8192)):
                    answer += more
        except (OSError, socket.timeout):
            pass
    return answer


def test_random_bytes_on_every_port(stack, processes):
    source = random.Random(4)
    for port in ports(stack):
        for size in (1, 3, 1537, 20000):
            send(port, source.randbytes(size))
            send(port, b"\x03" + source.randbytes(size))
            send(port, b"GET /" + source.randbytes(size))


def handshake():
    return b"\x03" + bytes(1536) + bytes(1536)


def chunk(message_type, payload, length=None, stream=0):
    return (
        b"\x03" + bytes(3) + (len(payload) if length is None else length).to_bytes(3, "big")
        + bytes([message_type]) + stream.to_bytes(4, "little") + payload
    )


@pytest.mark.parametrize("name,data", [
    ("a truncated handshake", b"\x03" + bytes(700)),
    ("a chunk size of two gigabytes", handshake() + chunk(1, (0x7FFFFFFF).to_bytes(4, "big"))),
    ("a chunk size of zero", handshake() + chunk(1, bytes(4))),
    ("a message of sixteen megabytes", handshake() + chunk(1, (16 << 20).to_bytes(4, "big")) + chunk(9, bytes(100), 0xFFFFFF)),
    ("objects nested a thousand deep", handshake() + chunk(20, (b"\x02\x00\x07connect\x00" + bytes(8) + b"\x03\x00\x01a" * 1000)[:128])),
    ("a control message of no bytes", handshake() + chunk(1, b"") + chunk(3, b"") + chunk(4, b"") + chunk(5, b"")),
])
def test_broken_rtmp_is_closed(stack, processes, name, data):
    send(ports(stack)[2], data)


@pytest.mark.parametrize("path", [
    "/live/../../../../etc/passwd", "/live/%2e%2e/%2e%2e/etc/passwd", "/live/a/b/../../c",
    "/live/aaaaaaaaaaaaaaaaaaaaaaaaaa/..%2f..%2fetc/passwd", "/live/%00/x", "/../../etc/passwd",
    "/live/~/x", "/live/~" + "a" * 5000 + "/x", "/watch/..%2f..%2fetc%2fpasswd",
    "/api/v1/streams/..%2f..", "/api/v1/recordings?limit=-1", "/api/v1/recordings?cursor=%ff%fe",
])
def test_paths_lead_nowhere_else(stack, processes, path):
    host = urllib.parse.urlsplit(stack.site)
    authorization = "Bearer " + stack.access["api_token"]
    answer = send(
        host.port,
        f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nConnection: close\r\n\r\n".encode(),
    )
    status = int(answer.split(b" ", 2)[1]) if answer else 400
    assert b"root:" not in answer
    assert status in (200, 400, 401, 404, 414), answer[:200]
    if status == 200:
        assert path.startswith(("/watch/", "/../"))


def test_oversized_headers_are_refused(stack, processes):
    for port in ports(stack)[:1] + ports(stack)[4:]:
        big = b"GET / HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * (16 << 20) + b"\r\n\r\n"
        answer = send(port, big)
        assert not answer or answer.split(b" ", 2)[1] in (b"400", b"413", b"414", b"431"), answer[:100]


def test_a_live_stream_is_not_disturbed(stack, processes, publish):
    stream, url, _, _ = stack.new_stream("undisturbed")
    publisher = publish(url)
    wait_live(stack, "undisturbed")
    test_random_bytes_on_every_port(stack, processes)
    wait_until(
        "recording has gone on",
        lambda: any(item["duration"] > 5 for item in stack.recordings(stream["id"])),
    )
    assert publisher.is_running()
