"""Publishes by Enhanced RTMP, which Debian's ffmpeg does not speak, through PyAV's newer FFmpeg.

usage: av_publisher.py URL VIDEO_ENCODER AUDIO_ENCODER FRAMES [SOUNDS [PICTURES]]
The counter of `publisher.py` is burnt into the picture. SOUNDS and PICTURES further tracks make it multitrack; the
counter of each further picture begins a thousand later.
"""
import fractions
import sys
import time

import av
import numpy

from publisher import BITS, CELL

WIDTH, HEIGHT, RATE = 320, 180, 15
FURTHER_PICTURE = 1000
OPTIONS = {
    "libx265": {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none:keyint=30:min-keyint=30"},
    "libx264": {"preset": "ultrafast", "tune": "zerolatency"},
    "libaom-av1": {"cpu-used": "10", "usage": "realtime", "lag-in-frames": "0"},
    "libsvtav1": {"preset": "12", "svtav1-params": "pred-struct=1:lookahead=0:keyint=30"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
}


def counted_picture(number):
    luma = numpy.full((HEIGHT, WIDTH), 96, numpy.uint8)
    luma[CELL:, (number * 7) % WIDTH :][:, :40] = 200
    for bit in range(BITS):
        luma[:CELL, bit * CELL : (bit + 1) * CELL] = 235 if number >> bit & 1 else 16
    planes = numpy.concatenate([luma.ravel(), numpy.full(WIDTH * HEIGHT // 2, 128, numpy.uint8)])
    return av.VideoFrame.from_ndarray(planes.reshape(HEIGHT * 3 // 2, WIDTH), format="yuv420p")


def add_video(output, encoder):
    video = output.add_stream(encoder, rate=RATE, options=OPTIONS.get(encoder, {}))
    video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    video.codec_context.gop_size = 2 * RATE
    video.codec_context.max_b_frames = 0
    video.codec_context.time_base = fractions.Fraction(1, RATE)
    return video


def publish(url, video_encoder, audio_encoder, frames, extra_tracks=0, extra_pictures=0):
    with av.open(url, "w", format="flv", options={"flush_packets": "1"}) as output:
        videos = [add_video(output, video_encoder) for _ in range(1 + extra_pictures)]
        sounds = []
        for _ in range(1 + extra_tracks):
            sound = output.add_stream(audio_encoder, rate=48000)
            sound.layout = "stereo"
            sounds.append(sound)
        output.start_encoding()
        size = sounds[0].codec_context.frame_size or 960
        started, samples = time.monotonic(), 0
        for number in range(frames):
            delay = started + number / RATE - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            for track, video in enumerate(videos):
                frame = counted_picture(number + FURTHER_PICTURE * track)
                frame.pts = number
                for packet in video.encode(frame):
                    output.mux(packet)
            while samples < 48000 * (number + 1) / RATE:
                for track, sound in enumerate(sounds):
                    tone = 0.2 * numpy.sin(2 * numpy.pi * 440 * (track + 1) * (samples + numpy.arange(size)) / 48000)
                    data = numpy.stack([tone, tone]).astype(numpy.float32)
                    if sound.codec_context.format.name == "flt":
                        part = av.AudioFrame.from_ndarray(data.T.reshape(1, -1).copy(), format="flt", layout="stereo")
                    else:
                        part = av.AudioFrame.from_ndarray(data, format="fltp", layout="stereo")
                    part.sample_rate, part.pts = 48000, samples
                    for packet in sound.encode(part):
                        output.mux(packet)
                samples += size
        for stream in [*videos, *sounds]:
            for packet in stream.encode(None):
                output.mux(packet)


if __name__ == "__main__":
    publish(*sys.argv[1:4], *map(int, sys.argv[4:]))
