"""Checks a live HLS URL against the low-latency rules of draft-pantos-hls-rfc8216bis, as a player would meet them.

    python3 llhls.py http://…/index.m3u8 [seconds]

It follows every rendition by blocking reloads, and the whole session (`?dvr=1`) beside them, fetches init segments,
segments, parts and preload hints, and compares what the playlists say with what the media holds. `check` returns a report; the program prints it and
ends with status 1 where a rule is broken.
"""
import concurrent.futures
import dataclasses
import http.client
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import fmp4
import hls_playlist
import llhls_master as promises
import llhls_rules as rules
from waiting import pause

CONTINUITY_TOLERANCE = 0.003
# Clocks of publishers tick in milliseconds, and are rounded.
EVENNESS = 0.0025
# So long a check waits for new segments of the whole session; a shorter one looks twice.
PATIENT = 5.0
# A browser sends no picture where it could not encode one in time; six of them in a row, at 20 a second, while a
# busy machine begins with three layers.
BROWSER_SLACK = 0.35


@dataclasses.dataclass
class Answer:
    """An HTTP response, whole."""

    status: int
    headers: dict
    body: bytes
    seconds: float

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")


def fetch(url, timeout=20.0):
    """Gets a URL; refusals are answers too."""
    start = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            body = response.read()
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, headers, body, time.monotonic() - start)
    except urllib.error.HTTPError as error:
        headers = {name.lower(): value for name, value in error.headers.items()}
        return Answer(error.code, headers, error.read(), time.monotonic() - start)
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, {}, str(error).encode(), time.monotonic() - start)


def with_query(url, **directives):
    """The URL with delivery directives added."""
    separator = "&" if "?" in url else "?"
    return url + separator + urllib.parse.urlencode(directives)


class Report:
    """What was checked and what was found."""

    def __init__(self):
        self.violations = []
        self.notes = []
        self.playlists_checked = 0
        self.parts_checked = 0
        self.segments_checked = 0
        self.hints_right = 0
        self.hints_wrong = 0
        self.followed = []
        self._lock = threading.Lock()
        self._said = set()

    def add(self, where, sentences):
        """Notes violations, each once."""
        with self._lock:
            for sentence in sentences:
                if (where, sentence) not in self._said:
                    self._said.add((where, sentence))
                    self.violations.append(f"{where}: {sentence}")

    def note(self, sentence):
        with self._lock:
            if sentence not in self.notes:
                self.notes.append(sentence)

    def count(self, name, amount=1):
        with self._lock:
            setattr(self, name, getattr(self, name) + amount)

    def __str__(self):
        lines = [
            f"{self.playlists_checked} playlists, {self.segments_checked} segments, {self.parts_checked} parts;"
            f" {self.hints_right} preload hints right, {self.hints_wrong} at a boundary",
        ]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"VIOLATION {violation}" for violation in self.violations]
        return "\n".join(lines)


def check(master_url, seconds=8.0, slack=0.0):
    """Follows all renditions of a master playlist for some seconds and reports every broken rule.

    `slack` is how much earlier or later than usual a picture of the publisher may come, in seconds.
    """
    report = Report()
    masters = {url: load_master(url, report) for url in (master_url, with_query(master_url, dvr=1))}
    deadline = time.monotonic() + seconds
    followers = {}
    for name, master in masters.items():
        for rendition in promises.renditions_of(master, report) if master else []:
            if rendition.uri not in followers:
                others = [other.uri for other in promises.renditions_of(master, Report())]
                followers[rendition.uri] = Follower(rendition, others, report, seconds >= PATIENT, slack)
    with concurrent.futures.ThreadPoolExecutor(len(followers) or 1) as pool:
        for result in [pool.submit(follower.follow, deadline) for follower in followers.values()]:
            result.result()
    report.followed = sorted(follower.name for follower in followers.values())
    report.add("renditions", compare(followers.values()))
    for url, master in masters.items():
        answer = fetch(url) if master else None
        if answer is not None and answer.status == 200:
            report.add("master", promises.check_promises(answer.text, url, followers))
    return report


def load_master(url, report):
    """The master playlist at a URL, None where there is none to follow."""
    answer = fetch(url)
    if answer.status != 200:
        report.add("master", [f"status {answer.status}: {answer.text[:200]}"])
        return None
    report.add("master", rules.check_playlist_headers(answer.headers, False, 8))
    try:
        return hls_playlist.parse_master(answer.text, url)
    except (hls_playlist.Malformed, KeyError, ValueError) as error:
        report.add("master", [f"malformed: {error}"])
        return None


def compare(followers):
    """The renditions beside one another; the clocks and breaks of sessions that none has seen whole are left out."""
    named = {follower.name: follower for follower in followers}
    return (
        promises.compare_targets({name: one.target for name, one in named.items() if one.target})
        + promises.compare_clocks({name: one.clock for name, one in named.items()})
        + promises.compare_breaks({name: one.breaks for name, one in named.items()})
    )


