"""Publishes a picture whose boxes tell the wall clock of the moment it was drawn, in milliseconds.

usage: clock_publisher.py URL SECONDS [GOP_SECONDS]
Prints one JSON line: when the command `publish` was sent (Unix seconds).
The encoder is x264 ultrafast with zero latency, as an encoder tuned for live has it.
"""
import fractions
import json
import logging
import sys
import time

import av
import av.logging
import numpy

BITS = 24
CELL = 16
WIDTH, HEIGHT, RATE = 640, 360, 30


def clock_picture(milliseconds, number):
    """A grey picture with `milliseconds` in its first row, one box of 16 pixels a bit."""
    luma = numpy.full((HEIGHT, WIDTH), 96, numpy.uint8)
    luma[CELL:, (number * 7) % WIDTH :][:, :80] = 200
    for bit in range(BITS):
        luma[:CELL, bit * CELL : (bit + 1) * CELL] = 235 if milliseconds >> bit & 1 else 16
    planes = numpy.concatenate([luma.ravel(), numpy.full(WIDTH * HEIGHT // 2, 128, numpy.uint8)])
    return av.VideoFrame.from_ndarray(planes.reshape(HEIGHT * 3 // 2, WIDTH), format="yuv420p")


def clock_of(frame):
    """The clock that a decoded picture shows."""
    row = frame.to_ndarray(format="gray")[CELL // 2]
    return sum(1 << bit for bit in range(BITS) if row[bit * CELL + CELL // 2] > 127)


class PublishCommand(logging.Handler):
    """Notes when libavformat says that it sends the command `publish`."""

    sent = None

    def emit(self, record):
        if self.sent is None and "Sending publish command" in record.getMessage():
            self.sent = record.created


def start(output):
    """Connects and publishes; returns when the command was sent."""
    command, log = PublishCommand(), logging.getLogger("libav")
    log.addHandler(command)
    log.setLevel(1)
    av.logging.set_level(av.logging.DEBUG)
    output.start_encoding()
    av.logging.set_level(None)
    log.removeHandler(command)
    return command.sent


def main(url, seconds, gop_seconds=2.0):
    with av.open(url, "w", format="flv", options={"flush_packets": "1"}) as output:
        video = output.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.gop_size = int(gop_seconds * RATE)
        video.codec_context.time_base = fractions.Fraction(1, RATE)
        audio = output.add_stream("aac", rate=48000)
        audio.layout = "stereo"
        print(json.dumps({"publish": start(output)}), flush=True)
        started = time.monotonic()
        samples = 0
        number = 0
        while number < seconds * RATE:
            delay = started + number / RATE - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            frame = clock_picture(int(time.time() * 1000) % 2**BITS, number)
            frame.pts = number
            for packet in video.encode(frame):
                output.mux(packet)
            while samples < 48000 * (number + 1) / RATE:
                tone = numpy.zeros((2, 1024), numpy.float32)
                tone += 0.2 * numpy.sin(2 * numpy.pi * 440 * (samples + numpy.arange(1024)) / 48000)
                sound = av.AudioFrame.from_ndarray(tone.astype(numpy.float32), format="fltp", layout="stereo")
                sound.sample_rate, sound.pts = 48000, samples
                samples += 1024
                for packet in audio.encode(sound):
                    output.mux(packet)
            number += 1


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 2.0)
