"""Sound always works: every player of LL-HLS finds a coding that it can play, at its place and as loud as it was."""
import subprocess

import pytest

import hls_playlist
import llhls
import sound
from media_bus import MediaBus, Want
from publisher import probe, wait_live, wait_served
from test_whip import finished, key_of, streams_of, wait_segments, wait_state, whip_url
from waiting import wait_until


def publish_by_whip(stack, publish_by_browser, slug, codec=None):
    stream, url, watch, hls = stack.new_stream(slug)
    publisher = publish_by_browser()
    assert publisher.publish(whip_url(stack, stream), key_of(url), codec)["status"] == 201
    publisher.wait_connected()
    wait_state(stack, slug, "live")
    wait_segments(stack, hls)
    return stream, hls, watch


def segments(stack, playlist):
    text = stack.request(playlist, authorised=False).text
    return hls_playlist.parse_media(text, playlist).segments


def test_opus_of_a_browser_is_offered_as_aac_too(stack, publish_by_browser):
    stream, hls, _ = publish_by_whip(stack, publish_by_browser, "whip-aac")
    bus = MediaBus(stack)
    (first, opus), (second, aac) = sound.variants(stack, hls)
    assert first.endswith(",opus") and second.endswith(",mp4a.40.2")
    # Nobody has asked for it: it is not made.
    assert bus.samples(stream["id"], "aac") == []

    # The first request waits until it is there, at the live edge.
    described = probe(aac, "-show_streams")["streams"][0]
    assert described["codec_name"] == "aac" and described["sample_rate"] == "48000"
    wait_until("four segments of AAC", lambda: len(segments(stack, aac)) >= 6, timeout=30)
    number, *converted = sound.decoded(stack, aac)
    _, *original = sound.decoded(stack, opus, first=number)
    late, loudness = sound.shift(original, converted)
    # Opus' own few milliseconds of lead-in lie in its decoder.
    assert abs(late / sound.RATE) < 0.010, f"the AAC is {late / sound.RATE * 1000:.1f} ms late"
    assert 0.85 < loudness < 1.15

    # A browser's pictures come when they come; its sound keeps every rule, in both codings.
    report = llhls.check(hls, seconds=6)
    violations = [one for one in report.violations if not one.startswith(("0/live.m3u8: ", "0/dvr.m3u8: "))]
    assert not violations, "\n".join(violations)

    # The whole link plays in a player that takes what it can: pictures with either sound.
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", hls, "-map", "0:v:0", "-map", "0:a:0", "-map", "0:a:1", "-t", "3",
         "-f", "null", "-"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr

    # Ten seconds after the last request nobody makes it any longer.
    def has_stopped():
        newest = bus.samples(stream["id"], "aac")[-1].sequence
        sampled.append(newest)
        return len(sampled) > 30 and len(set(sampled[-30:])) == 1

    sampled = []
    wait_until("it is made no longer", has_stopped, timeout=40, interval=0.1)
    # Who asks again gets the live edge, and what was not made is a gap.
    again = segments(stack, aac)
    live = segments(stack, opus)
    assert again[-1].number >= live[-1].number - 1
    bus.close()


# ffmpeg's sine has an eighth of the full level.
SINE_LEVEL = 0.125


@pytest.mark.parametrize("coding,options,codecs", [
    ("pcm_alaw", ("-ar", "8000", "-ac", "1"), ["mp4a.40.2"]),
    ("pcm_mulaw", ("-ar", "8000", "-ac", "1"), ["mp4a.40.2"]),
    ("libmp3lame", ("-ar", "44100", "-ac", "1", "-b:a", "96k"), ["mp4a.6B", "mp4a.40.2"]),
])
def test_sound_that_browsers_do_not_know_is_heard_all_the_same(stack, publish, coding, options, codecs):
    slug = f"rtmp-{coding.replace('_', '-')}"
    stream, url, _, hls = stack.new_stream(slug)
    publisher = publish(url, audio_codec=("-c:a", coding, *options))
    wait_live(stack, slug)
    wait_served(stack, hls)
    found = sound.variants(stack, hls)
    assert [one.split(",")[1] for one, _ in found] == codecs
    aac = found[-1][1]
    probe(aac)
    wait_until("whole segments of AAC", lambda: len(segments(stack, aac)) >= 5, timeout=30)
    _, _, heard = sound.decoded(stack, aac)
    heard = heard[sound.RATE // 4:]
    assert abs(sound.level(heard, 440) - SINE_LEVEL) < 0.015
    assert sound.level(heard, 660) < 0.01

    bus = MediaBus(stack)
    want = Want(stack, stream["id"], "opus")
    wait_until("Opus for WebRTC", lambda: len(bus.samples(stream["id"], "opus")) > 50)
    want.close()
    bus.close()
    publisher.stop()
    # What is kept is what was sent.
    kept = streams_of(stack, finished(stack, stream))["audio"]
    assert kept["codec_name"] == {"libmp3lame": "mp3"}.get(coding, coding)


def test_no_sound_is_missing_in_hls_when_its_worker_dies(stack, publish):
    _, url, _, hls = stack.new_stream("rtmp-mp3-worker")
    publish(url, audio_codec=("-c:a", "libmp3lame", "-ar", "44100", "-ac", "1", "-b:a", "96k"))
    wait_live(stack, "rtmp-mp3-worker")
    wait_served(stack, hls)
    aac = sound.variants(stack, hls)[-1][1]
    wait_until("whole segments of AAC", lambda: len(segments(stack, aac)) >= 4, timeout=30)
    last = segments(stack, aac)[-1].number
    stack.kill("transcoder")
    # Its lease of three seconds runs out first.
    wait_until("it goes on", lambda: segments(stack, aac)[-1].number > last + 3, timeout=15)
    assert not any(one.gap for one in segments(stack, aac))
    _, _, heard = sound.decoded(stack, aac, first=last - 1, count=5)
    tenth = sound.RATE // 10
    levels = [sound.level(heard[begin:begin + tenth], 440)
              for begin in range(tenth, len(heard) - 2 * tenth, tenth)]
    assert all(abs(one - SINE_LEVEL) < 0.02 for one in levels), levels
