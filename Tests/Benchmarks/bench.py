"""Martlet beside nginx-rtmp in one run, by the definitions of the README's table of figures.

usage: bench.py [first-part] [delay] [authorize] [blocked] [sound] [publishers[=1,50,200]]  (all without an argument)
Prints the figures as a table, with targets and ratios, and writes them as JSON to $MARTLET_BENCH_JSON; what that file
has of parts that are not measured now is kept and printed too.
"""
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "EndToEnd"))
sys.path.insert(0, str(HERE))

from bench_stack import bench_stack  # noqa: E402
from peers import NginxRTMP  # noqa: E402
from processes import Meter  # noqa: E402
from tables import machine, tables  # noqa: E402
from waiting import pause, wait_until  # noqa: E402

ROUNDS = 5
DELAY_SECONDS = 25
# From the first publisher to the beginning of the measurement: with many, until the ring of our bus is full.
SETTLE_SECONDS, SETTLE_SECONDS_OF_MANY = 12, 34
SECTIONS = ["first-part", "delay", "authorize", "blocked", "sound", "publishers"]
SERVICES = ("ingest", "redis-bus", "origin")
PUBLISHER_COUNTS = "1,50,200"
# All publishers come from one machine, which is otherwise held to 64 connections.
SETTINGS = {"INGEST_MAX_CONNECTIONS_PER_ADDRESS": "1000"}


def fetch(url):
    """The body of `url`, or `None` where it is not there yet."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read()
    except urllib.error.HTTPError:
        return None


def publish_clock(url, seconds):
    """Starts the clock publisher; returns the process and when it sent the command `publish`."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "clock_publisher.py"), url, str(seconds)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    return process, json.loads(process.stdout.readline())["publish"]


def first_independent_part(master):
    """Polls Martlet's playlists until the first independent part was fetched; returns the moment."""
    while True:
        text = fetch(master)
        for line in (text or b"").decode().splitlines():
            if line and not line.startswith("#"):
                media = urllib.parse.urljoin(master, line)
                playlist = (fetch(media) or b"").decode()
                for tag in playlist.splitlines():
                    if tag.startswith("#EXT-X-PART:") and "INDEPENDENT=YES" in tag:
                        part = tag.split('URI="', 1)[1].split('"', 1)[0]
                        if fetch(urllib.parse.urljoin(media, part)):
                            return time.time()
        pause(0.01)


def first_segment(playlist):
    """Polls the peer's playlist until its first segment was fetched; returns the moment."""
    while True:
        for line in (fetch(playlist) or b"").decode().splitlines():
            if line and not line.startswith("#"):
                if fetch(urllib.parse.urljoin(playlist, line)):
                    return time.time()
        pause(0.01)


def measure_first_part(stack, peer):
    """RTMP publish command to the end of the fetch of the first independent part, 2 s GOP."""
    figures = {"martlet": [], "nginx-rtmp": []}
    for round_number in range(ROUNDS):
        _, url, _, master = stack.new_stream(f"first-part-{round_number}")
        process, published = publish_clock(url, 12)
        figures["martlet"].append(first_independent_part(master) - published)
        process.kill()
        process.wait()
        name = f"first{round_number}"
        process, published = publish_clock(f"rtmp://127.0.0.1:{peer.rtmp}/record/{name}", 12)
        figures["nginx-rtmp"].append(first_segment(f"http://127.0.0.1:{peer.http}/{name}.m3u8") - published)
        process.kill()
        process.wait()
    return {name: {"p50_s": round(statistics.median(values), 3), "max_s": round(max(values), 3)}
            for name, values in figures.items()}


DELAY_PROBE = """
(() => {
  const video = document.querySelector('video') ?? document.querySelector('m-player')?.shadowRoot?.querySelector('video');
  const canvas = document.createElement('canvas');
  canvas.width = 384; canvas.height = 16;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  window.__delays = [];
  const look = () => {
    context.drawImage(video, 0, 0, 384, 16, 0, 0, 384, 16);
    const pixels = context.getImageData(0, 8, 384, 1).data;
    let clock = 0;
    for (let bit = 0; bit < 24; bit += 1) {
      if (pixels[(bit * 16 + 8) * 4] > 127) clock += 2 ** bit;
    }
    const now = Date.now() % 2 ** 24;
    window.__delays.push((now - clock + 2 ** 24) % 2 ** 24);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  return true;
})()
"""


