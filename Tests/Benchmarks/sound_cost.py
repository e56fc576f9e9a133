"""What it costs to make Opus of a stream's AAC, and how much later the sound comes by it."""
import pathlib
import re
import subprocess
import sys
import tempfile

from media_bus import Want
from processes import Meter
from waiting import pause, wait_until

# Of one stream, and of each of so many.
COUNTS = (1, 10)
SETTLE_SECONDS, MEASURE_SECONDS = 8, 30
HISTOGRAM = "transcoder_sound_delay_seconds"


def clip_with_stereo():
    """Twenty seconds of 720p at 2.5 Mbit/s with two different channels of AAC at 48 kHz, in FLV, made once."""
    clip = pathlib.Path(tempfile.gettempdir()) / "martlet-sound.flv"
    if not clip.exists():
        subprocess.check_call([
            "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30",
            "-f", "lavfi", "-i", "aevalsrc='0.2*sin(2*PI*t*(330+40*sin(t)))+0.02*random(0)"
            "|0.2*sin(2*PI*t*(550+60*cos(2*t)))+0.02*random(1)':sample_rate=48000",
            "-t", "20", "-vf", "noise=alls=12:allf=t", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast",
            "-tune", "zerolatency", "-g", "60", "-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "1250k",
            "-c:a", "aac", "-b:a", "160k", "-ac", "2", "-f", "flv", str(clip),
        ])
    return clip


class Delay:
    """The delays that the transcoder has seen since this was made."""

    def __init__(self, stack):
        self.stack = stack
        self.before = self.read()

    def read(self):
        """(sum in seconds, counts by the upper bound of each bucket)."""
        text = self.stack.request(f"http://127.0.0.1:{self.stack.port('transcoder')}/metrics", authorised=False).text
        total = re.search(rf"^{HISTOGRAM}_sum\S* (\S+)$", text, re.M)
        buckets = re.findall(rf'^{HISTOGRAM}_bucket\{{.*le="([^"]+)".*\}} (\S+)$', text, re.M)
        return float(total[1]), {float(bound.replace("+Inf", "inf")): float(count) for bound, count in buckets}

    def figures(self):
        total, buckets = self.read()
        counts = {bound: count - self.before[1].get(bound, 0) for bound, count in buckets.items()}
        all_of_them = counts[float("inf")]
        return {
            "packets": int(all_of_them),
            "mean_ms": round(1000 * (total - self.before[0]) / all_of_them, 1),
            "within_50_ms_percent": round(100 * counts[0.05] / all_of_them, 1),
        }


def measure_sound(stack, generator):
    """CPU of the transcoder at rest, and for each of some streams of AAC whose Opus is wanted."""
    made = [stack.new_stream(f"sound-{number}") for number in range(max(COUNTS))]
    rest = Meter({"transcoder": [stack.pid("transcoder")]})
    pause(MEASURE_SECONDS / 2)
    rows = [{"streams": 0, **rest.read()["transcoder"]}]
    for count in COUNTS:
        rows.append(measure_streams(stack, generator, made[:count]))
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def measure_streams(stack, generator, streams):
    file = pathlib.Path(tempfile.gettempdir()) / f"martlet-sound-{stack.environment['MARTLET_PORT_BASE']}.urls"
    file.write_text("\n".join(url for _, url, _, _ in streams) + "\n")
    publisher = subprocess.Popen(
        [str(generator), "--urls", str(file), "--clip", str(clip_with_stereo()), "--seconds", "3600"],
        stdout=subprocess.DEVNULL,
    )
    wants = []
    try:
        for slug in (stream["slug"] for stream, _, _, _ in streams):
            wait_until(f"{slug} is live", lambda slug=slug: stack.watch_state(slug)["state"] == "live", timeout=30)
        wants = [Want(stack, stream["id"], "opus") for stream, _, _, _ in streams]
        pause(SETTLE_SECONDS)
        delay, meter = Delay(stack), Meter({"transcoder": [stack.pid("transcoder")]})
        pause(MEASURE_SECONDS)
        return {"streams": len(streams), **meter.read()["transcoder"], **delay.figures()}
    finally:
        for want in wants:
            want.close()
        publisher.kill()
        publisher.wait()
        file.unlink()
