"""HEVC by WebRTC, which no browser of Debian sends or takes: aiortc with an encoder and a depacketiser of our own."""
import fractions
import re

import av

from whip import AiortcPublisher

PAYLOAD_BYTES = 1100
AGGREGATE, FRAGMENT = 48, 49
START, END = 0x80, 0x40
PICTURE_CLOCK = fractions.Fraction(1, 90_000)


class HEVCEncoder:
    """Encodes aiortc's pictures and cuts them into payloads as RFC 7798 §4.4 has them."""

    target_bitrate = 0  # what aiortc tells its encoders; this one has a rate of its own

    def __init__(self):
        self._codec = None

    def encode(self, frame, force_keyframe=False):
        """Returns (payloads, RTP time)."""
        if self._codec is None:
            self._codec = av.CodecContext.create("libx265", "w")
            self._codec.width, self._codec.height, self._codec.pix_fmt = frame.width, frame.height, "yuv420p"
            self._codec.framerate = 30
            self._codec.options = {
                "preset": "ultrafast", "tune": "zerolatency",
                "x265-params": "log-level=none:keyint=60:min-keyint=1:repeat-headers=1"}
        frame.pict_type = av.video.frame.PictureType.I if force_keyframe else av.video.frame.PictureType.NONE
        data = b"".join(bytes(packet) for packet in self._codec.encode(frame))
        payloads = [payload for unit in units_of(data) for payload in payloads_of(unit)]
        return payloads, int(frame.pts * frame.time_base / PICTURE_CLOCK)


def units_of(data):
    """The NAL units of a byte stream (annex B)."""
    return [unit for unit in re.split(rb"\x00{2,}\x01", data) if unit]


def payloads_of(unit):
    """One payload, or fragments where a NAL unit is too long."""
    if len(unit) <= PAYLOAD_BYTES:
        return [unit]
    kind = unit[0] >> 1 & 63
    pieces = [unit[at:at + PAYLOAD_BYTES] for at in range(2, len(unit), PAYLOAD_BYTES)]
    header = bytes([unit[0] & 0x81 | FRAGMENT << 1, unit[1]])
    return [header + bytes([kind | START * (piece is pieces[0]) | END * (piece is pieces[-1])]) + piece for piece in pieces]


class Depacketiser:
    """NAL units out of payloads that come in order, as a byte stream."""

    def __init__(self):
        self.stream = bytearray()
        self._unit = bytearray()

    def take(self, payload):
        kind = payload[0] >> 1 & 63
        if kind == AGGREGATE:
            at = 2
            while at < len(payload):
                size = int.from_bytes(payload[at:at + 2], "big")
                self._add(payload[at + 2:at + 2 + size])
                at += 2 + size
        elif kind == FRAGMENT:
            flags = payload[2]
            if flags & START:
                self._unit = bytearray([payload[0] & 0x81 | (flags & 63) << 1, payload[1]])
            self._unit += payload[3:]
            if flags & END:
                self._add(self._unit)
        else:
            self._add(payload)

    def _add(self, unit):
        self.stream += b"\x00\x00\x00\x01" + unit


class Disguise:
    """Has aiortc say HEVC where it means H.264, and believe that it was answered H.264."""

    def __init__(self):
        self._formats = {}

    def offer(self, sdp):
        for number in re.findall(r"a=rtpmap:(\d+) H264/90000", sdp):
            self._formats[number] = re.search(rf"a=fmtp:{number} .*\r\n", sdp)[0]
            sdp = sdp.replace(self._formats[number], "")
        return sdp.replace("H264/90000", "H265/90000")

    def answer(self, sdp):
        for number in re.findall(r"a=rtpmap:(\d+) H265/90000", sdp):
            sdp = re.sub(rf"a=fmtp:{number} .*\r\n", "", sdp)
            sdp = sdp.replace(
                f"a=rtpmap:{number} H265/90000\r\n", f"a=rtpmap:{number} H264/90000\r\n{self._formats[number]}")
        return sdp


def publish_hevc(url, key):
    """Publishes HEVC and Opus by WHIP until it is closed."""
    disguise = Disguise()
    return AiortcPublisher(url, key, rewrite_offer=disguise.offer, rewrite_answer=disguise.answer, encoder=HEVCEncoder())
