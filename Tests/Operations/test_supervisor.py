"""The supervisor with small programs: order, restart, adoption, reload, stop, log rotation."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

STACK = pathlib.Path(__file__).resolve().parents[2] / "scripts/stack"
PATIENCE_SECONDS = 15
SLEEPER = ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"]


def program(name, command=None, **more):
    return {"name": name, "command": command or SLEEPER, "fingerprint": "1"} | more


class SupervisorTests(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)
        for name in ("run", "log"):
            (self.folder / name).mkdir()
        self.supervisor = None

    def tearDown(self):
        self.supervisor.terminate()
        self.supervisor.wait(PATIENCE_SECONDS)
        self.temporary.cleanup()

    def start(self, *plan):
        if plan:
            self.write_plan(*plan)
        self.supervisor = subprocess.Popen([sys.executable, str(STACK / "supervisor.py"), str(self.folder)],
                                           stdout=subprocess.DEVNULL)

    def write_plan(self, *plan):
        (self.folder / "run/plan.json").write_text(json.dumps(plan))

    def rows(self):
        try:
            programs = json.loads((self.folder / "run/state.json").read_text())["programs"]
            return {row["name"]: row for row in programs}
        except (OSError, ValueError):
            return {}

    def wait_until(self, condition):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (value := condition()):
            self.assertLess(time.monotonic(), deadline, self.rows())
            signal.sigtimedwait([], 0.02)
        return value

    def running(self, name):
        row = self.rows().get(name)
        return row["pid"] if row and row["state"] == "running" else None

    def test_what_dies_is_started_again(self):
        self.start(program("a"))
        first = self.wait_until(lambda: self.running("a"))
        os.kill(first, signal.SIGKILL)
        second = self.wait_until(lambda: (pid := self.running("a")) and pid != first and pid)
        self.assertEqual(int((self.folder / "run/a.pid").read_text()), second)
        self.assertEqual(self.rows()["a"]["restarts"], 1)

    def test_children_of_what_died_do_not_stay(self):
        self.start(program("a", ["/bin/sh", "-c", f"sleep 60 & echo $! > {self.folder}/child; wait"]))
        first = self.wait_until(lambda: self.running("a"))
        child = int(self.wait_until(lambda: (self.folder / "child").exists() and (self.folder / "child").read_text()))
        os.kill(first, signal.SIGKILL)
        self.wait_until(lambda: (pid := self.running("a")) and pid != first)
        status = pathlib.Path(f"/proc/{child}/status")
        self.wait_until(lambda: not status.exists() or "zombie" in status.read_text())

    def test_a_program_waits_for_what_it_needs(self):
        gate = self.folder / "gate"
        self.start(
            program("job", ["/bin/sh", "-c", f"test -e {gate}"], once=True),
            program("a", after=["job"]),
        )
        self.wait_until(lambda: self.rows().get("job", {}).get("restarts", 0) >= 2)
        self.assertEqual(self.rows()["a"]["state"], "waiting")
        gate.touch()
        self.wait_until(lambda: self.running("a"))
        self.assertEqual(self.rows()["job"]["state"], "done")

    def test_a_killed_supervisor_leaves_programs_that_the_next_adopts(self):
        self.start(program("a"))
        pid = self.wait_until(lambda: self.running("a"))
        self.supervisor.kill()
        self.supervisor.wait()
        (self.folder / "run/a.pid").unlink()
        self.start()
        self.wait_until(lambda: (self.folder / "run/a.pid").exists())
        self.assertEqual(self.wait_until(lambda: self.running("a")), pid)

    def test_a_changed_plan_restarts_only_what_changed(self):
        self.start(program("a"), program("b"), program("c"))
        before = {name: self.wait_until(lambda name=name: self.running(name)) for name in "abc"}
        self.write_plan(program("a"), program("b") | {"fingerprint": "2"})
        self.supervisor.send_signal(signal.SIGHUP)
        self.wait_until(lambda: (pid := self.running("b")) and pid != before["b"])
        self.wait_until(lambda: "c" not in self.rows())
        self.assertEqual(self.running("a"), before["a"])

    def test_it_stops_a_program_after_those_that_need_it(self):
        trace = self.folder / "trace"
        command = lambda name: [  # noqa: E731
            "/bin/sh", "-c", f"trap 'echo {name} >> {trace}; exit 0' TERM; while :; do sleep 0.05; done"]
        self.start(
            program("base", command("base")),
            program("job", ["/bin/true"], once=True, after=["base"]),
            program("top", command("top"), after=["job"]),
        )
        self.wait_until(lambda: self.running("top"))
        self.wait_until(lambda: self.running("base"))
        self.supervisor.terminate()
        self.assertEqual(self.supervisor.wait(PATIENCE_SECONDS), 0)
        self.assertEqual(trace.read_text().split(), ["top", "base"])

    def test_long_logs_are_rotated_under_their_writers(self):
        log = self.folder / "log/a.log"
        log.write_bytes(b"x" * ((16 << 20) + 1))
        self.start(program("a", ["/bin/sh", "-c", "while :; do echo line; sleep 0.05; done"]))
        self.wait_until(lambda: log.stat().st_size < 1 << 20 and b"line" in log.read_bytes())
        self.assertGreater((self.folder / "log/a.log.1").stat().st_size, 16 << 20)


if __name__ == "__main__":
    unittest.main()
