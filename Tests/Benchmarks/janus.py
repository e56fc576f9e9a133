"""The peer that Debian has for WebRTC, Janus with its streaming plugin, fed with the same pictures as plain RTP."""
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import urllib.request

from processes import resident_bytes
from waiting import pause, wait_until

LIBRARIES = "/usr/lib/x86_64-linux-gnu/janus"
MOUNT_POINT = 1
FILES = {
    "janus.jcfg": """
general: {{ debug_level = 1  session_timeout = 0  log_to_stdout = true
  configs_folder = "{folder}"  plugins_folder = "{libraries}/plugins"  transports_folder = "{libraries}/transports"
  events_folder = "{folder}/none"  loggers_folder = "{folder}/none" }}
media: {{ rtp_port_range = "{low}-{high}" }}
nat: {{ ice_enforce_list = "{address}" }}
plugins: {{ disable = "libjanus_audiobridge.so,libjanus_echotest.so,libjanus_recordplay.so,libjanus_sip.so,\
libjanus_nosip.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_videoroom.so,libjanus_voicemail.so,\
libjanus_duktape.so,libjanus_lua.so" }}
transports: {{ disable = "libjanus_pfunix.so,libjanus_websockets.so,libjanus_mqtt.so,libjanus_rabbitmq.so,\
libjanus_nanomsg.so" }}
""",
    "janus.transport.http.jcfg": """
general: {{ json = "compact"  base_path = "/janus"  http = true  port = {http}  ip = "127.0.0.1"  https = false }}
admin: {{ admin_http = false }}
""",
    "janus.plugin.streaming.jcfg": """
clip: {{ type = "rtp"  id = 1  description = "clip"
  media = ( {{ type = "video"  mid = "v"  port = {rtp}  pt = 102  codec = "h264"
    fmtp = "packetization-mode=1;profile-level-id=42e01f" }} ) }}
""",
}


def own_address():
    """The address of the machine towards others; Janus gathers none of the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostbyname(socket.gethostname())


class Janus:
    """One Janus with one mount point, and ffmpeg that feeds it."""

    def __init__(self, port, clip):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="janus-"))
        (self.folder / "none").mkdir()
        values = {
            "folder": self.folder, "libraries": LIBRARIES, "http": port, "rtp": port + 2,
            "address": own_address(), "low": 40000, "high": 60000,
        }
        for name, text in FILES.items():
            (self.folder / name).write_text(text.format(**values))
        self.url = f"http://127.0.0.1:{port}/janus"
        self.process = subprocess.Popen(
            ["janus", "-C", str(self.folder / "janus.jcfg"), "-F", str(self.folder)],
            stdout=open(self.folder / "log", "w"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )
        list_of_clips = self.folder / "clips"
        list_of_clips.write_text(f"file '{clip}'\n" * 500)
        self.publisher = subprocess.Popen([
            "ffmpeg", "-v", "error", "-re", "-f", "concat", "-safe", "0", "-i", str(list_of_clips), "-an",
            "-c:v", "copy", "-bsf:v", "h264_mp4toannexb,dump_extra", "-f", "rtp", "-payload_type", "102",
            f"rtp://127.0.0.1:{port + 2}?pkt_size=1200",
        ], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until("Janus answers", self.answers, timeout=20)

    def answers(self):
        try:
            with urllib.request.urlopen(self.url + "/info", timeout=2) as answer:
                return json.load(answer)["janus"] == "server_info"
        except OSError:
            return False

    def stop(self):
        for process in (self.publisher, self.process):
            process.kill()
            process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def measure_janus(port, stream, clip, counts, seconds, view, row, pin):
    """Janus on the same core with the same numbers of viewers, until it cannot carry any more."""
    rows = []
    for count in counts:
        janus = Janus(port, clip)
        try:
            pause(3)
            pid = janus.process.pid
            pin(pid, 0)
            pin(janus.publisher.pid, 1)
            before = resident_bytes(pid)
            report, cost = view(
                ["--janus", janus.url, "--mount-point", str(MOUNT_POINT), "--count", str(count),
                 "--seconds", str(seconds), "--sample", "100", "--video-only", "1"],
                {"janus": [pid]},
            )
            rows.append(row("janus", stream, count, report, cost, before))
            print(json.dumps(rows[-1]), flush=True)
            if cost["janus"]["cpu_percent"] > 90 or report["connected"] < count:
                break
        finally:
            janus.stop()
    return rows
