"""WHEP viewers and WHIP publishers per core: the sfu or ingest on one core, the load generator on another, beside Janus.

usage: bench_webrtc.py [--viewers 100,500,1000] [--seconds 8] [--streams small,browsers,large,sound,rare,publishers]
                       [--no-janus]
Without --viewers each stream has its own numbers of them; `publishers` are those of `small`.
Prints a table, and writes the figures as JSON to $MARTLET_BENCH_JSON.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "EndToEnd"))
sys.path.insert(0, str(HERE))

from bench_stack import bench_stack  # noqa: E402
from processes import CoreMeter, Meter, resident_bytes  # noqa: E402
from waiting import pause, wait_until  # noqa: E402
from whip_publishers import measure_publishers  # noqa: E402



@dataclasses.dataclass
class Stream:
    """What is published in H.264 without B-frames, and how many watch it, one number after the other."""

    size: str
    kilobits: int
    viewers: tuple
    # AAC comes with it, which the transcoder makes Opus of.
    has_sound: bool = False
    # From one keyframe to the next.
    group_seconds: int = 2
    rate: int = 30
    # Whether the viewers offer and report what a browser does: numbered packets, and when each came.
    is_browser: bool = False


STREAMS = {
    "small": Stream("640x360", 600, (100, 500, 1000, 2000, 3000)),
    "browsers": Stream("640x360", 600, (100, 500, 1000), is_browser=True),
    "large": Stream("1280x720", 2500, (100, 500, 1000)),
    "sound": Stream("640x360", 600, (100, 1000, 2200), has_sound=True),
    "rare": Stream("640x360", 600, (100, 1000), group_seconds=4),
}
PUBLISHERS, PUBLISHER_COUNTS = "publishers", (1, 50, 200)
# The sfu, or ingest, has one core for itself; the load generator and everything else share the other.
HUB_CORE, LOAD_CORE = 0, 1
# A server that has lost so many of its viewers is not asked to carry more.
CARRIED_SHARE = 0.99


def clip_of(name):
    """Twenty seconds of one stream in FLV, made once."""
    stream = STREAMS[name]
    clip = pathlib.Path(tempfile.gettempdir()) / f"martlet-webrtc-{name}.flv"
    if not clip.exists():
        source = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"] if stream.has_sound else []
        sound = ["-c:a", "aac", "-b:a", "96k", "-ac", "2"] if stream.has_sound else ["-an"]
        kilobits, group = stream.kilobits, stream.group_seconds * stream.rate
        subprocess.check_call([
            "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={stream.size}:rate={stream.rate}", *source,
            "-t", "20", "-vf", "noise=alls=12:allf=t", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast",
            "-tune", "zerolatency", "-g", str(group), "-profile:v", "baseline", "-b:v", f"{kilobits}k",
            "-minrate", f"{kilobits}k", "-maxrate", f"{kilobits}k", "-bufsize", f"{kilobits // 2}k",
            *sound, "-f", "flv", str(clip),
        ])
    return clip


def program(name):
    """A release build of one of the load generators."""
    folder = pathlib.Path(os.environ.get("MARTLET_RELEASE_FOLDER", HERE.parents[1] / ".build/release"))
    return str(folder / name)


def pin(pid, core):
    subprocess.check_call(["taskset", "-acp", str(core), str(pid)], stdout=subprocess.DEVNULL)


def with_children(pid):
    """A process and those that it has started."""
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    return [pid] + [each for child in children for each in with_children(int(child))]


def pin_stack(stack, hub="sfu"):
    """Gives one service its core, and everything else of the stack the other; returns the service's process."""
    for file in (stack.data / "run").glob("*.pid"):
        core = HUB_CORE if file.stem == hub else LOAD_CORE
        for pid in with_children(stack.pid(file.stem)):
            pin(pid, core)
    pin(stack.pid(hub), HUB_CORE)
    return stack.pid(hub)


def view(arguments, groups, delays=None):
    """Runs viewers to their end; returns their report and what the `groups` and cores cost while they were counted."""
    process = subprocess.Popen(
        ["taskset", "-c", str(LOAD_CORE), program("WebRTCLoadGenerator"), *arguments],
        stdout=subprocess.PIPE, text=True,
    )
    meter, cost = None, None
    for line in process.stdout:
        if line.startswith("counting"):
            if delays:
                delays.begin()
            meter, cores = Meter(groups), CoreMeter((HUB_CORE, LOAD_CORE))
        elif line.startswith("counted") and meter:
            cost = meter.read() | {"cores": cores.read()}
            if delays:
                delays.end()
        elif line.startswith("{"):
            process.wait(60)
            return json.loads(line), cost
    raise AssertionError("the load generator ended without a report")


