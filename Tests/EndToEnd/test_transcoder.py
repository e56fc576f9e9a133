"""Renditions on demand: sound as Opus at its place, pictures without B-frames, whoever dies meanwhile."""
import math

import av
import pytest

from media_bus import KEYFRAME, SEGMENT_START, MediaBus, Want
from publisher import wait_live
from waiting import wait_until

OPUS_RATE = 48000
PACKET = 960


@pytest.fixture
def bus(stack):
    bus = MediaBus(stack)
    yield bus
    bus.close()


@pytest.fixture
def want(stack):
    wants = []

    def start(stream, rendition):
        wants.append(Want(stack, stream, rendition))
        return wants[-1]

    yield start
    for started in wants:
        started.close()


def decoded(packets):
    """One channel of what Opus packets say."""
    codec = av.CodecContext.create("libopus", "r")
    codec.sample_rate = OPUS_RATE
    codec.layout = "stereo"
    codec.format = "flt"
    sound = []
    for packet in packets:
        for frame in codec.decode(av.Packet(packet)):
            plane = frame.to_ndarray()[0]
            sound.extend(float(value) for value in plane[::2])
    return sound


def level(sound, frequency):
    """The amplitude of a frequency."""
    angles = [2 * math.pi * frequency * index / OPUS_RATE for index in range(len(sound))]
    sine = sum(value * math.sin(angle) for value, angle in zip(sound, angles))
    cosine = sum(value * math.cos(angle) for value, angle in zip(sound, angles))
    scale = 32768 if max(map(abs, sound)) > 2 else 1
    return 2 * math.hypot(sine, cosine) / len(sound) / scale


def assert_without_a_hole(samples):
    assert [b.decode_time - a.decode_time for a, b in zip(samples, samples[1:])] == [PACKET] * (len(samples) - 1)
    assert [b.sequence - a.sequence for a, b in zip(samples, samples[1:])] == [1] * (len(samples) - 1)


@pytest.mark.parametrize("rate", [48000, 44100])
def test_aac_becomes_opus_at_the_same_place(stack, publish, bus, want, rate):
    stream, url, _, _ = stack.new_stream(f"opus-{rate}")
    publish(url, audio_rate=rate)
    wait_live(stack, f"opus-{rate}")
    assert bus.samples(stream["id"], "opus") == []
    want(stream["id"], "opus")
    wait_until("three seconds of Opus", lambda: len(bus.samples(stream["id"], "opus")) > 150)

    made = bus.samples(stream["id"], "opus")
    assert_without_a_hole(made)
    # ffmpeg's sine has an eighth of the full level, and its publisher spreads it over two channels.
    sound = decoded([sample.payload for sample in made])[OPUS_RATE // 2:][:OPUS_RATE]
    assert abs(level(sound, 440) - 0.125 / math.sqrt(2)) < 0.015
    assert level(sound, 660) < 0.01

    # Segments begin where the source's sound has them, within a packet.
    source = {s.media_sequence: s.decode_time / rate for s in bus.samples(stream["id"])
              if s.track == 1 and s.flags & SEGMENT_START}
    cuts = {s.media_sequence: s.decode_time / OPUS_RATE for s in made if s.flags & SEGMENT_START}
    common = sorted(source.keys() & cuts.keys())[1:]
    assert common
    assert all(-0.001 <= cuts[number] - source[number] <= 0.021 for number in common)

    description = bus.description(stream["id"], "opus")
    assert description["1.1"]["codec"] == "Opus" and description["1.1"]["channels"] == 2
    assert description["session"]["sessionId"] == stack.watch_state(f"opus-{rate}")["session"]["id"]


def test_a_rendition_is_made_only_while_it_is_wanted(stack, publish, bus, want):
    stream, url, _, _ = stack.new_stream("opus-wanted")
    publish(url)
    wait_live(stack, "opus-wanted")
    first = want(stream["id"], "opus")
    wait_until("somebody makes it", lambda: bus.holder(stream["id"], "opus"))
    first.close()
    wait_until("nobody makes it", lambda: not bus.holder(stream["id"], "opus"), timeout=10)
    count = len(bus.samples(stream["id"], "opus"))
    want(stream["id"], "opus")
    wait_until("it goes on", lambda: len(bus.samples(stream["id"], "opus")) > count + 50)
    made = bus.samples(stream["id"], "opus")
    assert all(a.decode_time < b.decode_time for a, b in zip(made, made[1:]))


@pytest.mark.parametrize("service", ["transcoder", "redis-control"])
def test_no_sound_is_missing_when_one_service_is_killed(stack, publish, bus, want, service):
    stream, url, _, _ = stack.new_stream(f"opus-kill-{service}")
    publish(url)
    wait_live(stack, f"opus-kill-{service}")
    want(stream["id"], "opus")
    wait_until("it is made", lambda: len(bus.samples(stream["id"], "opus")) > 100)
    last = bus.samples(stream["id"], "opus")[-1].sequence
    stack.kill(service)
    wait_until("it goes on", lambda: bus.samples(stream["id"], "opus")[-1].sequence > last + 300, timeout=15)
    assert_without_a_hole(bus.samples(stream["id"], "opus"))


def test_who_asks_for_a_keyframe_gets_one_though_the_publisher_cannot_answer(stack, publish, bus, want):
    stream, url, _, _ = stack.new_stream("nob-keyframe")
    publish(url, b_frames=2, gop=600)
    wait_live(stack, "nob-keyframe")
    want(stream["id"], "nob")
    wait_until("pictures", lambda: len(bus.samples(stream["id"], "nob")) > 30)

    def keyframes():
        return [s.sequence for s in bus.samples(stream["id"], "nob") if s.flags & KEYFRAME]

    assert len(keyframes()) == 1
    for _ in range(3):
        bus.command("SADD", bus.key("ask", stream["id"]), "keyframe")
    wait_until("a second keyframe", lambda: len(keyframes()) == 2, timeout=5)
    # Nor is it much more than what was sent.
    made = sum(len(s.payload) for s in bus.samples(stream["id"], "nob"))
    sent = sum(len(s.payload) for s in bus.samples(stream["id"]) if s.track == 0)
    assert made < 2 * sent


def test_b_frames_are_gone_and_every_picture_is_there(stack, publish, bus, want):
    stream, url, _, _ = stack.new_stream("no-b-frames")
    publish(url, b_frames=2, gop=30)
    wait_live(stack, "no-b-frames")
    want(stream["id"], "nob")
    wait_until("three seconds of pictures", lambda: len(bus.samples(stream["id"], "nob")) > 90)
    made = bus.samples(stream["id"], "nob")
    shown = sorted(s.decode_time + s.composition_offset for s in bus.samples(stream["id"]) if s.track == 0)
    assert any(s.composition_offset for s in bus.samples(stream["id"]) if s.track == 0)
    times = [s.decode_time for s in made]
    assert all(s.composition_offset == 0 for s in made)
    assert times == [time for time in shown if times[0] <= time <= times[-1]]
    assert made[0].flags & KEYFRAME
    keyframes = {s.decode_time + s.composition_offset for s in bus.samples(stream["id"])
                 if s.track == 0 and s.flags & KEYFRAME}
    assert {s.decode_time for s in made if s.flags & KEYFRAME} <= keyframes
