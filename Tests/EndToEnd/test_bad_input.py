"""Garbage on every port: a clear error for the sender, and nobody else notices."""
import contextlib
import random
import socket
import threading
import urllib.parse

import pytest

from publisher import wait_live
from rtmp_client import NULL, command, message, number, text
from waiting import wait_until


@pytest.fixture
def processes(stack):
    """Fails the test where any service had to be restarted during it."""
    names = ("auth", "catalog", "ingest", "origin", "sfu", "transcoder", "gateway", "postgres", "redis-bus", "redis-control")
    before = {name: stack.pid(name) for name in names}
    yield before
    after = {name: stack.pid(name) for name in names}
    assert after == before, "a service died"
    assert all(stack.is_alive(name) for name in names)


def ports(stack):
    """Every TCP port of the stack by its name in scripts/settings.sh."""
    base = int(stack.environment["MARTLET_PORT_BASE"])
    offsets = {"SITE": 80, "SITE_TLS": 443, "RTMP": 935, "RTMPS": 936, "AUTH": 101, "CATALOG": 102, "INGEST": 103,
               "ORIGIN": 104, "SFU": 105, "TRANSCODER": 106, "INGEST_WEBRTC": 180, "SFU_WEBRTC": 190}
    return {name: base + offset for name, offset in offsets.items()}


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
    for port in ports(stack).values():
        for size in (1, 3, 1537, 20000):
            send(port, source.randbytes(size))
            send(port, b"\x03" + source.randbytes(size))
            send(port, b"GET /" + source.randbytes(size))


