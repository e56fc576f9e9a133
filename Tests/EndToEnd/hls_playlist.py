"""Reads HLS playlists into values, without judging them."""
import dataclasses
import datetime
import re
import urllib.parse

ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)(?:,|$)')


class Malformed(Exception):
    """The text is no playlist."""


def attributes(text):
    """The attribute list of a tag, quotes taken off."""
    found = {}
    position = 0
    while position < len(text):
        match = ATTRIBUTE.match(text, position)
        if not match or match.end() == position:
            raise Malformed(f"malformed attribute list: {text}")
        if match[1] in found:
            raise Malformed(f"attribute {match[1]} twice: {text}")
        found[match[1]] = match[2].strip('"')
        position = match.end()
    return found


@dataclasses.dataclass
class Part:
    uri: str
    duration: float
    independent: bool
    gap: bool


@dataclasses.dataclass
class Segment:
    number: int
    uri: str = ""
    duration: float | None = None
    parts: list = dataclasses.field(default_factory=list)
    map_uri: str = ""
    date: datetime.datetime | None = None
    discontinuity: bool = False
    gap: bool = False

    @property
    def length(self):
        return self.duration if self.duration is not None else sum(part.duration for part in self.parts)


@dataclasses.dataclass
class Media:
    """A media playlist; the last segment may lack its duration while it grows."""

    lines: list
    version: int = 1
    target: int = 0
    part_target: float | None = None
    control: dict = dataclasses.field(default_factory=dict)
    first: int = 0
    discontinuities: int = 0
    kind: str = ""
    ended: bool = False
    segments: list = dataclasses.field(default_factory=list)
    hints: list = dataclasses.field(default_factory=list)
    reports: list = dataclasses.field(default_factory=list)
    skipped: int = 0
    independent: bool = False

    @property
    def edge(self):
        """(msn, part) of the newest part, or the next that would come where none is there."""
        if not self.segments:
            return self.first, -1
        last = self.segments[-1]
        if last.duration is not None:
            return last.number, max(len(last.parts) - 1, 0)
        return last.number, len(last.parts) - 1

    @property
    def next_part(self):
        """(msn, part) to ask for next."""
        if not self.segments:
            return self.first, 0
        last = self.segments[-1]
        if last.duration is not None:
            return last.number + 1, 0
        return last.number, len(last.parts)


def parse_media(text, url=""):
    """Reads a media playlist, a delta update too; URIs become absolute where `url` is given."""
    lines = text.split("\n")
    if lines[0].strip() != "#EXTM3U":
        raise Malformed("the first line is not #EXTM3U")
    playlist = Media([line for line in lines if line])
    state = _Reader(playlist, url)
    for line in lines[1:]:
        state.take(line.rstrip("\r"))
    state.finish()
    return playlist


