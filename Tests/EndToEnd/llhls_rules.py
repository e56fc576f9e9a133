"""The rules of draft-pantos-hls-rfc8216bis that one playlist, two successive playlists or one part can break.

Every function returns the violations as sentences; none means that the rules are kept.
"""
import fmp4

PART_FLOOR = 0.85
# EXTINF and part durations are printed with five decimals; publishers' clocks tick in milliseconds.
DURATION_TOLERANCE = 0.005
DATE_TOLERANCE = 0.05
MEDIA_TYPES = {"video/mp4", "audio/mp4", "video/iso.segment", "audio/iso.segment"}
PLAYLIST_TYPES = {"application/vnd.apple.mpegurl", "audio/mpegurl", "application/x-mpegurl"}


def check_playlist(playlist, slack=0.0):
    """The rules of a media playlist by itself.

    `slack` is how much earlier or later than usual a picture of the publisher may come, in seconds: parts whose
    length was foretold by the usual then do not meet the next exactly.
    """
    found = []
    if playlist.target <= 0:
        found.append("EXT-X-TARGETDURATION is missing")
    if playlist.version < 6:
        found.append(f"EXT-X-MAP needs version 6, the playlist says {playlist.version}")
    if playlist.skipped and playlist.version < 9:
        found.append(f"EXT-X-SKIP needs version 9, the playlist says {playlist.version}")
    found += check_control(playlist)
    for index, segment in enumerate(playlist.segments):
        found += check_segment(playlist, index, segment, slack)
    found += check_end(playlist)
    return found


def check_control(playlist):
    found = []
    control, target = playlist.control, playlist.part_target
    has_parts = any(segment.parts for segment in playlist.segments)
    if has_parts and target is None:
        found.append("there are parts but no EXT-X-PART-INF")
    if target is not None:
        hold_back = float(control.get("PART-HOLD-BACK", 0))
        if hold_back < 2 * target:
            found.append(f"PART-HOLD-BACK {hold_back} is less than twice the part target {target}")
        elif hold_back < 3 * target - 1e-6:
            found.append(f"PART-HOLD-BACK {hold_back} should be three times the part target {target}")
    if "HOLD-BACK" in control and float(control["HOLD-BACK"]) < 3 * playlist.target:
        found.append(f"HOLD-BACK {control['HOLD-BACK']} is less than three target durations")
    if "CAN-SKIP-UNTIL" in control and float(control["CAN-SKIP-UNTIL"]) < 6 * playlist.target:
        found.append(f"CAN-SKIP-UNTIL {control['CAN-SKIP-UNTIL']} is less than six target durations")
    if playlist.skipped and "CAN-SKIP-UNTIL" not in control:
        found.append("EXT-X-SKIP without CAN-SKIP-UNTIL")
    if target is not None and not playlist.ended and control.get("CAN-BLOCK-RELOAD") != "YES":
        found.append("a low-latency playlist must be able to block reloads")
    return found


def check_segment(playlist, index, segment, slack=0.0):
    found = []
    name = f"segment {segment.number}"
    is_last = index == len(playlist.segments) - 1
    if segment.duration is None and not is_last:
        found.append(f"{name} has no EXTINF though others follow")
    if segment.duration is not None and int(segment.duration + 0.5) > playlist.target:
        found.append(f"{name} of {segment.duration} s rounds to more than the target {playlist.target}")
    if not segment.map_uri and not playlist.skipped:
        found.append(f"{name} has no EXT-X-MAP")
    following = playlist.segments[index + 1] if not is_last else None
    for number, part in enumerate(segment.parts):
        found += check_part_length(playlist, segment, number, part, following, slack)
    if segment.duration is not None and segment.parts:
        total = sum(part.duration for part in segment.parts)
        # A part that was announced with the target as its length may last longer than it says.
        if total > segment.duration + 0.05 + slack or total < segment.duration - 0.35 - len(segment.parts) * slack:
            found.append(f"the parts of {name} last {total:.3f} s, the segment {segment.duration:.3f} s")
    if index > 0:
        found += check_neighbours(playlist.segments[index - 1], segment, slack)
    return found