# What a viewer chooses, and the engine that then plays; a page that plays by another has measured nothing.
CHOICES = {"Smooth": "Low latency", "Lowest delay": "WebRTC"}


def choose(page, label):
    """Chooses how the live picture comes, as a viewer does, and waits until it comes that way."""
    page.browser.evaluate("document.querySelector('m-delay button').click()")
    page.browser.evaluate(
        "[...document.querySelectorAll('m-delay [role=menuitemradio]')]"
        f".find((item) => item.textContent.includes({json.dumps(label)})).click()"
    )
    wait_until(f"{CHOICES[label]} plays", lambda: page.snapshot()["engine"] == CHOICES[label], timeout=30)


def measure_delay(stack, label):
    """Picture clock to screen in our own player in Chromium, after ten seconds of settling."""
    from browsers import Chromium
    from watch_page import WatchPage

    engine = CHOICES[label]
    _, url, watch, _ = stack.new_stream("delay-" + engine.lower().replace(" ", "-"))
    process, _ = publish_clock(url, 90)
    browser = Chromium()
    try:
        page = WatchPage(browser, watch)
        page.wait_for_mode("live")
        choose(page, label)
        page.wait_for_moving_picture()
        pause(10)
        assert page.snapshot()["engine"] == engine, page.snapshot()
        browser.evaluate(DELAY_PROBE)
        pause(DELAY_SECONDS)
        delays = sorted(browser.evaluate("window.__delays"))
        state = page.snapshot()
        assert state["engine"] == engine, state
    finally:
        browser.close()
        process.kill()
        process.wait()
    pick = lambda share: delays[min(len(delays) - 1, int(len(delays) * share))]  # noqa: E731
    return {"engine": engine, "frames": len(delays), "p50_ms": pick(0.5), "p95_ms": pick(0.95), "max_ms": delays[-1],
            "player_says_s": round(state["delay"], 3), "stalls": state.get("stalls")}


def measure_peer_delay(peer):
    """The peer's delay where a player begins as RFC 8216 §6.3.3 has it: three segments before the end."""
    import av
    from clock_publisher import BITS, clock_of

    process, _ = publish_clock(f"rtmp://127.0.0.1:{peer.rtmp}/record/delay", 40)
    delays = []
    try:
        pause(15)
        for _ in range(5):
            with av.open(f"http://127.0.0.1:{peer.http}/delay.m3u8") as source:
                frame = next(source.decode(video=0))
                delays.append((int(time.time() * 1000) - clock_of(frame)) % 2**BITS)
            pause(1.7)
    finally:
        process.kill()
        process.wait()
    return {"p50_ms": statistics.median(delays), "max_ms": max(delays)}


def generator():
    binary = pathlib.Path(os.environ.get("MARTLET_LOAD_GENERATOR") or "")
    if not binary.is_file():
        subprocess.check_call(
            ["swift", "build", "-c", "release", "--product", "LoadGenerator"], cwd=HERE.parents[1],
            stdout=subprocess.DEVNULL,
        )
        folder = subprocess.check_output(
            ["swift", "build", "-c", "release", "--show-bin-path"], cwd=HERE.parents[1], text=True
        ).strip()
        binary = pathlib.Path(folder) / "LoadGenerator"
    return binary


def load_clip():
    """Ten seconds of H.264 and AAC of about 1 Mbit/s in FLV, for the load generator."""
    clip = pathlib.Path(tempfile.gettempdir()) / "martlet-load.flv"
    if not clip.exists():
        subprocess.check_call([
            "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30",
            "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "10",
            "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-g", "60", "-b:v", "900k",
            "-minrate", "900k", "-maxrate", "900k", "-bufsize", "450k", "-nal-hrd", "cbr",
            "-c:a", "aac", "-b:a", "96k", "-f", "flv", str(clip),
        ])
    return clip


