"""A narrow link with a long queue before it, as home routers have: two network namespaces with the kernel's own shaper
between them, an sfu of the stack in the one and a browser in the other."""
import copy
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from waiting import wait_until

SERVER, PEER = "198.18.77.1", "198.18.77.2"
DEVICE, FAR_DEVICE = "slow0", "slow1"
BURST_BYTES = 5000
HTTP_PORT, MEDIA_PORT = 8105, 8190


class SlowLink:
    """The namespaces, until it is closed; one who is not root has them in a namespace of users."""

    def __init__(self, queue_bytes):
        self._queue_bytes = queue_bytes
        self._processes = []
        users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self._users = ["--user", "--preserve-credentials"] if users else []
        self._server = self._hold(["unshare", *users, "--net"])
        self._peer = self._hold([*self.at_server, "unshare", "--net"])
        self._run(self.at_server, f"ip link add {DEVICE} type veth peer name {FAR_DEVICE} netns {self._peer}")
        for place, device, address in ((self.at_server, DEVICE, SERVER), (self.at_peer, FAR_DEVICE, PEER)):
            self._run(place, "ip link set lo up")
            self._run(place, f"ip address add {address}/24 dev {device}")
            self._run(place, f"ip link set {device} up")
        self._shape("add", 1_000_000_000)

    @property
    def at_server(self):
        """What a command there begins with."""
        return self._at(self._server)

    @property
    def at_peer(self):
        return self._at(self._peer)

    def narrow(self, rate):
        """So many bits a second pass to the peer from now on; what is more waits, and then is dropped."""
        self._shape("change", rate)

    @property
    def queued_bytes(self):
        """What waits before the link now."""
        text = self._run(self.at_server, f"tc -s qdisc show dev {DEVICE}")
        number, unit = re.search(r"backlog (\d+)([KM]?)b", text).groups()
        return int(number) * {"": 1, "K": 1024, "M": 1 << 20}[unit]

    def round_trips(self, port):
        """(now, the shortest) of the TCP connections from a port, in seconds, as the kernel has them; the slowest."""
        text = self._run(self.at_server, f"ss -Htin state established sport = :{port}")
        found = [(float(rtt) / 1000, float(least) / 1000)
                 for rtt, least in re.findall(r"\brtt:([\d.]+)/.*?\bminrtt:([\d.]+)", text)]
        return max(found, default=(0, 0))

    def start_sfu(self, stack, **settings):
        """One more replica of the stack's sfu, in the server's namespace; returns the stack as a browser there has it."""
        program = next(one for one in json.loads((stack.data / "run/plan.json").read_text()) if one["name"] == "sfu")
        environment = dict(os.environ, **program["environment"])
        environment |= {"SFU_HTTP_ADDRESS": "0.0.0.0", "SFU_HTTP_PORT": str(HTTP_PORT), "SFU_WEBRTC_ADDRESS": "0.0.0.0"}
        environment |= settings
        self._start([*self.at_server, *program["command"]], env=environment)
        here = f"http://127.0.0.1:{HTTP_PORT}/readyz"
        ask = f"import urllib.request; urllib.request.urlopen('{here}', timeout=2)"
        wait_until("the sfu is ready", lambda: subprocess.call(
            [*self.at_server, "python3", "-c", ask], stderr=subprocess.DEVNULL) == 0)
        far = copy.copy(stack)
        far.access = stack.access | {"site": f"http://{SERVER}:{HTTP_PORT}"}
        return far

    def start_router(self, inner, port):
        """Gives the server an address that nobody else has a way to, and forwards a port of its own to that one's media."""
        self._run(self.at_server, f"ip address add {inner}/32 dev lo")
        relay = f"UDPRelay({MEDIA_PORT}, host='{inner}', front=('{SERVER}', {port}))"
        program = f"import threading; from udp_relay import UDPRelay; relay = {relay}; threading.Event().wait()"
        self._start([*self.at_server, sys.executable, "-c", program], cwd=pathlib.Path(__file__).parent)

    def browser_program(self, folder):
        """A program that starts Chromium in the peer's namespace."""
        program = folder / "chromium-far"
        words = " ".join([*self.at_peer, shutil.which("chromium")])
        program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        program.chmod(0o755)
        return str(program)

    def close(self):
        for process in reversed(self._processes):
            process.terminate()
            process.wait(15)

    def _at(self, process):
        return ["nsenter", "--target", str(process), *self._users, "--net", "--"]

    def _hold(self, command):
        """A process that does nothing but be in namespaces of its own; returns its ID."""
        before = self._network("self")
        process = self._start([*command, "--", "sleep", "infinity"])

        def is_there():
            assert process.poll() is None, f"no namespace can be made here: {' '.join(command)}"
            command_line = open(f"/proc/{process.pid}/cmdline").read()
            return command_line.startswith("sleep") and self._network(process.pid) != before

        wait_until("the namespace is there", is_there)
        return process.pid

    @staticmethod
    def _network(process):
        return os.readlink(f"/proc/{process}/ns/net")

    def _start(self, command, **options):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)
        self._processes.append(process)
        return process

    @staticmethod
    def _run(place, command):
        done = subprocess.run([*place, *command.split()], capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def _shape(self, verb, rate):
        self._run(self.at_server, f"tc qdisc {verb} dev {DEVICE} root tbf rate {rate} burst {BURST_BYTES} limit {self._queue_bytes}")
