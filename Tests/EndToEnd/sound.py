"""What LL-HLS playlists of sound say when they are decoded, by the session's own time."""
import io
import math

import av
import hls_playlist
import numpy

RATE = 48000


def variants(stack, hls):
    """The master playlist's variants: their codecs and the sound playlist of each."""
    master = hls_playlist.parse_master(stack.request(hls, authorised=False).text, hls)
    found = []
    for attributes, uri in master.variants:
        members = master.groups.get(attributes.get("AUDIO"), [])
        found.append((attributes["CODECS"], members[0]["URI"] if members else uri))
    return found


def decoded(stack, playlist_url, first=None, count=3):
    """One channel of `count` complete segments: the number of the first, and samples by their place in the session.

    Returns (first segment's number, place of the first sample at 48 kHz, samples as an array).
    """
    text = stack.request(playlist_url, authorised=False).text
    segments = {one.number: one for one in hls_playlist.parse_media(text, playlist_url).segments
                if one.duration is not None and not one.gap}
    start = first if first is not None else max(segments) - count + 1
    chosen = [segments[start + index] for index in range(count)]
    pieces = [chosen[0].map_uri] + [one.uri for one in chosen]
    return start, *samples_of(b"".join(stack.request(piece, authorised=False).body for piece in pieces))


def samples_of(movie):
    """Decodes a movie's sound: the place of its first sample, and all from there on, mixed to one channel."""
    with av.open(io.BytesIO(movie)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
        pieces = []
        for frame in container.decode(audio=0):
            place = round(float(frame.pts * frame.time_base) * RATE)
            frame.pts = None
            pieces += [(place, out.to_ndarray()[0]) for out in resampler.resample(frame)]
    begin, end = pieces[0][0], max(place + len(samples) for place, samples in pieces)
    sound = numpy.zeros(end - begin, dtype=numpy.float32)
    for place, samples in pieces:
        sound[place - begin:place - begin + len(samples)] = samples
    return begin, sound


def level(sound, frequency):
    """The amplitude of a frequency."""
    angles = 2 * math.pi * frequency * numpy.arange(len(sound)) / RATE
    return 2 * math.hypot(float(sound @ numpy.sin(angles)), float(sound @ numpy.cos(angles))) / len(sound)


def shift(first, second, limit=RATE // 10):
    """By how many samples `second` says the same later than `first`, and how loud it is beside it.

    Both are (place of the first sample, samples).
    """
    begin = max(first[0], second[0]) + limit
    end = min(first[0] + len(first[1]), second[0] + len(second[1])) - limit
    reference = first[1][begin - first[0]:end - first[0]]
    wide = second[1][begin - limit - second[0]:end + limit - second[0]]
    size = 1 << (len(wide) + len(reference)).bit_length()
    product = numpy.fft.irfft(numpy.fft.rfft(wide, size) * numpy.conj(numpy.fft.rfft(reference, size)), size)
    best = int(numpy.argmax(product[:2 * limit + 1]))
    match = wide[best:best + len(reference)]
    return best - limit, float(numpy.sqrt(numpy.mean(match ** 2) / numpy.mean(reference ** 2)))
