"""A client of RTMP that says what it is told to, right or wrong, and hears what the server says to that."""
import re
import socket
import struct
import time


def text(value):
    """AMF0: a string."""
    return b"\x02" + struct.pack(">H", len(value)) + value.encode()


def number(value):
    """AMF0: a number."""
    return b"\x00" + struct.pack(">d", value)


NULL = b"\x05"


def structure(**fields):
    """AMF0: an object of strings."""
    items = (struct.pack(">H", len(name)) + name.encode() + text(value) for name, value in fields.items())
    return b"\x03" + b"".join(items) + b"\x00\x00\x09"


def message(kind, payload, stream=0, timestamp=0, length=None, size=128):
    """A message in chunks of `size` bytes; `length` is what the header says, where it lies."""
    header = b"\x03" + timestamp.to_bytes(3, "big") + (len(payload) if length is None else length).to_bytes(3, "big")
    pieces = [payload[start:start + size] for start in range(0, len(payload), size)] or [b""]
    return header + bytes([kind]) + stream.to_bytes(4, "little") + b"\xc3".join(pieces)


def command(name, transaction, *values, stream=0):
    return message(20, text(name) + number(transaction) + b"".join(values), stream)


class RTMPClient:
    """One connection, its handshake done unless told otherwise."""

    def __init__(self, port, shakes_hands=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heard = b""
        if shakes_hands:
            self.send(b"\x03" + bytes(1536))
            while len(self.heard) < 3073:
                assert self.hear(), "the server closed in the handshake"
            self.send(self.heard[1:1537])
            self.heard = self.heard[3073:]

    def close(self):
        self.socket.close()

    def send(self, data):
        """Sends `data`; a server that has closed need not take all of it."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def hear(self):
        """Takes what comes next; false where the server has closed."""
        try:
            more = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.heard += more
        return bool(more)

    def is_closed_within(self, seconds):
        """Whether the server closes by itself in that time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                if not self.hear():
                    return True
            except TimeoutError:
                return False
        return False

    def wait_for(self, word, seconds=10):
        """Waits until the server has said `word`."""
        deadline = time.monotonic() + seconds
        while word.encode() not in self.heard:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            assert self.hear(), f"the server closed and said {self.statuses()}"

    def statuses(self):
        """The status codes that were heard."""
        return [one.decode() for one in re.findall(rb"Net(?:Stream|Connection)\.[A-Za-z.]+", self.heard)]

    def connect(self):
        self.send(command("connect", 1, structure(app="live", tcUrl="rtmp://127.0.0.1/live")))
        self.wait_for("NetConnection.Connect.Success")

    def publish(self, key):
        """Asks to publish; the answer is for the caller to wait for."""
        self.connect()
        self.send(command("createStream", 2, NULL))
        self.wait_for("_result")
        self.send(command("publish", 3, NULL, text(key), text("live"), stream=1))

    def video(self, payload, timestamp=0):
        self.send(message(9, payload, stream=1, timestamp=timestamp))