def check_part_length(playlist, segment, number, part, following, slack=0.0):
    target = playlist.part_target
    if target is None:
        return []
    name = f"part {segment.number}.{number}"
    if part.duration > target + 1e-6:
        return [f"{name} of {part.duration} s is longer than the part target {target}"]
    is_last = number == len(segment.parts) - 1
    if is_last and (segment.duration is not None or following is not None or playlist.ended):
        return []
    if is_last:
        # The newest part of a growing segment may turn out to be its last.
        return []
    if part.duration < PART_FLOOR * target - DURATION_TOLERANCE - slack and not segment.parts[number + 1].gap:
        return [f"{name} of {part.duration} s is shorter than 85 % of the part target {target}"]
    return []


def check_neighbours(before, segment, slack=0.0):
    found = []
    if before.map_uri and segment.map_uri != before.map_uri and not segment.discontinuity:
        found.append(f"EXT-X-MAP changes at segment {segment.number} without EXT-X-DISCONTINUITY")
    if before.date and segment.date:
        if segment.date < before.date:
            found.append(f"the date goes back at segment {segment.number}, from {before.date} to {segment.date}")
        elapsed = (segment.date - before.date).total_seconds()
        is_plain = not segment.discontinuity and not segment.gap and not before.gap
        if is_plain and abs(elapsed - before.length) > DATE_TOLERANCE + slack:
            found.append(
                f"segment {before.number} lasts {before.length:.3f} s, but the next is dated {elapsed:.3f} s later"
            )
    return found


def check_end(playlist):
    found = []
    if playlist.ended:
        if playlist.hints:
            found.append("an ended playlist hints at more")
        if playlist.segments and playlist.segments[-1].duration is None:
            found.append("an ended playlist ends in the middle of a segment")
        if playlist.control.get("CAN-BLOCK-RELOAD") == "YES":
            found.append("an ended playlist promises to block reloads")
        return found
    from_end = 0.0
    for segment in reversed(playlist.segments):
        if segment.parts and playlist.target and from_end > 3 * playlist.target + 0.1:
            found.append(f"segment {segment.number} lists parts more than three target durations from the end")
            break
        from_end += segment.length
    if len([kind for kind, _ in playlist.hints if kind == "PART"]) > 1:
        found.append("there is more than one preload hint for a part")
    return found


def check_reload(old, new):
    """The rules between a playlist and the same playlist later."""
    found = []
    for attribute in ("target", "part_target", "kind", "version"):
        if getattr(old, attribute) != getattr(new, attribute):
            found.append(f"{attribute} changes from {getattr(old, attribute)} to {getattr(new, attribute)}")
    if new.first < old.first:
        found.append(f"the media sequence goes back from {old.first} to {new.first}")
    if old.ended and (not new.ended or [vars(one) for one in old.segments] != [vars(one) for one in new.segments]):
        found.append("an ended playlist changes")
    if old.kind == "EVENT" and new.first != old.first:
        found.append("an EVENT playlist loses segments")
    if new.first > old.first and not new.ended and not new.skipped:
        length = sum(segment.length for segment in new.segments)
        if length < 3 * new.target:
            found.append(f"segments were removed though {length:.3f} s are less than three target durations")
    later = {segment.number: segment for segment in new.segments}
    newest = new.segments[-1].number if new.segments else new.first - 1
    removed = 0
    for segment in old.segments:
        if segment.number < new.first:
            removed += segment.discontinuity
            continue
        if segment.number not in later:
            if segment.number <= newest or new.skipped == 0:
                found.append(f"segment {segment.number} has gone from the middle or the end")
            continue
        found += check_same(segment, later[segment.number])
    if new.discontinuities != old.discontinuities + removed:
        found.append(
            f"{removed} discontinuities were removed, but the sequence went from {old.discontinuities}"
            f" to {new.discontinuities}"
        )
    if new.edge < old.edge:
        found.append(f"the playlist goes back from part {old.edge} to {new.edge}")
    return found


