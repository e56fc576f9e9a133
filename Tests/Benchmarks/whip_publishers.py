"""WebRTC publishers: what ingest costs on a core of its own while many publish one clip by WHIP."""
import json
import pathlib
import tempfile

from processes import resident_bytes
from waiting import wait_until

# From the last connection to the beginning of the measurement.
SETTLE_SECONDS = 8


def measure_publishers(stack, clip, counts, seconds, view, pin_ingest):
    """One row for each number of publishers of one clip without sound."""
    rows = []
    for count in counts:
        targets, streams = [], []
        for number in range(count):
            stream, url, _, _ = stack.new_stream(f"whip-{count}-{number}")
            streams.append(stream["slug"])
            key = url.rsplit("/", 1)[1]
            targets.append(f"{stack.site}/whip/{stream['id']} {key}\n")
        pid = pin_ingest()
        before = resident_bytes(pid)
        with tempfile.NamedTemporaryFile("w", suffix=".targets") as file:
            file.writelines(targets)
            file.flush()
            report, cost = view(
                ["--publish", file.name, "--clip", str(clip), "--seconds", str(seconds), "--settle", str(SETTLE_SECONDS)],
                {"ingest": [pid]},
            )
        rows.append(row(count, report, cost, before))
        print(json.dumps(rows[-1]), flush=True)
        wait_until(
            "all recordings are finished",
            lambda: all(stack.watch_state(slug)["state"] != "live" for slug in streams), timeout=60,
        )
    return rows


def row(count, report, cost, before):
    cores = cost.pop("cores")
    figures = cost["ingest"]
    return {
        "server": "martlet, WHIP publishers", "publishers": count, "connected": report["connected"],
        "packets_per_s": round(report["packetsPerSecond"]), "mbit_per_s": round(report["megabitsPerSecond"]),
        "cpu_percent": figures["cpu_percent"], "core_percent": cores[0], "lost": report["packetsLost"],
        "asked_again": report["packetsAskedAgain"],
        "mib_per_publisher": round((figures["rss_mib"] - before / 2**20) / max(1, report["connected"]), 3),
        "connect_p99_ms": round(report["connectMilliseconds"]["p99"]),
        "longest_lag_ms": round(report["longestLagMilliseconds"]),
        "load_cpu_percent": round(report["generatorCPUPercent"], 1), "load_core_percent": cores[1],
        "failures": report["failures"],
    }
