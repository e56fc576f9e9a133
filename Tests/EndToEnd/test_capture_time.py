"""The times of capture that a WebRTC viewer is told are those at which pictures and sound were captured."""
import re
import statistics
import subprocess
import sys

import pytest

from clapper import BITS, BROWSER, SOUND_RATE, Claps
from stack import REPOSITORY
from udp_relay import UDPRelay
from waiting import pause, wait_until
from whep import AiortcViewer, wait_watchable

pytestmark = pytest.mark.calm

NAMES = {name: f"http://www.webrtc.org/experiments/rtp-hdrext/{name}" for name in ("abs-capture-time", "playout-delay")}
CAPTURE_TIME, PLAYOUT_DELAY = 13, 14  # as our offers number them
SENDER_REPORT = 200
NTP_EPOCH = 2_208_988_800  # of 1970, in seconds since 1900
PICTURE_RATE = 90_000
FAR_SECONDS = 0.12
# The age that a publisher tells is believed at a hundredth of the time: so long until all of it is.
FULL_AGE_SECONDS = 22
# Encoders, the first hop of a packet and the step of a page's own clock; a machine that is busy with tests has more.
CLOSE = 0.06
# RTMP says nothing about it: a moment is when the sample came. An encoder of AAC holds two frames of 21 ms back, and what
# is interleaved waits for the next picture, 33 ms.
COMING = 0.1
# Where sound and pictures are this near to each other nobody notices (ITU-R BT.1359: 45 ms early, 125 ms late). An
# encoder of AAC that does not tell its delay makes 21 ms of it.
TOGETHER = 0.045
# Sender reports and times of capture are written by one line through one clock.
SAME = 0.005
LONGEST_PLAYOUT_DELAY = 1000  # in 10 ms: the bound for who has caught up


class CaptureViewer(AiortcViewer):
    """aiortc that takes note of what the packets say of time, byte by byte, beside what it decodes."""

    def __init__(self, stack, target):
        self.claps = Claps()
        self.told, self.reported = {}, {}  # SSRC: [(RTP time, Unix seconds)]
        self.playout_delays = []  # (least, most), each once, in order

        def with_extensions(sdp):
            lines = "".join(f"a=extmap:{number} {name}\r\n" for number, name in zip((CAPTURE_TIME, PLAYOUT_DELAY), NAMES.values()))
            return re.sub(r"(a=mid:\d+\r\n)", rf"\1{lines}", sdp)

        super().__init__(stack, target, rewrite_offer=with_extensions)
        self._receivers = {one.track.kind: one for one in self._connection.getReceivers()}
        transport = self._receivers["video"].transport
        handle_media, handle_reports = transport._handle_rtp_data, transport._handle_rtcp_data

        async def note_media(data, arrival_time_ms):
            self._note(data)
            await handle_media(data, arrival_time_ms=arrival_time_ms)

        async def note_reports(data):
            at = 0
            while at + 4 <= len(data):  # all packets of the compound
                if data[at + 1] == SENDER_REPORT:
                    self._add(self.reported, data[at + 4:at + 8], data[at + 16:at + 20], data[at + 8:at + 16])
                at += 4 + 4 * int.from_bytes(data[at + 2:at + 4], "big")
            await handle_reports(data)

        transport._handle_rtp_data, transport._handle_rtcp_data = note_media, note_reports

    async def _count(self, track):
        take = self.claps.see if track.kind == "video" else self.claps.hear
        while True:
            take(await track.recv())

    def _note(self, packet):
        from aiortc.rtp import unpack_header_extensions

        if not packet[0] & 0x10:
            return
        begin = 12 + 4 * (packet[0] & 15)
        profile, words = (int.from_bytes(packet[begin + at:begin + at + 2], "big") for at in (0, 2))
        for number, value in unpack_header_extensions(profile, packet[begin + 4:begin + 4 + 4 * words]):
            if number == CAPTURE_TIME:
                self._add(self.told, packet[8:12], packet[4:8], value[:8])
            elif number == PLAYOUT_DELAY:
                both = int.from_bytes(value, "big")
                if self.playout_delays[-1:] != [(both >> 12, both & 0xFFF)]:
                    self.playout_delays.append((both >> 12, both & 0xFFF))

    @staticmethod
    def _add(moments, *fields):
        """Takes note of bytes: an SSRC, an RTP time and the time that NTP has for it."""
        ssrc, stamp, moment = (int.from_bytes(field, "big") for field in fields)
        moments.setdefault(ssrc, []).append((stamp, moment / 2**32 - NTP_EPOCH))

    def captured(self, kind, place, rate):
        """When what aiortc has decoded was captured, by the nearest packet that says it; aiortc counts RTP times from 0."""
        stamp = place + self._receivers[kind]._RTCRtpReceiver__timestamp_mapper._origin
        return moment_of(stamp, self.told[self.source(kind)], rate)

    def source(self, kind):
        """The SSRC of a track."""
        [source] = {one.source for one in self._receivers[kind].getSynchronizationSources()} & set(self.told)
        return source

    def errors(self, since):
        """By how many seconds the viewer is told too late a time, in the median: of pictures and of sound."""
        pictures = []
        for stamp, clock in self.claps.pictures[since[0]:]:
            told = self.captured("video", stamp, PICTURE_RATE) * 1000
            pictures.append(((told - clock + 2 ** (BITS - 1)) % 2**BITS - 2 ** (BITS - 1)) / 1000)
        tones = [(self.captured("audio", stamp, SOUND_RATE) + 0.5) % 1 - 0.5 for stamp in self.claps.tones[since[1]:]]
        return statistics.median(pictures), statistics.median(tones)

    def disagreements(self):
        """By how much sender reports and times of capture differ at most, in seconds: of pictures and of sound."""
        return [
            max(abs(moment_of(stamp, self.told[self.source(kind)], rate) - moment)
                for stamp, moment in self.reported[self.source(kind)][-3:])
            for kind, rate in (("video", PICTURE_RATE), ("audio", SOUND_RATE))
        ]

    @property
    def seen(self):
        return len(self.claps.pictures), len(self.claps.tones)


