"""What processes cost: CPU seconds and resident memory, read from /proc."""
import os
import time

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_bytes(pid):
    return int(open(f"/proc/{pid}/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Meter:
    """The CPU share and memory of named groups of processes over a window."""

    def __init__(self, groups):
        self.groups = groups
        self.started = time.monotonic()
        self.before = {name: sum(map(cpu_seconds, pids)) for name, pids in groups.items()}

    def read(self):
        elapsed = time.monotonic() - self.started
        return {
            name: {
                "cpu_percent": round(100 * (sum(map(cpu_seconds, pids)) - self.before[name]) / elapsed, 1),
                "rss_mib": round(sum(map(resident_bytes, pids)) / 2**20, 1),
            }
            for name, pids in self.groups.items()
        }


def busy_seconds(core):
    """What a core has worked so far, for whomever: the kernel's work for the network is nobody's in particular."""
    line = next(line for line in open("/proc/stat") if line.startswith(f"cpu{core} "))
    user, nice, system, _, _, irq, softirq, steal = map(int, line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICK


class CoreMeter:
    """How busy cores are over a window, in per cent of each."""

    def __init__(self, cores):
        self.started = time.monotonic()
        self.before = {core: busy_seconds(core) for core in cores}

    def read(self):
        elapsed = time.monotonic() - self.started
        return {core: round(100 * (busy_seconds(core) - before) / elapsed, 1) for core, before in self.before.items()}
