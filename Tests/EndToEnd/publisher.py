"""Real publishers with a counter burnt into the picture, and the counter read back from what was kept."""
import os
import shutil
import signal
import subprocess
import tempfile

from waiting import wait_until

BITS = 12
CELL = 16


def counted_picture(size="640x360", rate=30):
    """An ffmpeg graph: a moving test picture whose frame number stands in its first row as twelve bits."""
    boxes = [f"drawbox=x=0:y=0:w={BITS * CELL}:h={CELL}:color=black:t=fill"]
    for bit in range(BITS):
        boxes.append(
            f"drawbox=x={bit * CELL}:y=0:w={CELL}:h={CELL}:color=white:t=fill"
            f":enable='mod(floor(n/{2 ** bit})\\,2)'"
        )
    return f"testsrc2=size={size}:rate={rate}," + ",".join(boxes)


class Program:
    """A publisher in a process of its own, which tells a log what it says."""

    def __init__(self, command):
        self.log = tempfile.NamedTemporaryFile("w+", prefix="publisher-", suffix=".log", delete=False)
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, stdin=subprocess.PIPE)

    @property
    def output(self):
        with open(self.log.name, errors="replace") as file:
            return file.read()

    def is_running(self):
        return self.process.poll() is None

    def wait(self, timeout=60):
        return self.process.wait(timeout)

    def cut(self):
        """Kills it, so that the connection is lost without a word."""
        if self.is_running():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def close(self):
        self.cut()
        os.unlink(self.log.name)


class Publisher(Program):
    """An ffmpeg that publishes in real time until it is stopped."""

    def __init__(self, url, size="640x360", rate=30, gop=60, b_frames=0, frames=None, sound=True,
                 picture=True, codec_options=(), audio_rate=48000,
                 audio_codec=("-c:a", "aac", "-b:a", "96k", "-ac", "2")):
        command = ["ffmpeg", "-hide_banner", "-nostats", "-loglevel", "info", "-re"]
        if picture:
            command += ["-f", "lavfi", "-i", counted_picture(size, rate)]
        if sound:
            command += ["-re", "-f", "lavfi", "-i", f"sine=frequency=440:sample_rate={audio_rate}"]
        if picture:
            command += [
                "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p",
                "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-bf", str(b_frames),
                "-b:v", "800k", "-threads", "1",
            ]
            if frames is not None:
                command += ["-frames:v", str(frames)]
        if sound:
            command += audio_codec
            if frames is not None:
                command += ["-shortest"]
        command += [*codec_options, "-f", "flv", "-flvflags", "no_duration_filesize", url]
        super().__init__(command)

    def stop(self):
        """Ends the stream as a person would: ffmpeg sends FCUnpublish and deleteStream."""
        if self.is_running():
            self.process.stdin.write(b"q")
            self.process.stdin.flush()
        return self.process.wait(20)


class GStreamerPublisher(Program):
    """A gst-launch pipeline that publishes in real time until it is stopped."""

    def __init__(self, url):
        pipeline = (
            "videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=30/1 ! "
            "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=60 bitrate=800 ! "
            "video/x-h264,profile=baseline ! h264parse ! mux. "
            "audiotestsrc is-live=true ! audio/x-raw,rate=44100,channels=2 ! voaacenc bitrate=96000 ! "
            "aacparse ! mux. "
            f"flvmux name=mux streamable=true ! rtmp2sink location={url}"
        )
        super().__init__([shutil.which("gst-launch-1.0"), "-e", *pipeline.split()])

    def stop(self):
        if self.is_running():
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


def counters(source, headers=None, bits=BITS, track=0):
    """The frame numbers read back from the decoded picture of `source`, in presentation order.

    `track` counts the tracks of pictures.
    """
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin"]
    if headers:
        command += ["-headers", "".join(f"{name}: {value}\r\n" for name, value in headers.items())]
    command += [
        "-i", source, "-map", f"0:v:{track}", "-fps_mode", "passthrough",
        "-vf", f"crop={bits * CELL}:{CELL}:0:0,scale={bits}:1:flags=area,format=gray",
        "-f", "rawvideo", "pipe:1",
    ]
    result = subprocess.run(command, capture_output=True, timeout=120)
    assert result.returncode == 0, result.stderr.decode()[-2000:]
    data = result.stdout
    assert len(data) % bits == 0
    return [
        sum((data[frame + bit] > 127) << bit for bit in range(bits)) for frame in range(0, len(data), bits)
    ]


def assert_no_frame_missing_or_twice(numbers, at_least):
    """Fails unless `numbers` rise by one each, modulo the counter's width."""
    assert len(numbers) >= at_least, f"only {len(numbers)} frames, wanted {at_least}"
    breaks = [
        (index, before, after)
        for index, (before, after) in enumerate(zip(numbers, numbers[1:]))
        if after != (before + 1) % 2 ** BITS
    ]
    assert not breaks, f"frames missing or twice at {breaks[:5]} of {len(numbers)}"


def probe(source, *options):
    """What ffprobe says of `source`, as parsed JSON."""
    import json

    result = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", *options, source], capture_output=True, timeout=120
    )
    assert result.returncode == 0, result.stderr.decode()[-2000:]
    return json.loads(result.stdout)


def wait_live(stack, slug="main"):
    return wait_until(
        f"{slug} is live",
        lambda: (state := stack.watch_state(slug)) and state["state"] == "live" and state,
    )


def wait_served(stack, hls):
    """Waits until whoever has the URL of a stream gets its master playlist."""
    wait_until("the master playlist is there", lambda: stack.request(hls, authorised=False).status == 200)