class _Reader:
    def __init__(self, playlist, url):
        self.playlist, self.url = playlist, url
        self.number = None
        self.map_uri = ""
        self.pending = None
        self.seen = set()

    def absolute(self, uri):
        return urllib.parse.urljoin(self.url, uri) if self.url else uri

    def segment(self):
        if self.pending is None:
            if self.number is None:
                self.number = self.playlist.first + self.playlist.skipped
            self.pending = Segment(self.number, map_uri=self.map_uri)
        return self.pending

    def once(self, tag):
        if tag in self.seen:
            raise Malformed(f"{tag} twice")
        self.seen.add(tag)
        if self.playlist.segments or self.pending:
            raise Malformed(f"{tag} after the first segment")

    def take(self, line):
        if not line:
            return
        if not line.startswith("#"):
            self.media_uri(line)
            return
        tag, _, value = line.partition(":")
        handler = getattr(self, "tag_" + tag[1:].replace("-", "_"), None)
        if handler:
            handler(value)

    def media_uri(self, line):
        segment = self.segment()
        if segment.duration is None:
            raise Malformed(f"{line} has no EXTINF")
        segment.uri = self.absolute(line)
        self.playlist.segments.append(segment)
        self.number += 1
        self.pending = None

    def finish(self):
        if self.pending is not None:
            if self.pending.duration is not None:
                raise Malformed("EXTINF without a URI")
            if self.pending.parts:
                self.playlist.segments.append(self.pending)

    def tag_EXT_X_VERSION(self, value):
        self.once("EXT-X-VERSION")
        self.playlist.version = int(value)

    def tag_EXT_X_TARGETDURATION(self, value):
        self.once("EXT-X-TARGETDURATION")
        self.playlist.target = int(value)

    def tag_EXT_X_MEDIA_SEQUENCE(self, value):
        self.once("EXT-X-MEDIA-SEQUENCE")
        self.playlist.first = int(value)

    def tag_EXT_X_DISCONTINUITY_SEQUENCE(self, value):
        self.once("EXT-X-DISCONTINUITY-SEQUENCE")
        self.playlist.discontinuities = int(value)

    def tag_EXT_X_PLAYLIST_TYPE(self, value):
        self.once("EXT-X-PLAYLIST-TYPE")
        self.playlist.kind = value

    def tag_EXT_X_INDEPENDENT_SEGMENTS(self, _):
        self.playlist.independent = True

    def tag_EXT_X_ENDLIST(self, _):
        self.playlist.ended = True

    def tag_EXT_X_PART_INF(self, value):
        self.once("EXT-X-PART-INF")
        self.playlist.part_target = float(attributes(value)["PART-TARGET"])

    def tag_EXT_X_SERVER_CONTROL(self, value):
        self.once("EXT-X-SERVER-CONTROL")
        self.playlist.control = attributes(value)

    def tag_EXT_X_SKIP(self, value):
        self.once("EXT-X-SKIP")
        self.playlist.skipped = int(attributes(value)["SKIPPED-SEGMENTS"])

    def tag_EXT_X_MAP(self, value):
        self.map_uri = self.absolute(attributes(value)["URI"])
        if self.pending is not None:
            if self.pending.parts:
                raise Malformed("EXT-X-MAP after the first part of its segment")
            self.pending.map_uri = self.map_uri

    def tag_EXT_X_PROGRAM_DATE_TIME(self, value):
        segment = self.segment()
        if segment.parts:
            raise Malformed("EXT-X-PROGRAM-DATE-TIME after the first part of its segment")
        segment.date = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))

    def tag_EXT_X_DISCONTINUITY(self, _):
        segment = self.segment()
        if segment.parts:
            raise Malformed("EXT-X-DISCONTINUITY after the first part of its segment")
        segment.discontinuity = True

    def tag_EXT_X_GAP(self, _):
        self.segment().gap = True

    def tag_EXTINF(self, value):
        self.segment().duration = float(value.split(",")[0])

    def tag_EXT_X_PART(self, value):
        found = attributes(value)
        self.segment().parts.append(
            Part(
                self.absolute(found["URI"]),
                float(found["DURATION"]),
                found.get("INDEPENDENT") == "YES",
                found.get("GAP") == "YES",
            )
        )

    def tag_EXT_X_PRELOAD_HINT(self, value):
        found = attributes(value)
        self.playlist.hints.append((found["TYPE"], self.absolute(found["URI"])))

    def tag_EXT_X_RENDITION_REPORT(self, value):
        found = attributes(value)
        self.playlist.reports.append(
            (self.absolute(found["URI"]), int(found["LAST-MSN"]), int(found.get("LAST-PART", -1)))
        )


@dataclasses.dataclass
class Rendition:
    """One media playlist that a master playlist names."""

    uri: str
    codecs: str
    is_audio: bool


@dataclasses.dataclass
class Master:
    variants: list
    groups: dict
    independent: bool


def parse_master(text, url):
    """Reads a master playlist: variants as attribute lists with their URIs, audio groups by ID."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines or lines[0] != "#EXTM3U":
        raise Malformed("the first line is not #EXTM3U")
    variants, groups = [], {}
    pending = None
    for line in lines[1:]:
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-STREAM-INF":
            pending = attributes(value)
        elif tag == "#EXT-X-MEDIA":
            found = attributes(value)
            if "URI" in found:
                found["URI"] = urllib.parse.urljoin(url, found["URI"])
            groups.setdefault(found["GROUP-ID"], []).append(found)
        elif not line.startswith("#"):
            if pending is None:
                raise Malformed(f"{line} has no EXT-X-STREAM-INF")
            variants.append((pending, urllib.parse.urljoin(url, line)))
            pending = None
    if pending is not None:
        raise Malformed("EXT-X-STREAM-INF without a URI")
    return Master(variants, groups, "#EXT-X-INDEPENDENT-SEGMENTS" in lines)