def test_random_datagrams_on_both_ports_of_webrtc(stack, processes):
    source = random.Random(5)
    for name in ("ingest-webrtc", "sfu-webrtc"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for size in (0, 1, 19, 20, 1200, 1537, 20000):
                for first in (b"", b"\x00\x01", b"\x16\xfe\xfd", b"\x80\x60", b"\x80\xc8"):
                    peer.sendto(first + source.randbytes(size), ("127.0.0.1", stack.port(name)))


CHUNK_SIZE, VIDEO, COMMAND = 1, 9, 20
LEVELS = 1000
NESTED = b"\x03\x00\x01a" * LEVELS + NULL + b"\x00\x00\x09" * LEVELS


BROKEN = {
    "a chunk size of zero": message(CHUNK_SIZE, bytes(4)),
    "a chunk size that is negative": message(CHUNK_SIZE, (1 << 31).to_bytes(4, "big")),
    "a chunk size of no bytes": message(CHUNK_SIZE, b""),
    "a message of sixteen megabytes from nobody": message(VIDEO, bytes(100), length=0xFFFFFF),
    "a chunk that continues nothing": b"\xc4" + bytes(50),
}
MEANINGLESS = {
    "objects nested a thousand deep": message(COMMAND, text("connect") + number(1) + NESTED),
    "arrays nested a thousand deep":
        message(COMMAND, text("connect") + number(1) + b"\x0a\0\0\0\1" * LEVELS + NULL),
    "an array of four thousand million": message(COMMAND, text("connect") + number(1) + b"\x0a" + b"\xff" * 4),
    "control messages of no bytes": b"".join(message(kind, b"") for kind in (3, 4, 5, 6)),
    "a chunk size of two gigabytes": message(CHUNK_SIZE, (0x7FFFFFFF).to_bytes(4, "big")),
    "a command before connect": command("publish", 3, NULL, text("x"), text("live"), stream=1),
}
HANDSHAKES = {
    "cut": b"\x03" + bytes(700), "of a later version": b"\x06" + bytes(1536),
    "of HTTP": b"GET / HTTP/1.1\r\n\r\n" + bytes(1536),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_rtmp_is_closed(stack, processes, connect_rtmp, name):
    client = connect_rtmp()
    client.send(BROKEN[name])
    assert client.is_closed_within(3)


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_broken_handshake_is_closed(stack, processes, connect_rtmp, name):
    client = connect_rtmp(shakes_hands=False)
    client.send(HANDSHAKES[name])
    client.socket.shutdown(socket.SHUT_WR)
    assert client.is_closed_within(3)


@pytest.mark.parametrize("name", MEANINGLESS)
def test_what_means_nothing_is_ignored_and_the_connection_is_of_use(stack, processes, connect_rtmp, name):
    client = connect_rtmp()
    client.send(MEANINGLESS[name])
    client.publish("no key")
    client.wait_for("NetStream.Publish.Unauthorized")
    assert client.is_closed_within(5)


def test_who_asks_for_what_there_is_not_is_told_so(stack, processes, connect_rtmp):
    player = connect_rtmp()
    player.connect()
    player.send(command("createStream", 2, NULL))
    player.send(command("play", 3, NULL, text("main"), stream=1))
    player.wait_for("NetStream.Play.Failed")
    assert player.is_closed_within(5)


# H.264 High of 640x360, with one picture parameter set.
SEQUENCE_SET = bytes.fromhex("6764001eacd940a02ff9610000030001000003003c8f162d96")
PICTURE_SET = bytes.fromhex("68ebe3cb22c0")


def video_record(count, sets):
    """The sequence header of a publisher whose record says that it holds `count` sequence sets."""
    held = b"".join(len(one).to_bytes(2, "big") + one for one in sets)
    picture = len(PICTURE_SET).to_bytes(2, "big") + PICTURE_SET
    return b"\x17\x00\x00\x00\x00" + b"\x01\x64\x00\x1e\xff" + bytes([0xE0 | count & 31]) + held + b"\x01" + picture


def frame(timestamp):
    """A keyframe of bytes that are none."""
    return b"\x17\x01\x00\x00\x00" + (5).to_bytes(4, "big") + b"\x65" + timestamp.to_bytes(4, "big")


BROKEN_RECORD, NO_RECORD = "decoder configurations were broken", "came without a decoder configuration"
# The field of five bits has 1 for 33.
RECORDS = {
    "no-set": (video_record(0, []), NO_RECORD), "31-sets-of-none": (video_record(31, []), BROKEN_RECORD),
    "33-sets": (video_record(33, [SEQUENCE_SET] * 33), NO_RECORD),
    "cut-record": (video_record(1, [SEQUENCE_SET])[:12], BROKEN_RECORD),
    "empty-record": (video_record(0, [])[:5], NO_RECORD),
}


@pytest.mark.parametrize("slug", RECORDS)
def test_broken_decoder_records_are_told_of(stack, processes, connect_rtmp, publish, slug):
    record, said = RECORDS[slug]
    stream, url, _, _ = stack.new_stream(slug)
    client = connect_rtmp()
    client.publish(url.rsplit("/", 1)[1])
    client.wait_for("NetStream.Publish.Start")
    for place in range(30):
        client.video(record, 33 * place)
        client.video(frame(33 * place), 33 * place)
    wait_until("the pages are told what is wrong", lambda: any(said in one for one in warnings(stack, stream["id"])))
    client.wait_for("NetStream.Publish.Rejected")
    assert b"The picture cannot be decoded" in client.heard and b"error" in client.heard
    assert client.statuses().count("NetStream.Publish.Rejected") == 1
    # Dropped pictures are no reason to end a publisher, whose next record may be right.
    assert not client.is_closed_within(0.5)
    client.close()
    publish(url)
    wait_live(stack, slug)


def warnings(stack, stream_id):
    """What ingest tells the pages of a stream about its publisher."""
    return stack.api(f"/streams/{stream_id}/publisher")["warnings"]


@pytest.mark.parametrize("path", [
    "/live/../../../../etc/passwd", "/live/%2e%2e/%2e%2e/etc/passwd", "/live/a/b/../../c",
    "/live/aaaaaaaaaaaaaaaaaaaaaaaaaa/..%2f..%2fetc/passwd", "/live/%00/x", "/../../etc/passwd",
    "/live/~/x", pytest.param("/live/~" + "a" * 5000 + "/x", id="long"), "/watch/..%2f..%2fetc%2fpasswd",
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


def told(port, data, timeout=10):
    """Sends `data` and listens meanwhile, as a server need not take all before it answers; returns what it says."""
    answer = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        def say():
            with contextlib.suppress(OSError):
                connection.sendall(data)

        sending = threading.Thread(target=say, daemon=True)
        sending.start()
        with contextlib.suppress(OSError):
            while more := connection.recv(65536):
                answer += more
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        sending.join(timeout)
    return bytes(answer)


@pytest.mark.parametrize("size", [200_000, 16 << 20])
@pytest.mark.parametrize("name", ["SITE", "AUTH", "CATALOG", "INGEST", "ORIGIN", "SFU", "TRANSCODER"])
def test_oversized_headers_are_refused_in_words(stack, processes, name, size):
    answer = told(ports(stack)[name], b"GET / HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * size + b"\r\n\r\n")
    status, _, rest = answer.partition(b"\r\n")
    assert status.split(b" ")[1:2] and status.split(b" ")[1] in (b"400", b"414", b"431"), answer[:200]
    assert b"large" in (status + rest).lower(), answer[:400]


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
