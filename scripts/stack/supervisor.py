#!/usr/bin/python3
"""Keeps the programs of one stack running: starts them in order, restarts what dies, rotates their logs.

Usage: supervisor.py DATA_FOLDER

Reads run/plan.json and writes run/state.json in that folder. HUP reads the plan again and restarts only what
has changed; TERM stops everything, each program after those that need it. Programs write straight to their log
files and are watched by process descriptors, so a supervisor that was killed adopts the living ones again.
"""

import dataclasses
import http.client
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

LOG_LIMIT_BYTES = 16 << 20
LOG_GENERATIONS = 3
LOG_CHECK_SECONDS = 10
FIRST_BACKOFF_SECONDS = 0.25
LONGEST_BACKOFF_SECONDS = 10.0
STEADY_SECONDS = 30  # a program that ran this long starts again without delay
PROBE_SECONDS = 0.2
PROBE_TIMEOUT_SECONDS = 2


def start_ticks(pid):
    """When a process began, in clock ticks since boot; None if there is none. Tells a reused number apart."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else int(fields[19])
    except (OSError, IndexError, ValueError):
        return None


def answers(probe):
    """Whether a program is ready, as its plan defines it."""
    try:
        if "http" in probe:
            host, _, path = probe["http"].partition("/")
            connection = http.client.HTTPConnection(host, timeout=PROBE_TIMEOUT_SECONDS)
            connection.request("GET", "/" + path)
            return connection.getresponse().status == 200
        if "redis" in probe:
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(PROBE_TIMEOUT_SECONDS)
                peer.connect(probe["redis"])
                peer.sendall(b"PING\r\n")
                return peer.recv(16).startswith(b"+PONG")
        command = subprocess.run(
            probe["command"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=PROBE_TIMEOUT_SECONDS, check=False)
        return command.returncode == 0
    except (OSError, http.client.HTTPException, subprocess.SubprocessError):
        return False


@dataclasses.dataclass
class Program:
    """One line of the plan and what has become of it."""

    spec: dict
    pid: int = 0
    ticks: int = 0
    descriptor: int = -1
    process: subprocess.Popen = None
    started: float = 0.0
    ready: bool = False
    done: bool = False
    restarts: int = 0
    backoff: float = 0.0
    not_before: float = 0.0
    next_probe: float = 0.0
    last_exit: str = ""
    stopping_since: float = 0.0

    @property
    def name(self):
        return self.spec["name"]

    @property
    def usable(self):
        """Others may build on it."""
        return self.done if self.spec.get("once") else self.ready

    @property
    def word(self):
        if self.stopping_since and self.pid:
            return "stopping"
        if self.pid:
            return "running" if self.ready else "starting"
        if self.done:
            return "done"
        return "waiting" if not self.last_exit else "backoff"


class Supervisor:
    def __init__(self, folder):
        self.run = folder / "run"
        self.logs = folder / "log"
        self.programs = {}
        self.order = []
        self.poll = select.poll()
        self.wakeup, self.wakeup_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.poll.register(self.wakeup, select.POLLIN)
        self.stopping = False
        self.reload = True
        self.next_log_check = 0.0

    # Signals only leave a mark; the loop acts on it.

    def catch_signals(self):
        signal.set_wakeup_fd(self.wakeup_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, lambda *_: setattr(self, "reload", True))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "stopping", True))

    def serve(self):
        self.catch_signals()
        survivors = self.survivors()
        while True:
            if self.reload:
                self.reload = False
                self.read_plan(survivors)
                survivors = {}
            self.notice_exits()
            if self.stopping:
                self.stop_all()
                if not any(program.pid for program in self.programs.values()):
                    break
            else:
                for name in self.order:
                    self.advance(self.programs[name])
                self.retire_removed()
            self.write_state()
            self.rotate_logs()
            self.wait()
        self.write_state()

    def wait(self):
        hurried = self.stopping or any(not p.usable for p in self.programs.values())
        for descriptor, _ in self.poll.poll(100 if hurried else 1000):
            if descriptor == self.wakeup:
                try:
                    os.read(self.wakeup, 4096)
                except BlockingIOError:
                    pass

    # The plan

    def read_plan(self, survivors):
        plan = json.loads((self.run / "plan.json").read_text())
        self.order = [spec["name"] for spec in plan]
        for spec in plan:
            program = self.programs.get(spec["name"])
            if program is None:
                program = self.programs[spec["name"]] = Program(spec)
                self.adopt(program, survivors.get(spec["name"]))
                continue
            changed = program.spec["fingerprint"] != spec["fingerprint"]
            reloadable = not changed and program.spec.get("reloadFingerprint") != spec.get("reloadFingerprint")
            program.spec = spec
            if changed and program.pid:
                self.stop(program)
            elif changed or spec.get("once"):
                program.done, program.backoff, program.not_before = False, 0.0, 0.0
            elif reloadable and program.pid:
                self.log(f"{program.name}: reloads its configuration")
                os.kill(program.pid, signal.SIGHUP)

    def retire_removed(self):
        for name in [name for name in self.programs if name not in self.order]:
            program = self.programs[name]
            if program.pid:
                self.stop(program)
            else:
                del self.programs[name]

    def survivors(self):
        try:
            rows = json.loads((self.run / "state.json").read_text())["programs"]
            return {row["name"]: row for row in rows if row["pid"]}
        except (OSError, ValueError, KeyError):
            return {}

    def adopt(self, program, row):
        if not row or start_ticks(row["pid"]) != row["ticks"]:
            return
        if row["fingerprint"] != program.spec["fingerprint"]:
            self.log(f"{program.name}: outlived the last supervisor with another configuration; restarts")
        else:
            self.log(f"{program.name}: adopted, process {row['pid']}")
        program.pid, program.ticks = row["pid"], row["ticks"]
        program.started, program.restarts = row["started"], row["restarts"]
        program.descriptor = os.pidfd_open(program.pid)
        self.poll.register(program.descriptor, select.POLLIN)
        self.write_pid(program)
        if row["fingerprint"] != program.spec["fingerprint"]:
            self.stop(program)

    # One program

    def advance(self, program):
        now = time.monotonic()
        if program.stopping_since:
            self.press(program)
        elif program.pid:
            if not program.ready and now >= program.next_probe:
                program.next_probe = now + PROBE_SECONDS
                probe = program.spec.get("ready")
                program.ready = not program.spec.get("once") and (probe is None or answers(probe))
        elif not program.done and now >= program.not_before and self.needs_met(program):
            self.start(program)

    def needs_met(self, program):
        return all(self.programs[name].usable for name in program.spec.get("after", []))

    def start(self, program):
        spec = program.spec
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "HOME": str(self.run)}
        try:
            with open(self.logs / f"{program.name}.log", "ab", buffering=0) as log:
                program.process = subprocess.Popen(
                    spec["command"], env=environment | spec.get("environment", {}), cwd=self.run,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        except OSError as error:
            self.fell(program, f"cannot start: {error.strerror}")
            return
        program.pid = program.process.pid
        program.ticks = start_ticks(program.pid) or 0
        program.descriptor = os.pidfd_open(program.pid)
        self.poll.register(program.descriptor, select.POLLIN)
        program.started, program.ready, program.next_probe = time.time(), False, 0.0
        self.write_pid(program)
        self.log(f"{program.name}: started, process {program.pid}")

    def write_pid(self, program):
        (self.run / f"{program.name}.pid").write_text(f"{program.pid}\n")

    def stop(self, program):
        if program.stopping_since:
            return
        program.stopping_since = time.monotonic()
        self.send(program, getattr(signal, "SIG" + program.spec.get("stop", "TERM")))

    def press(self, program):
        if program.pid and time.monotonic() - program.stopping_since > program.spec.get("stopSeconds", 10):
            self.log(f"{program.name}: did not stop in time; killed")
            self.kill_group(program.pid)

    def send(self, program, number):
        try:
            os.kill(program.pid, number)
        except ProcessLookupError:
            pass

    def kill_group(self, pid):
        """The rest of a program whose leader is gone would hold its ports: each one leads its own session."""
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def notice_exits(self):
        for program in list(self.programs.values()):
            if not program.pid:
                continue
            if program.process is not None:
                code = program.process.poll()
                if code is None:
                    continue
                how = f"exit {code}" if code >= 0 else signal.Signals(-code).name
            elif start_ticks(program.pid) == program.ticks:
                continue
            else:
                code, how = None, "gone"
            self.kill_group(program.pid)
            self.poll.unregister(program.descriptor)
            os.close(program.descriptor)
            self.exited(program, code, how)

    def exited(self, program, code, how):
        steady = time.time() - program.started >= STEADY_SECONDS
        wanted = bool(program.stopping_since)
        (self.run / f"{program.name}.pid").unlink(missing_ok=True)
        program.pid, program.process, program.descriptor = 0, None, -1
        program.ready, program.stopping_since = False, 0.0
        if wanted:
            self.log(f"{program.name}: stopped ({how})")
            program.last_exit, program.done, program.backoff = "", False, 0.0
        elif program.spec.get("once") and code == 0:
            program.done = True
        else:
            if steady:
                program.backoff = 0.0
            self.fell(program, how)

    def fell(self, program, how):
        program.last_exit = how
        program.restarts += 1
        program.not_before = time.monotonic() + program.backoff
        self.log(f"{program.name}: {how}; starts again in {program.backoff:g} s")
        program.backoff = min(max(program.backoff * 2, FIRST_BACKOFF_SECONDS), LONGEST_BACKOFF_SECONDS)

    def stop_all(self):
        needed = set()
        waiting = [p for p in self.programs.values() if p.pid]
        while waiting:  # also what is needed by way of a program that has done its work
            for name in waiting.pop().spec.get("after", []):
                if name not in needed and name in self.programs:
                    needed.add(name)
                    waiting.append(self.programs[name])
        for program in self.programs.values():
            if program.pid and program.name not in needed:
                self.stop(program)
                self.press(program)

    # What others see

    def write_state(self):
        rows = [
            {"name": p.name, "state": p.word, "pid": p.pid, "ticks": p.ticks, "started": p.started,
             "restarts": p.restarts, "lastExit": p.last_exit, "fingerprint": p.spec["fingerprint"]}
            for p in self.programs.values()]
        text = json.dumps({"supervisor": os.getpid(), "plan": self.order, "programs": rows}, indent=1)
        if text == getattr(self, "state_text", None):
            return
        self.state_text = text
        fresh = self.run / "state.json.new"
        fresh.write_text(text)
        fresh.rename(self.run / "state.json")

    def rotate_logs(self):
        now = time.monotonic()
        if now < self.next_log_check:
            return
        self.next_log_check = now + LOG_CHECK_SECONDS
        for log in self.logs.glob("*.log"):
            if log.stat().st_size < LOG_LIMIT_BYTES:
                continue
            for generation in range(LOG_GENERATIONS - 1, 0, -1):
                older = log.with_suffix(f".log.{generation}")
                if older.exists():
                    older.rename(log.with_suffix(f".log.{generation + 1}"))
            # The writers keep their descriptors and append: copy, then cut.
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)

    def log(self, text):
        print(json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": "info",
                          "service": "supervisor", "message": text}), flush=True)


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    (folder / "run" / "supervisor.pid").write_text(str(os.getpid()))
    Supervisor(folder).serve()
    (folder / "run" / "supervisor.pid").unlink(missing_ok=True)
