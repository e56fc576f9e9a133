"""The media bus as a viewer's service sees it: wants, and the samples of renditions."""
import json
import socket
import struct
import threading
import time
import urllib.parse

ENTRY = struct.Struct("<BBHIQ")
SAMPLE = struct.Struct("<HHHBBIqiIIHHQI")
KEYFRAME = 1
SEGMENT_START = 8
FNV_OFFSET, FNV_PRIME, BUCKETS = 0x811C9DC5, 0x01000193, 64


class Sample:
    """One sample of a bus entry."""

    def __init__(self, fields, payload):
        (self.track, self.generation, self.flags, _, _, self.sequence, self.decode_time, self.composition_offset,
         self.duration, self.media_sequence, self.part, _, self.capture_clock, _) = fields
        self.payload = payload


def samples_of(blob):
    """The samples of one entry."""
    _, _, count, _, _ = ENTRY.unpack_from(blob)
    offset, found = ENTRY.size, []
    for _ in range(count):
        fields = SAMPLE.unpack_from(blob, offset)
        offset += SAMPLE.size
        found.append(Sample(fields, blob[offset:offset + fields[-1]]))
        offset += fields[-1]
    return found


class MediaBus:
    """A connection to the stack's bus."""

    def __init__(self, stack):
        plan = json.loads((stack.data / "run/plan.json").read_text())
        url = next(p["environment"]["REDIS_BUS_URL"] for p in plan if p["name"] == "transcoder")
        self.path = urllib.parse.urlsplit(url).path
        self.connect()

    def connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(self.path)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def command(self, *words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise OSError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]

    @staticmethod
    def key(kind, stream, rendition=None):
        number = FNV_OFFSET
        for byte in stream.encode():
            number = (number ^ byte) * FNV_PRIME & 0xFFFFFFFF
        name = stream if rendition is None else f"{stream}:{rendition}"
        return f"{kind}:{{b{number % BUCKETS:02}}}:{name}"

    def samples(self, stream, rendition=None):
        """All samples of a stream or a rendition that the ring holds."""
        entries = self.command("XRANGE", self.key("media", stream, rendition), "-", "+")
        return [sample for _, fields in entries for sample in samples_of(fields[1])]

    def description(self, stream, rendition):
        """The session and the tracks of a rendition, by their fields; empty where there is none."""
        flat = self.command("HGETALL", self.key("tracks", stream, rendition))
        return {flat[i].decode(): json.loads(flat[i + 1]) for i in range(0, len(flat), 2)}

    def holder(self, stream, rendition):
        """Who makes a rendition, as its lease says."""
        return self.command("GET", self.key("lease", stream, rendition))


class Want:
    """Wants a rendition until it is closed, as a viewer's service does."""

    def __init__(self, stack, stream, rendition):
        self.bus, self.stream, self.rendition = MediaBus(stack), stream, rendition
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.renew, daemon=True)
        self.thread.start()

    def renew(self):
        name = f"{self.stream}:{self.rendition}"
        while not self.over.is_set():
            expiry = int(time.time() * 1000) + 5000
            self.bus.command("ZADD", MediaBus.key("want", self.stream), expiry, f"{self.rendition}/test")
            if self.bus.command("ZADD", "wanted", "GT", expiry, name) == 1:
                self.bus.command("XADD", "wants", "MAXLEN", "~", 256, "*", "rendition", name)
            self.over.wait(2)

    def close(self):
        self.over.set()
        self.thread.join(10)
        self.bus.close()
