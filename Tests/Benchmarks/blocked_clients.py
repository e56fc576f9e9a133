"""A thousand clients that wait for the next part of one live stream, over plain sockets and one epoll."""
import collections
import select
import socket
import time
import urllib.parse
import urllib.request

from processes import resident_bytes
from waiting import wait_until

CLIENTS = 1000
ROUNDS = 20


class Client:
    """One connection that asks for the next part's playlist again and again."""

    def __init__(self, address):
        self.socket = socket.create_connection(address)
        self.socket.setblocking(False)
        self.received = bytearray()

    def ask(self, path):
        self.received.clear()
        self.socket.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Martlet-Streams: *\r\n\r\n".encode())

    def read(self):
        """Takes what has come; returns whether the answer is whole."""
        while True:
            try:
                more = self.socket.recv(65536)
            except BlockingIOError:
                break
            if not more:
                raise ConnectionError("the server closed")
            self.received += more
            if len(more) < 65536:
                break
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self.received[:end].decode().lower()
        length = int(head.split("content-length:", 1)[1].split("\r\n", 1)[0])
        return len(self.received) >= end + 4 + length


def newest_part(text):
    """The media sequence number and part that the preload hint of `text` names."""
    hint = next(line for line in text.splitlines() if line.startswith("#EXT-X-PRELOAD-HINT"))
    name = hint.split('URI="', 1)[1].split('"', 1)[0].rsplit("/", 1)[-1]
    sequence, part, _ = name.split(".")
    return int(sequence), int(part)


def measure_blocked(stack):
    """First answer to last answer of 1,000 clients blocked on one part, over many parts; and memory."""
    from bench import publish_clock

    stream, url, _, _ = stack.new_stream("blocked")
    process, _ = publish_clock(url, 60)
    base = f"http://127.0.0.1:{int(stack.environment['MARTLET_PORT_BASE']) + 104}"
    master = f"{base}/live/{stream['id']}/index.m3u8"

    def get(url):
        request = urllib.request.Request(url, headers={"X-Martlet-Streams": "*"})
        return urllib.request.urlopen(request, timeout=5).read().decode()

    text = wait_until("the stream is live", lambda: get(master))
    media = urllib.parse.urljoin(master, next(l for l in text.splitlines() if l and l[0] != "#"))
    parsed = urllib.parse.urlsplit(media)
    idle = resident_bytes(stack.pid("origin"))
    clients = [Client((parsed.hostname, parsed.port)) for _ in range(CLIENTS)]
    poll = select.epoll()
    by_number = {}
    for client in clients:
        poll.register(client.socket, select.EPOLLIN)
        by_number[client.socket.fileno()] = client

    spreads, memory = [], 0
    sequence, part = newest_part(get(media))
    for _ in range(ROUNDS):
        for client in clients:
            client.ask(f"{parsed.path}?_HLS_msn={sequence}&_HLS_part={part}")
        waiting = set(by_number)
        moments = []
        while waiting:
            for number, _ in poll.poll(10):
                if number in waiting and by_number[number].read():
                    waiting.discard(number)
                    moments.append(time.monotonic())
        memory = max(memory, resident_bytes(stack.pid("origin")))
        spreads.append(collections.OrderedDict(
            p99_ms=round(1000 * (moments[int(CLIENTS * 0.99) - 1] - moments[0]), 1),
            last_ms=round(1000 * (moments[-1] - moments[0]), 1),
        ))
        body = clients[0].received.split(b"\r\n\r\n", 1)[1].decode()
        sequence, part = newest_part(body)
    for client in clients:
        client.socket.close()
    process.kill()
    process.wait()
    ordered = sorted(spread["p99_ms"] for spread in spreads)
    return {
        "clients": CLIENTS, "parts": ROUNDS, "median_p99_ms": ordered[len(ordered) // 2],
        "worst_p99_ms": ordered[-1], "worst_last_ms": max(spread["last_ms"] for spread in spreads),
        "origin_idle_mib": round(idle / 2**20, 1), "origin_rss_mib": round(memory / 2**20, 1),
    }
