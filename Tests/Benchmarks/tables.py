"""The figures as Markdown: what was measured, the target, the peer in the same run, and the ratio to it."""
import os
import pathlib
import platform
import subprocess

MANY = 200  # the number of publishers that the targets are for


def machine():
    """What the figures were measured on."""
    processor = pathlib.Path("/proc/cpuinfo").read_text().split("model name", 1)[1].split(":", 1)[1].split("\n", 1)[0]
    memory = int(pathlib.Path("/proc/meminfo").read_text().split("MemTotal:", 1)[1].split()[0])
    version = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr
    return {
        "processor": processor.strip(), "cores": os.cpu_count(), "memory_gib": round(memory / 2**20),
        "kernel": platform.release(), "nginx": version.strip().rsplit("/", 1)[-1],
    }


def verdict(value, target):
    return "met" if value <= target else "missed"


def first_part_rows(figures):
    own, peer = figures["martlet"]["p50_s"], figures["nginx-rtmp"]["p50_s"]
    yield ("publish → first independent part fetched, p50", f"{own} s", "≤ 0.6 s", f"first segment {peer} s",
           f"{own / peer:.2f}", verdict(own, 0.6))


def delay_rows(figures):
    peer = figures["nginx-rtmp"]["p50_ms"]
    for row in figures["martlet"]:
        own = row["p50_ms"]
        yield (f"live delay, picture clock to screen, own player by {row['engine']}, p50 (p95)",
               f"{own} ms ({row['p95_ms']} ms)", "≤ 800 ms", f"HLS {peer:.0f} ms", f"{own / peer:.2f}",
               verdict(own, 800))


def publisher_rows(rows):
    by_count = {}
    for row in rows:
        by_count.setdefault(row["publishers"], {})[row["server"]] = row
    for count, servers in sorted(by_count.items()):
        own = servers["martlet"]
        parts = [own[name] for name in ("ingest", "redis-bus", "origin")]
        receiving = servers["nginx-rtmp receiving"]["nginx"]
        recording = servers["nginx-rtmp HLS + recording"]["nginx"]
        named = "1 publisher" if count == 1 else f"{count} publishers"
        yield publisher_row(f"{named}: ingest", own["ingest"], receiving, "receiving only", 1.5, count)
        if count == MANY:
            yield (f"{named}: memory of ingest", f"{own['ingest']['rss_mib']} MiB", "≤ 120 MB",
                   f"{receiving['rss_mib']} MiB", "–", verdict(own["ingest"]["rss_mib"] * 2**20, 120e6))
        total = {key: round(sum(part[key] for part in parts), 1) for key in ("cpu_percent", "rss_mib")}
        listed = " + ".join(f"{part['cpu_percent']}" for part in parts)
        yield publisher_row(f"{named}: ingest + bus + origin ({listed} %)", total, recording,
                            "HLS + recording", 1.0, count)


def publisher_row(name, own, peer, mode, factor, count):
    ratio = own["cpu_percent"] / peer["cpu_percent"] if peer["cpu_percent"] else float("inf")
    is_target = count == MANY
    return (name, f"{own['cpu_percent']} % of a core, {own['rss_mib']} MiB",
            f"≤ {factor} × nginx-rtmp {mode}" if is_target else f"the target is for {MANY}",
            f"{mode}: {peer['cpu_percent']} %, {peer['rss_mib']} MiB", f"{ratio:.2f}" if is_target else "–",
            verdict(ratio, factor) if is_target else "–")


def blocked_rows(figures):
    worst = figures["worst_p99_ms"]
    yield (f"{figures['clients']} blocked LL-HLS clients: last frame of the part at ingest → 99th percentile answer"
           f" (last), worst of {figures['parts']} parts",
           f"{worst} ms ({figures['worst_last_ms']} ms)", "≤ 100 ms", "–", "–", verdict(worst, 100))
    yield ("origin with them", f"{figures['origin_rss_mib']} MiB", "≤ 60 MB", "–", "–",
           verdict(figures["origin_rss_mib"] * 2**20, 60e6))


def authorize_rows(figures):
    yield ("authorize, p99 (p50)", f"{figures['p99_ms']} ms ({figures['p50_ms']} ms)", "≤ 2 ms", "–", "–",
           verdict(figures["p99_ms"], 2))


def sound_rows(rows):
    rest, *loaded = rows
    yield ("transcoder at rest", f"{rest['cpu_percent']} % of a core, {rest['rss_mib']} MiB", "–", "–", "–", "–")
    for row in loaded:
        each = (row["cpu_percent"] - rest["cpu_percent"]) / row["streams"]
        yield (f"Opus of AAC, each of {row['streams']}", f"{each:.2f} % of a core", "≤ 1 %", "–", "–", verdict(each, 1))
        yield ("arrival of the AAC → Opus on the bus, mean", f"{row['mean_ms']} ms", "≤ 40 ms", "–", "–",
               verdict(row["mean_ms"], 40))


SECTIONS = {
    "first part": first_part_rows, "delay": delay_rows, "blocked clients": blocked_rows,
    "authorize": authorize_rows, "sound": sound_rows, "publishers": publisher_rows,
}


def tables(figures):
    """One table of all figures there are."""
    lines = ["| what | Martlet | target | nginx-rtmp | ratio | |", "|---|---|---|---|---|---|"]
    for name, rows in SECTIONS.items():
        if name in figures:
            lines += ["| " + " | ".join(row) + " |" for row in rows(figures[name])]
    return "\n".join(lines)
