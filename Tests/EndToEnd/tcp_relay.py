"""A narrow path on loopback for one peer by TCP: a relay between it and the port of ingest or sfu."""
import selectors
import socket
import threading
import time

from answers import lead_to

RECEIVE_BYTES = 2048
# What the relay's own kernel holds of either direction, as small as it can be: queues are to be the sender's.
KERNEL_BYTES = 4096


class TCPRelay:
    """Forwards connections to one port; what comes from there is slowed down to `rate` bits a second where it is set."""

    def __init__(self, port, rate=None, host="127.0.0.1"):
        self.rate = rate
        self._target = host, port
        self._host = host
        self._front = socket.create_server((host, 0))
        self._threads, self._is_open = [], True
        self._start(self._accept)

    @property
    def port(self):
        return self._front.getsockname()[1]

    def rewrite(self, sdp):
        """An answer, or a part of one, whose only candidate is this relay."""
        return lead_to(sdp, self._host, self.port, "tcp")

    def close(self):
        self._is_open = False
        for thread in self._threads:
            thread.join(5)
        self._front.close()

    # The threads

    def _start(self, body, *arguments):
        self._threads.append(threading.Thread(target=body, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self):
        self._front.settimeout(0.1)
        while self._is_open:
            try:
                peer, _ = self._front.accept()
            except TimeoutError:
                continue
            self._start(self._carry, peer)

    def _carry(self, peer):
        with peer, socket.socket() as back, selectors.DefaultSelector() as both, selectors.DefaultSelector() as one:
            back.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
            back.connect(self._target)
            for selector, end in ((both, peer), (both, back), (one, peer)):
                selector.register(end, selectors.EVENT_READ)
            free_at = 0.0
            while self._is_open:
                # What comes back is left where it is until the path is free for it.
                wait = min(0.1, free_at - time.monotonic())
                for key, _ in (one.select(wait) if wait > 0 else both.select(0.1)):
                    data = self._receive(key.fileobj)
                    if not data:
                        return
                    if key.fileobj is back and self.rate:
                        free_at = max(free_at, time.monotonic() - 0.02) + len(data) * 8 / self.rate
                    try:
                        (peer if key.fileobj is back else back).sendall(data)
                    except OSError:
                        return

    @staticmethod
    def _receive(one):
        try:
            return one.recv(RECEIVE_BYTES)
        except OSError:
            return b""