class Follower:
    """Follows one rendition as a low-latency player does."""

    def __init__(self, rendition, uris, report, is_patient=True, slack=0.0):
        self.rendition = rendition
        self.slack = slack
        self.others = [uri for uri in uris if uri != rendition.uri]
        self.report = report
        self.is_patient = is_patient
        self.name = "/".join(urllib.parse.urlsplit(rendition.uri).path.split("/")[-2:])
        self.inits = {}
        self.parts = {}
        self.fetched_segments = set()
        self.clock = {}
        self.breaks = {}
        self.target = 0
        self.sizes_in_bits, self.ends = {}, {}
        self.seen_pictures = {}
        self.waits = []
        self.last_end = None
        self.open_hints = {}
        self.hint_pool = concurrent.futures.ThreadPoolExecutor(4)

    def violate(self, sentences):
        self.report.add(self.name, sentences)

    def follow(self, deadline):
        """Loads the playlist, then reloads it until the deadline or its end."""
        try:
            playlist = self.load(self.rendition.uri)
            if playlist is None:
                return
            self.take(playlist)
            self.check_refusals(playlist)
            while not playlist.ended and time.monotonic() < deadline:
                newer = self.reload(playlist)
                if newer is None:
                    return
                self.violate(rules.check_reload(playlist, newer))
                self.check_removed(playlist, newer)
                self.take(newer)
                playlist = newer
            if playlist.ended:
                again = self.load(self.rendition.uri)
                if again is not None:
                    self.violate(rules.check_reload(playlist, again))
            self.judge_open_hints(playlist)
            self.check_delta(playlist)
            self.check_reports(playlist)
            if playlist.part_target and not self.slack:
                self.violate(promises.check_pace(self.waits, playlist.part_target))
        finally:
            self.hint_pool.shutdown(wait=False, cancel_futures=True)

    def load(self, url, is_blocked=False):
        """The own playlist, which is judged."""
        answer, playlist = self.read(url)
        if playlist is None:
            return None
        self.report.count("playlists_checked")
        self.violate(rules.check_playlist_headers(answer.headers, is_blocked or playlist.ended, playlist.target))
        self.violate(rules.check_playlist(playlist, self.slack))
        self.target = playlist.target
        self.breaks.update(promises.breaks_of(playlist))
        return playlist

    def read(self, url):
        """The answer and the playlist in it, where it is one; another's is judged by its own follower."""
        answer = fetch(url)
        if answer.status != 200:
            self.violate([f"{url} answers {answer.status}: {answer.text[:200]}"])
            return answer, None
        try:
            return answer, hls_playlist.parse_media(answer.text, url.split("?")[0])
        except (hls_playlist.Malformed, KeyError, ValueError) as error:
            self.violate([f"malformed: {error}"])
            return answer, None

    def reload(self, playlist):
        """Asks for the next part, and for the preload hint at the same time."""
        if playlist.part_target is None:
            number = playlist.next_part[0]
            if not self.is_patient:  # a segment takes longer than there is
                pause(0.5)
                return self.load(self.rendition.uri)
            return self.load(with_query(self.rendition.uri, _HLS_msn=number), is_blocked=True)
        number, part = playlist.next_part
        hint = next((uri for kind, uri in playlist.hints if kind == "PART"), None)
        if hint is None:
            self.violate(["a live playlist with parts has no preload hint"])
        hinted = self.hint_pool.submit(fetch, hint) if hint else None
        start = time.monotonic()
        newer = self.load(
            with_query(self.rendition.uri, _HLS_msn=number, _HLS_part=part), is_blocked=True
        )
        if newer is None:
            return None
        if time.monotonic() - start > 3 * newer.target + 1:
            self.violate([f"the reload for part {number}.{part} took more than three target durations"])
        if newer.next_part <= (number, part) and not newer.ended:
            self.violate([f"the reload for part {number}.{part} came without it: {newer.edge}"])
        if newer.next_part in ((number, part + 1), (number + 1, 0)):
            self.waits.append(time.monotonic() - start)
        if hinted:
            self.judge_hint(hint, hinted, newer)
        return newer

    def check_removed(self, old, new):
        """A segment that has left the playlist is there for as long as a player may still want it (6.2.2)."""
        for segment in old.segments[:max(0, new.first - old.first)]:
            if segment.gap or not segment.uri or old.skipped:
                continue
            answer = fetch(segment.uri)
            if answer.status != 200:
                self.violate([f"segment {segment.number}, just removed, answers {answer.status}"])

    def peak(self):
        """The peak bit rate of the segments that were fetched."""
        rows = [(number, *row) for number, row in sorted(self.sizes_in_bits.items())]
        return promises.peak_bit_rate(rows, self.target)

    def sizes(self):
        """The sizes of the pictures that the playlist lists now."""
        playlist = self.load(self.rendition.uri)
        listed = {segment.map_uri for segment in playlist.segments if segment.map_uri} if playlist else ()
        inits = [self.init(uri) for uri in listed]
        return {f"{init.width}x{init.height}" for init in inits if init and init.handler == "vide"}

    def rates(self):
        """How many pictures a second there are of each configuration, where a second or more was fetched."""
        return [count / seconds for count, seconds in self.seen_pictures.values() if seconds >= 1]

    def judge_hint(self, hint, hinted, newer):
        """A hinted part is the next part, or comes later, or never where its segment has ended before it."""
        listed = [part.uri for segment in newer.segments for part in segment.parts]
        if hint not in listed:
            self.open_hints[hint] = hinted
            return
        self.report.count("hints_right")
        answer = hinted.result()
        if answer.status != 200:
            self.violate([f"the hinted part {hint} answers {answer.status}"])
        elif fetch(hint).body != answer.body:
            self.violate([f"the hinted part {hint} differs from the part"])

    def judge_open_hints(self, playlist):
        """What was hinted but did not come next is listed in the end, or has been refused."""
        self.report.count("hints_wrong", len(self.open_hints))
        answers = {
            hint: hinted.result() for hint, hinted in self.open_hints.items() if hint not in self.parts and hinted.done()
        }
        # What has come since the last reload is listed by now.
        newest = self.load(self.rendition.uri) if any(answer.status == 200 for answer in answers.values()) else None
        listed = [part.uri for segment in (newest or playlist).segments for part in segment.parts]
        for hint, answer in answers.items():
            if answer.status != 200:
                self.violate(rules.check_error_headers(answer.headers))
            elif hint not in listed and not (newest or playlist).ended:
                self.violate([f"the hinted part {hint} is served but never listed"])

    def take(self, playlist):
        """Fetches what is new in a playlist and compares it with what the playlist says."""
        for index, segment in enumerate(playlist.segments):
            for number, part in enumerate(segment.parts):
                if part.uri not in self.parts and not part.gap:
                    self.take_part(playlist, segment, number, part)
            is_new = segment.duration is not None and segment.number not in self.fetched_segments
            if is_new and not segment.gap and index >= len(playlist.segments) - 3:
                self.take_segment(segment)

    def init(self, uri):
        if uri in self.inits:
            return self.inits[uri]
        answer = fetch(uri)
        self.inits[uri] = None
        if answer.status != 200:
            self.violate([f"the init segment {uri} answers {answer.status}"])
            return None
        self.violate(rules.check_media_headers(answer.headers, len(answer.body)))
        try:
            init = fmp4.parse_init(answer.body)
        except (fmp4.Malformed, IndexError) as error:
            self.violate([f"the init segment {uri}: {error}"])
            return None
        self.inits[uri] = init
        codecs = self.rendition.codecs.lower().split(",")
        if not any(promises.covers(codec, init.codec.lower()) for codec in codecs):
            self.violate([f"the init segment {uri} is {init.codec}, CODECS says {self.rendition.codecs}"])
        return init

    def take_part(self, playlist, segment, number, part):
        init = self.init(segment.map_uri)
        if init is None:
            return
        answer = fetch(part.uri)
        name = f"part {segment.number}.{number}"
        if answer.status != 200:
            self.violate([f"{name} answers {answer.status}"])
            return
        self.parts[part.uri] = answer.body
        self.report.count("parts_checked")
        self.violate(rules.check_media_headers(answer.headers, len(answer.body)))
        is_video = init.handler == "vide"
        sentences = rules.check_part_media(part, name, answer.body, init.timescale, is_video)
        self.violate(sentences)
        if sentences:
            return
        if number == 0 and playlist.independent and not part.independent:
            self.violate([f"{name} begins a segment, but is not independent as the playlist promises"])
        self.check_continuity(segment, number, name, answer.body, init)

    def check_continuity(self, segment, number, name, data, init):
        chunks = fmp4.parse_chunks(data)
        begin = chunks[0].decode_time / init.timescale
        place = (segment.number, number)
        if self.last_end is not None:
            last_place, last_end, last_number = self.last_end
            follows = place == (last_place[0], last_place[1] + 1) or place == (last_place[0] + 1, 0)
            is_break = segment.discontinuity and number == 0
            gap = begin - last_end
            is_whole = abs(gap) <= CONTINUITY_TOLERANCE + self.slack
            if follows and not is_break and not is_whole:
                self.violate([f"{name} begins at {begin:.4f} s, the part before ends at {last_end:.4f} s"])
            if chunks[0].sequence <= last_number:
                self.violate([f"{name} has the sequence number {chunks[0].sequence} after {last_number}"])
        end = (chunks[-1].decode_time + chunks[-1].duration) / init.timescale
        self.last_end = (place, end, chunks[-1].sequence)
        if number == 0 and segment.date is not None:
            self.clock[segment.number] = segment.date.timestamp() - chunks[0].presentation_time / init.timescale

    def take_segment(self, segment):
        self.fetched_segments.add(segment.number)
        init = self.init(segment.map_uri)
        answer = fetch(segment.uri)
        if answer.status != 200 or init is None:
            self.violate([f"segment {segment.number} answers {answer.status}"])
            return
        self.report.count("segments_checked")
        self.violate(rules.check_media_headers(answer.headers, len(answer.body)))
        parts = [self.parts.get(part.uri) for part in segment.parts]
        if parts and None not in parts and b"".join(parts) != answer.body:
            self.violate([f"segment {segment.number} is not the sum of its parts"])
        try:
            chunks = fmp4.parse_chunks(answer.body)
        except fmp4.Malformed as error:
            self.violate([f"segment {segment.number}: {error}"])
            return
        length = sum(chunk.duration for chunk in chunks) / init.timescale
        # One chunk is one part, listed or not, and behind each the publisher's next sample may come late.
        self.sizes_in_bits[segment.number] = (8 * len(answer.body), segment.duration)
        if init.handler == "vide":
            self.count_pictures(segment.map_uri, [one for chunk in chunks for one in chunk.durations], init.timescale)
        if segment.date is not None:
            self.clock.setdefault(
                segment.number, segment.date.timestamp() - chunks[0].presentation_time / init.timescale)
        self.check_seam(segment, chunks, init.timescale)
        if abs(length - segment.duration) > 0.1 + len(chunks) * self.slack:
            self.violate([f"segment {segment.number} lasts {length:.3f} s, EXTINF says {segment.duration:.3f} s"])

    def check_seam(self, segment, chunks, timescale):
        """A segment begins where the one before it ends."""
        begin, last = chunks[0].decode_time / timescale, chunks[-1]
        end = self.ends.get(segment.number - 1)
        self.ends[segment.number] = (last.decode_time + last.duration) / timescale
        if end is None or segment.discontinuity or abs(begin - end) <= CONTINUITY_TOLERANCE + self.slack:
            return
        self.violate([f"segment {segment.number} begins at {begin:.4f} s, the one before ends at {end:.4f} s"])

    def count_pictures(self, map_uri, durations, timescale):
        """Counts the pictures of a segment in which they come evenly: else their rate is the publisher's luck."""
        if self.slack or max(durations) - min(durations) > EVENNESS * timescale:
            return
        before = self.seen_pictures.get(map_uri, (0, 0))
        self.seen_pictures[map_uri] = (before[0] + len(durations), before[1] + sum(durations) / timescale)

    def check_refusals(self, playlist):
        """Directives that make no sense are refused with 400."""
        if playlist.ended or playlist.control.get("CAN-BLOCK-RELOAD") != "YES":
            return
        far = playlist.next_part[0] + 100
        for directives in ({"_HLS_part": 0}, {"_HLS_msn": far}, {"_HLS_msn": far, "_HLS_part": 0}):
            answer = fetch(with_query(self.rendition.uri, **directives))
            if answer.status != 400:
                self.violate([f"{directives} answers {answer.status} instead of 400"])
            self.violate(rules.check_error_headers(answer.headers))

    def check_delta(self, playlist):
        if "CAN-SKIP-UNTIL" not in playlist.control or playlist.ended:
            return
        before = self.load(self.rendition.uri)
        delta = self.load(with_query(self.rendition.uri, _HLS_skip="YES"))
        after = self.load(self.rendition.uri)
        if before is None or delta is None or after is None:
            return
        # The playlist may have grown between two requests: the delta must fit one of its neighbours.
        if rules.check_delta(before, delta) and rules.check_delta(after, delta):
            self.violate(rules.check_delta(after, delta))

    def check_reports(self, playlist):
        """The reports name every other rendition, and never more than it has."""
        if playlist.ended or playlist.part_target is None:
            return
        reported = {uri: (number, part) for uri, number, part in playlist.reports}
        for other in self.others:
            if other not in reported:
                self.violate([f"there is no rendition report for {other}"])
                continue
            _, current = self.read(other)
            if current is not None and not current.ended and current.next_part <= reported[other]:
                self.violate([f"{other} is reported at {reported[other]}, but is at {current.edge}"])


def main(arguments):
    """Checks the URL of the command line."""
    if not arguments:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    report = check(arguments[0], float(arguments[1]) if len(arguments) > 1 else 8.0)
    print(report)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
