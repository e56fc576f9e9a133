"""A bad network on loopback: a seeded relay between a WebRTC peer and the port of ingest or sfu."""
import dataclasses
import heapq
import itertools
import random
import selectors
import socket
import threading
import time

from answers import lead_to

DATAGRAM_BYTES = 65536


@dataclasses.dataclass
class Link:
    """What happens to datagrams in one direction; every field may be changed at any time."""

    loss: float = 0.0
    """The share that is lost, 0 to 1."""
    delay: float = 0.0
    """Seconds that each takes."""
    jitter: float = 0.0
    """Seconds that each takes longer at most; the order is kept."""
    reordering: float = 0.0
    """The share that is overtaken by what comes in the next `jitter` seconds."""
    rate: float = None
    """Bits a second that pass; what is more waits."""
    queue: int = 64_000
    """Bytes that may wait; what is more is dropped."""
    is_cut: bool = False
    """Whether nothing passes at all."""


@dataclasses.dataclass
class Counts:
    """What has become of the datagrams of one direction."""

    passed: int = 0
    lost: int = 0
    dropped: int = 0
    """Because the queue was full."""


class _Direction:
    """One direction of the relay: decides when a datagram leaves, or that it never does."""

    def __init__(self, link, seed):
        self.link, self.counts = link, Counts()
        self._random = random.Random(seed)
        self._free_at = 0.0  # when the shaper has sent all that waits
        self._last = 0.0  # when the last one leaves that keeps the order

    def departure(self, size, now):
        """When a datagram that came at `now` leaves; None where it does not."""
        link = self.link
        # Always as many draws, so that a change of one field leaves the others' luck as it was.
        fate, wait, luck = (self._random.random() for _ in range(3))
        if link.is_cut or fate < link.loss:
            self.counts.lost += 1
            return None
        start = now
        if link.rate:
            start = max(now, self._free_at)
            if (start - now) * link.rate / 8 + size > link.queue:
                self.counts.dropped += 1
                return None
            self._free_at = start = start + size * 8 / link.rate
        self.counts.passed += 1
        if luck < link.reordering:
            return start + link.delay + link.jitter
        self._last = max(self._last, start + link.delay + wait * link.jitter)
        return self._last


class UDPRelay:
    """Forwards datagrams between any number of peers and one port, by the links `up` and `down`.

    Peers come to it because their answer went through `rewrite`, or because they were told of `front`, the address and
    port that it then has for them. `down` leads to the peers.
    """

    def __init__(self, port, seed=1, host="127.0.0.1", front=None):
        self.up, self.down = Link(), Link()
        self._directions = _Direction(self.up, f"up {seed}"), _Direction(self.down, f"down {seed}")
        self._target = host, port
        self._host = host
        self._front = self._bind(*(front or (host, 0)))
        self._sockets = {}  # peer's address: our socket towards the port
        self._waiting, self._order = [], itertools.count()
        self._meddle = lambda is_up, datagram: ()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._front, selectors.EVENT_READ, None)
        self._is_open, self._forgets = True, False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def port(self):
        return self._front.getsockname()[1]

    @property
    def counts(self):
        """What became of the datagrams so far: (up, down)."""
        return tuple(dataclasses.replace(one.counts) for one in self._directions)

    def set(self, **fields):
        """Changes both directions."""
        for link in (self.up, self.down):
            for name, value in fields.items():
                setattr(link, name, value)

    def meddle(self, attacker):
        """Has `attacker(is_up, datagram)` told of every datagram that comes; what it returns goes the same way."""
        self._meddle = attacker

    def forget(self):
        """Lets every peer seem to come from another address from now on, as a NAT does that has forgotten it."""
        self._forgets = True

    def rewrite(self, sdp):
        """An answer, or a part of one, whose only candidate is this relay."""
        return lead_to(sdp, self._host, self.port)

    def close(self):
        self._is_open = False
        self._thread.join(5)
        for each in [self._front, *self._sockets.values()]:
            each.close()
        self._selector.close()

    # The thread

    @staticmethod
    def _bind(host, port=0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        one = socket.socket(family, socket.SOCK_DGRAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        one.bind((host, port))
        one.setblocking(False)
        return one

    def _run(self):
        while self._is_open:
            wait = 0.05
            if self._waiting:
                wait = min(wait, max(0.0, self._waiting[0][0] - time.monotonic()))
            for key, _ in self._selector.select(wait):
                self._receive(key.fileobj, key.data)
            self._send_what_is_due()
            if self._forgets:
                self._forgets = False
                for each in self._sockets.values():
                    self._selector.unregister(each)
                    each.close()
                self._sockets.clear()

    def _receive(self, source, peer):
        while True:
            try:
                datagram, sender = source.recvfrom(DATAGRAM_BYTES)
            except OSError:  # nothing more, or the port is closed
                return
            if peer is None:
                self._pass(True, datagram, self._socket_of(sender), self._target)
            else:
                self._pass(False, datagram, self._front, peer)

    def _socket_of(self, peer):
        if peer not in self._sockets:
            self._sockets[peer] = self._bind(self._host)
            self._selector.register(self._sockets[peer], selectors.EVENT_READ, peer)
        return self._sockets[peer]

    def _pass(self, is_up, datagram, out, to):
        now = time.monotonic()
        leaves = self._directions[0 if is_up else 1].departure(len(datagram), now)
        if leaves is not None:
            heapq.heappush(self._waiting, (leaves, next(self._order), datagram, out, to))
        for other in self._meddle(is_up, datagram):
            self._deliver(other, out, to)

    def _send_what_is_due(self):
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            _, _, datagram, out, to = heapq.heappop(self._waiting)
            self._deliver(datagram, out, to)

    @staticmethod
    def _deliver(datagram, out, to):
        try:
            out.sendto(datagram, to)
        except OSError:  # full, or gone: a network loses it too
            pass