def check_same(old, new):
    """A segment must stay what it was; only parts and the end of a growing one are added."""
    name = f"segment {old.number}"
    found = []
    if old.duration is not None:
        if new.uri != old.uri or new.duration != old.duration:
            found.append(f"{name} changes from {old.uri} {old.duration} to {new.uri} {new.duration}")
    if new.map_uri and old.map_uri and new.map_uri != old.map_uri:
        found.append(f"{name} changes its EXT-X-MAP")
    if new.discontinuity != old.discontinuity:
        found.append(f"{name} changes its EXT-X-DISCONTINUITY")
    if old.gap != new.gap:
        found.append(f"{name} changes its EXT-X-GAP")
    if old.date and new.date and old.date != new.date:
        found.append(f"{name} changes its date")
    if new.parts and [vars(part) for part in new.parts[:len(old.parts)]] != [vars(part) for part in old.parts]:
        found.append(f"{name} changes its parts")
    return found


def check_delta(full, delta):
    """A delta update must be the full playlist with its first segments left out."""
    if not delta.skipped:
        return []
    found = []
    if full.first != delta.first:
        return [f"the delta update begins at {delta.first}, the playlist at {full.first}"]
    boundary = float(full.control.get("CAN-SKIP-UNTIL", 0))
    kept = sum(segment.length for segment in full.segments[delta.skipped:])
    if kept < boundary - DURATION_TOLERANCE:
        found.append(f"the delta update keeps {kept:.3f} s, less than the boundary of {boundary} s")
    expected, found_segments = full.segments[delta.skipped:], delta.segments
    for one, other in zip(expected, found_segments):
        if one.number != other.number:
            found.append(f"the delta update has segment {other.number} in the place of {one.number}")
            break
        found += [f"delta update: {sentence}" for sentence in check_same(one, other)]
    return found


def check_part_media(part, name, data, timescale, is_video):
    """A part must hold what the playlist says of it."""
    try:
        chunks = fmp4.parse_chunks(data)
    except fmp4.Malformed as error:
        return [f"{name}: {error}"]
    found = []
    length = sum(chunk.duration for chunk in chunks) / timescale
    # A part whose last sample lasted unforeseeably long is announced with the target.
    if length < part.duration - DURATION_TOLERANCE or length > part.duration + 0.35:
        found.append(f"{name} lasts {length:.4f} s, the playlist says {part.duration:.4f} s")
    if part.independent and not chunks[0].begins_with_keyframe:
        found.append(f"{name} is called independent, but does not begin with a keyframe")
    if is_video and not part.independent and chunks[0].begins_with_keyframe:
        found.append(f"{name} begins with a keyframe, but is not called independent")
    for before, chunk in zip(chunks, chunks[1:]):
        if chunk.decode_time != before.decode_time + before.duration:
            found.append(f"{name} has a hole between its chunks")
    return found


def check_playlist_headers(headers, is_blocked, target):
    """Content type and caching of a playlist."""
    found = []
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in PLAYLIST_TYPES:
        found.append(f"a playlist has the content type {kind!r}")
    age = max_age(headers)
    if not is_blocked and age is not None and age > target / 2:
        found.append(f"a playlist that changes may be cached for {age} s")
    return found


def check_media_headers(headers, byte_count):
    """Content type, length and caching of init segments, segments and parts."""
    found = []
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in MEDIA_TYPES:
        found.append(f"media has the content type {kind!r}")
    if headers.get("content-length") != str(byte_count):
        found.append(f"media of {byte_count} bytes has the content length {headers.get('content-length')}")
    age = max_age(headers)
    if age is None or age < 60:
        found.append(f"media that never changes may be cached for {age} s only")
    return found


def check_error_headers(headers):
    """A refusal must not be cached."""
    control = headers.get("cache-control", "")
    if "no-store" in control or "no-cache" in control or max_age(headers) == 0:
        return []
    return [f"an error may be cached: {control!r}"]


def max_age(headers):
    """The seconds that an answer may be kept, 0 where it must not be, None where nothing is said."""
    control = headers.get("cache-control", "").lower()
    if "no-store" in control or "no-cache" in control:
        return 0
    for item in control.split(","):
        name, _, value = item.strip().partition("=")
        if name == "max-age" and value.isdigit():
            return int(value)
    return None