def measure_publishers(stack, peer, counts, seconds=20):
    """CPU and memory with N publishers of 1 Mbit/s from one load generator, each server alone in turn."""
    binary, clip = generator(), load_clip()
    keys = [stack.new_stream(f"load-{number}")[1] for number in range(max(counts))]
    file = peer.folder / "urls"
    rows = []
    for count in counts:
        targets = {
            "martlet": (keys[:count], {name: [stack.pid(name)] for name in SERVICES}),
            "nginx-rtmp receiving": (
                [f"rtmp://127.0.0.1:{peer.rtmp}/receive/l{number}" for number in range(count)],
                {"nginx": peer.pids()},
            ),
            "nginx-rtmp HLS + recording": (
                [f"rtmp://127.0.0.1:{peer.rtmp}/record/l{number}" for number in range(count)],
                {"nginx": peer.pids()},
            ),
        }
        for name, (urls, groups) in targets.items():
            settle = SETTLE_SECONDS_OF_MANY if name == "martlet" and count >= 200 else SETTLE_SECONDS
            file.write_text("\n".join(urls) + "\n")
            process = subprocess.Popen(
                [str(binary), "--urls", str(file), "--clip", str(clip), "--seconds", str(settle + seconds + 3)],
                stdout=subprocess.PIPE, text=True,
            )
            pause(settle)
            meter = Meter(groups)
            pause(seconds)
            rows.append({"server": name, "publishers": count, **meter.read()})
            output = process.communicate(timeout=60)[0]
            rows[-1]["generator"] = json.loads(output.strip().splitlines()[-1])
            print(json.dumps(rows[-1]), flush=True)
    return rows


def measure_authorize(stack, count=5000):
    """What nginx waits for before each answer: one request after the other on one connection, by path token."""
    stream, _, _, _ = stack.new_stream("authorize")
    url = stack.api(f"/streams/{stream['id']}/media-token", "POST", {"ttl": 3600})["hlsUrl"]
    token = url.split("/live/~", 1)[1].split("/", 1)[0]
    connection = http.client.HTTPConnection("127.0.0.1", int(stack.environment["MARTLET_PORT_BASE"]) + 101)
    headers = {"X-Original-URI": f"/live/{stream['id']}/index.m3u8", "X-Original-Method": "GET",
               "X-Martlet-Path-Token": token}
    times = []
    for _ in range(count):
        began = time.perf_counter()
        connection.request("GET", "/internal/authorize", headers=headers)
        answer = connection.getresponse()
        answer.read()
        times.append(1000 * (time.perf_counter() - began))
        assert answer.status == 204, answer.status
    times.sort()
    return {"requests": count, "p50_ms": round(times[count // 2], 3), "p99_ms": round(times[count * 99 // 100], 3)}


def measure(stack, peer, sections):
    """The figures of the parts that are wanted; each is printed as soon as it is there."""
    from blocked_clients import measure_blocked
    from sound_cost import measure_sound

    parts = {
        "first-part": ("first part", lambda: measure_first_part(stack, peer)),
        "delay": ("delay", lambda: {
            "martlet": [measure_delay(stack, label) for label in CHOICES], "nginx-rtmp": measure_peer_delay(peer)}),
        "authorize": ("authorize", lambda: measure_authorize(stack)),
        "blocked": ("blocked clients", lambda: measure_blocked(stack)),
        "sound": ("sound", lambda: measure_sound(stack, generator())),
        # The last: an origin that has had so many streams keeps some of their memory.
        "publishers": ("publishers", lambda: measure_publishers(
            stack, peer, [int(count) for count in (sections["publishers"] or PUBLISHER_COUNTS).split(",")])),
    }
    figures = {"machine": machine()}
    for section, (name, part) in parts.items():
        if section in sections:
            figures[name] = part()
            print(json.dumps({name: figures[name]}), file=sys.stderr, flush=True)
    return figures


def joined(old, new):
    """The figures of two runs; of the same number of publishers, the newer ones."""
    counts = {row["publishers"] for row in new.get("publishers", [])}
    kept = [row for row in old.get("publishers", []) if row["publishers"] not in counts]
    rows = kept + new.get("publishers", [])
    return old | new | ({"publishers": rows} if rows else {})


def main(arguments):
    sections = {name: counts for name, _, counts in (argument.partition("=") for argument in arguments)}
    if unknown := set(sections) - set(SECTIONS):
        sys.exit(f"bench: there is no part {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    target = pathlib.Path(os.environ.get("MARTLET_BENCH_JSON") or os.devnull)
    with bench_stack(SETTINGS) as (stack, base):
        peer = NginxRTMP(base + 700, base + 701)
        try:
            figures = measure(stack, peer, sections)
        finally:
            peer.stop()
    figures = joined(json.loads(target.read_text() or "{}") if target.exists() else {}, figures)
    print(json.dumps(figures, indent=2))
    print("\n" + tables(figures))
    target.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:] or SECTIONS)