class Histogram:
    """How long packets stay inside the sfu, from its metrics, between two moments."""

    NAME = "sfu_forward_delay_seconds_bucket"

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/metrics"
        self.before, self.after = {}, {}

    def begin(self):
        self.before = self.buckets()

    def end(self):
        self.after = self.buckets()

    def buckets(self):
        with urllib.request.urlopen(self.url, timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        pattern = re.compile(self.NAME + r'\{.*le="([^"]+)".*\} (\S+)')
        matches = filter(None, map(pattern.match, lines))
        return {float(match[1].replace("+Inf", "inf")): float(match[2]) for match in matches}

    def quantile_ms(self, share):
        """The upper bound of the bucket that holds the quantile, in milliseconds."""
        counts = {bound: count - self.before.get(bound, 0) for bound, count in sorted(self.after.items())}
        total = max(counts.values(), default=0)
        return next((1000 * bound for bound, count in counts.items() if total and count >= share * total), None)


def row(server, stream, count, report, cost, before):
    cores = cost.pop("cores")
    (figures,) = cost.values()
    memory = (figures["rss_mib"] - before / 2**20) / max(1, report["connected"])
    return {
        "server": server, "stream": stream, "viewers": count, "connected": report["connected"],
        "turned_away": report["turnedAway"], "feedbacks": report["feedbacks"],
        "packets_per_s": round(report["packetsPerSecond"]), "mbit_per_s": round(report["megabitsPerSecond"]),
        "cpu_percent": figures["cpu_percent"], "core_percent": cores[HUB_CORE],
        "lost": report["packetsLost"], "silent": report["silent"],
        "refused": report["packetsRefused"], "mib_per_viewer": round(memory, 3),
        "connect_p99_ms": round(report["connectMilliseconds"]["p99"]),
        "first_frame_p50_ms": round(report["firstFrameMilliseconds"]["p50"]),
        "first_frame_p99_ms": round(report["firstFrameMilliseconds"]["p99"]),
        "forward_p50_ms": round(report["forwardMilliseconds"]["p50"], 1),
        "forward_p99_ms": round(report["forwardMilliseconds"]["p99"], 1),
        "load_cpu_percent": round(report["generatorCPUPercent"], 1), "load_core_percent": cores[LOAD_CORE],
        "postponed": report["postponed"], "failures": report["failures"],
    }


def measure(stack, stream, counts, seconds, sample):
    """The sfu with each number of viewers of one RTMP publisher."""
    slug = f"webrtc-{stream}"
    made, url, _, _ = stack.new_stream(slug)
    publisher = subprocess.Popen(
        [program("LoadGenerator"), "--url", url, "--count", "1", "--clip", str(clip_of(stream)),
         "--seconds", "3600", "--mark", "1"], stdout=subprocess.DEVNULL,
    )
    kind = [] if STREAMS[stream].has_sound else ["--video-only", "1"]
    kind += ["--feedback", "browser"] if STREAMS[stream].is_browser else []
    rows = []
    try:
        wait_until("the stream is live", lambda: stack.watch_state(slug)["state"] == "live", timeout=30)
        pause(5)
        pid = pin_stack(stack)
        pin(publisher.pid, LOAD_CORE)
        hub = f"http://127.0.0.1:{int(stack.environment['MARTLET_PORT_BASE']) + 80}/whep/{made['id']}"
        report, cost = view(
            ["--url", hub, "--token", stack.access["api_token"], "--count", "20", "--parallel", "1",
             "--seconds", "1", "--sample", "5", *kind],
            {"sfu": [pid]},
        )
        rows.append(row("martlet, one by one", stream, 20, report, cost, resident_bytes(pid)))
        print(json.dumps(rows[-1]), flush=True)
        for count in counts:
            before = resident_bytes(pid)
            inside = Histogram(int(stack.environment["MARTLET_PORT_BASE"]) + 105)
            report, cost = view(
                ["--url", hub, "--token", stack.access["api_token"], "--count", str(count),
                 "--seconds", str(seconds), "--sample", str(sample), *kind],
                {"sfu": [pid]}, inside,
            )
            rows.append(row("martlet", stream, count, report, cost, before))
            rows[-1] |= {"inside_p50_ms": inside.quantile_ms(0.5), "inside_p99_ms": inside.quantile_ms(0.99)}
            print(json.dumps(rows[-1]), flush=True)
            if report["connected"] < CARRIED_SHARE * count:
                break
    finally:
        publisher.kill()
        publisher.wait()
    return rows


COLUMNS = (
    "server", "stream", "viewers", "connected", "turned_away", "packets_per_s", "mbit_per_s", "cpu_percent", "core_percent", "lost",
    "silent",
    "mib_per_viewer", "first_frame_p50_ms", "first_frame_p99_ms", "forward_p50_ms", "forward_p99_ms",
    "inside_p50_ms", "inside_p99_ms", "load_cpu_percent", "load_core_percent",
)


def table(rows, columns):
    lines = ["| " + " | ".join(name.replace("_", " ") for name in columns) + " |", "|---" * len(columns) + "|"]
    lines += ["| " + " | ".join(str(each.get(name, "")) for name in columns) + " |" for each in rows]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--viewers")
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--streams", default=",".join([*STREAMS, PUBLISHERS]))
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--no-janus", action="store_true")
    options = parser.parse_args()
    rows, publishers = [], []
    with bench_stack({"SFU_MAX_VIEWERS": "20000", "SFU_LOOPS": "1"}) as (stack, base):
        for stream in options.streams.split(","):
            if stream == PUBLISHERS:
                publishers = measure_publishers(
                    stack, clip_of("small"), PUBLISHER_COUNTS, options.seconds, view, lambda: pin_stack(stack, "ingest"))
                continue
            counts = [int(count) for count in options.viewers.split(",")] if options.viewers else STREAMS[stream].viewers
            rows += measure(stack, stream, counts, options.seconds, options.sample)
            if stream in ("small", "large") and not options.no_janus:
                from janus import measure_janus

                rows += measure_janus(base + 710, stream, clip_of(stream), counts, options.seconds, view, row, pin)
    print("\n" + table(rows, COLUMNS))
    if publishers:
        print("\n" + table(publishers, [name for name in publishers[0] if name != "failures"]))
    if target := os.environ.get("MARTLET_BENCH_JSON"):
        pathlib.Path(target).write_text(json.dumps(rows + publishers, indent=2))


if __name__ == "__main__":
    main()