def moment_of(stamp, known, rate):
    """The moment at an RTP time, by the nearest of those that are known."""
    distance = lambda other: (stamp - other + 2**31) % 2**32 - 2**31  # noqa: E731
    nearest, moment = min(known, key=lambda one: abs(distance(one[0])))
    return moment + distance(nearest) / rate


def watch_errors(stack, slug, stream, settle=0):
    """Watches for some seconds, `settle` seconds after the first picture: (error of pictures, error of sound)."""
    viewer = CaptureViewer(stack, wait_watchable(stack, slug, stream["id"]))
    try:
        wait_until("pictures and tones come", lambda: all(viewer.seen), timeout=30)
        pause(settle)
        before = viewer.seen
        wait_until("five seconds more", lambda: viewer.seen[0] > before[0] + 80 and viewer.seen[1] >= before[1] + 5)
        errors, apart = viewer.errors(before), viewer.disagreements()
        delays = viewer.playout_delays
    finally:
        viewer.close()
    print(f"told too late: pictures {errors[0] * 1000:.0f} ms, sound {errors[1] * 1000:.0f} ms; "
          f"sender reports differ by {max(apart) * 1000:.1f} ms; playout delay {delays}")
    assert max(apart) < SAME, apart
    # At once while the group of pictures is caught up with, then as jitter asks, within the bound.
    assert delays == [(0, 0), (0, LONGEST_PLAYOUT_DELAY)], delays
    return errors


def test_a_viewer_is_told_when_what_came_by_rtmp_was_captured(stack):
    stream, url, _, _ = stack.new_stream("captured-rtmp")
    publisher = subprocess.Popen(
        [sys.executable, str(REPOSITORY / "Tests/EndToEnd/clapper.py"), url, "60"], stderr=subprocess.DEVNULL)
    try:
        pictures, sound = watch_errors(stack, "captured-rtmp", stream)
    finally:
        publisher.kill()
        publisher.wait()
    assert -CLOSE < pictures < COMING, pictures
    assert abs(sound - pictures) < TOGETHER, (sound, pictures)


def test_a_viewer_is_told_when_a_far_publisher_by_webrtc_captured(stack, chromium, publish_by_browser):
    relay = UDPRelay(stack.port("ingest-webrtc"))
    relay.set(delay=FAR_SECONDS)
    try:
        stream, url, _, _ = stack.new_stream("captured-whip")
        publisher = publish_by_browser(chromium.another(relay.rewrite, first_script=BROWSER))
        answer = publisher.publish(f"{stack.site}/whip/{stream['id']}", url.rsplit("/", 1)[1])
        assert answer["status"] == 201, answer
        publisher.wait_connected()
        pictures, sound = watch_errors(stack, "captured-whip", stream, settle=FULL_AGE_SECONDS)
        assert publisher.delete() == 200  # before its way is closed
    finally:
        relay.close()
    # By when it came, it would be late by the whole way.
    assert abs(pictures) < CLOSE < FAR_SECONDS, pictures
    assert abs(sound - pictures) < TOGETHER, (sound, pictures)
