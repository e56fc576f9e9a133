"""A thousand clients that wait for the next part of one live stream, over plain sockets and one epoll."""
import select
import socket
import time
import urllib.parse
import urllib.request

from media_bus import MediaBus
from processes import resident_bytes
from waiting import wait_until

CLIENTS = 1000
ROUNDS = 24


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


PART_END = 64


def completions(stack, stream_id):
    """When the last frame of each part came to ingest, in Unix seconds by (media sequence, part), as the bus has it.

    A part ends with the frame that says so, else with the first of the next part.
    """
    bus = MediaBus(stack)
    try:
        pictures = [sample for sample in bus.samples(stream_id) if sample.track == 0]
    finally:
        bus.close()
    found = {}
    for sample, following in zip(pictures, pictures[1:]):
        place = (sample.media_sequence, sample.part)
        if sample.flags & PART_END:
            found[place] = sample.capture_clock / 1e9
        elif (following.media_sequence, following.part) != place:
            found.setdefault(place, following.capture_clock / 1e9)
    return found


def answer_round(clients, poll, path):
    """All clients ask for one part; returns when all had asked, and when each was answered, in order."""
    for client in clients.values():
        client.ask(path)
    asked, waiting, moments = time.time(), set(clients), []
    while waiting:
        for number, _ in poll.poll(10):
            if number in waiting and clients[number].read():
                waiting.discard(number)
                moments.append(time.time())
    return asked, moments


def measure_blocked(stack):
    """From a part's last frame at ingest to the answers of 1,000 clients blocked on it, over many parts; and memory."""
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
    idle = memory = resident_bytes(stack.pid("origin"))
    poll, clients = select.epoll(), {}
    for _ in range(CLIENTS):
        client = Client((parsed.hostname, parsed.port))
        poll.register(client.socket, select.EPOLLIN)
        clients[client.socket.fileno()] = client

    answered = {}
    sequence, part = newest_part(get(media))
    for _ in range(ROUNDS):
        answered[sequence, part] = answer_round(
            clients, poll, f"{parsed.path}?_HLS_msn={sequence}&_HLS_part={part}")
        memory = max(memory, resident_bytes(stack.pid("origin")))
        one = next(iter(clients.values()))
        sequence, part = newest_part(one.received.split(b"\r\n\r\n", 1)[1].decode())
    began = completions(stack, stream["id"])
    for client in clients.values():
        client.socket.close()
    process.kill()
    process.wait()
    # A part that was there before all had asked blocked nobody; one that never came was answered with the next segment.
    spreads = [[1000 * (moment - began[place]) for moment in moments]
               for place, (asked, moments) in answered.items() if began.get(place, 0) > asked]
    assert len(spreads) >= ROUNDS // 2, (len(spreads), len(began))
    p99 = sorted(round(spread[int(CLIENTS * 0.99) - 1], 1) for spread in spreads)
    return {
        "clients": CLIENTS, "parts": len(spreads), "median_p99_ms": p99[len(p99) // 2], "worst_p99_ms": p99[-1],
        "worst_first_ms": round(max(spread[0] for spread in spreads), 1),
        "worst_last_ms": round(max(spread[-1] for spread in spreads), 1),
        "origin_idle_mib": round(idle / 2**20, 1), "origin_rss_mib": round(memory / 2**20, 1),
    }
