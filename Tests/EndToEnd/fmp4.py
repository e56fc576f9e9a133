"""Reads what LL-HLS rules are about from fragmented MP4: codecs, timescales, decode times, sample flags."""
import dataclasses
import struct

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf"}
SAMPLE_IS_NON_SYNC = 0x10000


class Malformed(Exception):
    """The bytes are not the boxes that they should be."""


def boxes(data, start=0, end=None):
    """Yields (type, content start, box end) for each box between two offsets."""
    end = len(data) if end is None else end
    while start < end:
        if end - start < 8:
            raise Malformed(f"{end - start} bytes are left over after the last box")
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            size = struct.unpack_from(">Q", data, start + 8)[0]
            header = 16
        elif size == 0:
            size = end - start
        if size < header or start + size > end:
            raise Malformed(f"box {kind!r} of {size} bytes does not fit")
        yield kind, start + header, start + size
        start += size


def find(data, path, start=0, end=None):
    """The (content start, box end) of the first box at a path like `moov/trak/mdia`, or None."""
    first, _, rest = path.partition("/")
    for kind, inner, stop in boxes(data, start, end):
        if kind == first.encode():
            if not rest:
                return inner, stop
            found = find(data, rest, inner, stop)
            if found:
                return found
    return None


@dataclasses.dataclass
class Init:
    """What an init segment says of its one track."""

    timescale: int
    handler: str
    codec: str
    width: int = 0
    height: int = 0


def parse_init(data):
    """Reads an init segment."""
    header = find(data, "moov/trak/mdia/mdhd")
    handler = find(data, "moov/trak/mdia/hdlr")
    entries = find(data, "moov/trak/mdia/minf/stbl/stsd")
    if not header or not handler or not entries:
        raise Malformed("the init segment lacks mdhd, hdlr or stsd")
    version = data[header[0]]
    timescale = struct.unpack_from(">I", data, header[0] + (20 if version == 1 else 12))[0]
    kind, inner, stop = next(boxes(data, entries[0] + 8, entries[1]))
    init = Init(timescale, data[handler[0] + 8:handler[0] + 12].decode(), kind.decode())
    if init.handler == "vide":
        init.width, init.height = struct.unpack_from(">HH", data, inner + 24)
        init.codec = video_codec(data, init.codec, inner + 78, stop)
    elif init.codec == "mp4a":
        init.codec = audio_codec(data, inner + 28, stop)
    return init


def video_codec(data, codec, start, stop):
    """The codec string as far as the configuration box says it."""
    if codec in ("avc1", "avc3"):
        box = find(data, "avcC", start, stop)
        if box:
            return f"{codec}.{data[box[0] + 1:box[0] + 4].hex()}"
    return codec


def audio_codec(data, start, stop):
    """`mp4a.40.<object type>` from the descriptors of `esds`."""
    box = find(data, "esds", start, stop)
    if not box:
        return "mp4a"
    position, end = box[0] + 4, box[1]
    while position < end:
        tag = data[position]
        position += 1
        while data[position] & 0x80:
            position += 1
        position += 1
        if tag == 3:
            position += 3
        elif tag == 4:
            if data[position] != 0x40:
                return f"mp4a.{data[position]:x}"
            position += 13
        elif tag == 5:
            return f"mp4a.40.{data[position] >> 3}"
        else:
            break
    return "mp4a.40"


@dataclasses.dataclass
class Chunk:
    """One moof with its mdat."""

    sequence: int
    decode_time: int
    durations: list
    flags: list
    offsets: list

    @property
    def duration(self):
        """The length in the track's timescale."""
        return sum(self.durations)

    @property
    def begins_with_keyframe(self):
        """Whether the first sample is a sync sample."""
        return not self.flags[0] & SAMPLE_IS_NON_SYNC

    @property
    def presentation_time(self):
        """When the first sample is shown."""
        return self.decode_time + self.offsets[0]


def parse_chunks(data):
    """Reads the chunks of a part or a segment."""
    chunks, payloads = [], 0
    for kind, start, end in boxes(data):
        if kind == b"moof":
            chunks.append(parse_fragment(data, start, end))
        elif kind == b"mdat":
            payloads += 1
            if payloads > len(chunks):
                raise Malformed("mdat comes before moof")
    if not chunks:
        raise Malformed("there is no moof")
    if payloads < len(chunks):
        raise Malformed("a moof has no mdat")
    return chunks


def parse_fragment(data, start, end):
    header = find(data, "mfhd", start, end)
    decode_time = find(data, "traf/tfdt", start, end)
    track = find(data, "traf/tfhd", start, end)
    run = find(data, "traf/trun", start, end)
    if not header or not decode_time or not track or not run:
        raise Malformed("moof lacks mfhd, tfhd, tfdt or trun")
    sequence = struct.unpack_from(">I", data, header[0] + 4)[0]
    wide = data[decode_time[0]] == 1
    time = struct.unpack_from(">Q" if wide else ">I", data, decode_time[0] + 4)[0]
    durations, flags, offsets = read_run(data, run[0], read_defaults(data, track[0]))
    if not durations:
        raise Malformed("a trun is empty")
    return Chunk(sequence, time, durations, flags, offsets)


def read_defaults(data, start):
    present = struct.unpack_from(">I", data, start)[0] & 0xffffff
    position = start + 8
    values = {}
    for bit, size in ((0x1, 8), (0x2, 4), (0x8, 4), (0x10, 4), (0x20, 4)):
        if present & bit:
            values[bit] = int.from_bytes(data[position:position + size], "big")
            position += size
    return values


def read_run(data, start, defaults):
    present = struct.unpack_from(">I", data, start)[0] & 0xffffff
    count = struct.unpack_from(">I", data, start + 4)[0]
    position = start + 8
    if present & 0x1:
        position += 4
    first_flags = None
    if present & 0x4:
        first_flags = struct.unpack_from(">I", data, position)[0]
        position += 4
    durations, flags, offsets = [], [], []
    for index in range(count):
        row = {0x100: defaults.get(0x8, 0), 0x200: 0, 0x400: defaults.get(0x20, 0), 0x800: 0}
        for bit in (0x100, 0x200, 0x400, 0x800):
            if present & bit:
                kind = ">i" if bit == 0x800 else ">I"
                row[bit] = struct.unpack_from(kind, data, position)[0]
                position += 4
        durations.append(row[0x100])
        flags.append(first_flags if index == 0 and first_flags is not None else row[0x400])
        offsets.append(row[0x800])
    return durations, flags, offsets
