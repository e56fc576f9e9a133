"""What a master playlist promises beside what its renditions hold, and the renditions beside one another.

Every rule returns the violations as sentences (draft-pantos-hls-rfc8216bis, sections 4.4.6 and 6.2.4).
"""
import statistics

import hls_playlist

# Publishers' clocks tick in milliseconds: 60 frames a second come 16 or 17 ms apart.
RATE_TOLERANCE = 0.07
# Below this a rate is another one than was promised, not a publisher that leaves out a picture now and then.
LEAST_RATE = 0.7
DATE_TOLERANCE = 0.05
# So many new parts must have been waited for before their pace says something of the server.
LEAST_WAITS = 8


def renditions_of(master, report):
    """Every media playlist that the master names, once."""
    found = {}
    if not master.variants:
        report.add("master", ["there is no EXT-X-STREAM-INF"])
    for attributes, uri in master.variants:
        for name in ("BANDWIDTH", "CODECS"):
            if not attributes.get(name):
                report.add("master", [f"a variant has no {name}"])
        if int(attributes.get("AVERAGE-BANDWIDTH", 0)) > int(attributes.get("BANDWIDTH", 0)):
            report.add("master", ["AVERAGE-BANDWIDTH is more than BANDWIDTH"])
        codecs = attributes.get("CODECS", "")
        is_audio = not any(codec.startswith(("avc", "hvc", "hev", "av01", "vp")) for codec in codecs.split(","))
        if not is_audio:
            for name in ("RESOLUTION", "FRAME-RATE"):
                if name not in attributes:
                    report.add("master", [f"a variant with pictures has no {name}"])
        found[uri] = hls_playlist.Rendition(uri, codecs, is_audio)
        group = attributes.get("AUDIO")
        if group and group not in master.groups:
            report.add("master", [f"the group {group} is not defined"])
        for member in master.groups.get(group, []):
            if "URI" in member:
                found[member["URI"]] = hls_playlist.Rendition(member["URI"], codecs, True)
    return list(found.values())


def covers(promised, codec):
    """Whether CODECS promises a codec; an H.264 level covers the lower ones of the session's other pictures."""
    if promised.startswith(codec):
        return True
    is_h264 = all(len(one) == 11 and one.startswith("avc1.") for one in (promised, codec))
    return is_h264 and int(promised[9:], 16) > int(codec[9:], 16)


def check_groups(groups):
    """The members of each group of sounds have names of their own, and one at most is the default (4.4.6.1.1)."""
    found = []
    for group, members in groups.items():
        names = [member.get("NAME", "") for member in members]
        if "" in names:
            found.append(f"a member of the group {group} has no NAME")
        if len(set(names)) < len(names):
            found.append(f"two members of the group {group} have one NAME")
        if sum(member.get("DEFAULT") == "YES" for member in members) > 1:
            found.append(f"the group {group} has more than one default")
    return found


def peak_bit_rate(segments, target):
    """The largest bit rate of any run of segments that lasts between half a target duration and one and a half.

    `segments` are (number, bits, seconds) in order (4.4.6.2, BANDWIDTH).
    """
    peak = 0.0
    for first in range(len(segments)):
        bits = length = 0.0
        for number, more, seconds in segments[first:]:
            if number != segments[first][0] and number != last + 1:
                break
            last, bits, length = number, bits + more, length + seconds
            if length > 1.5 * target:
                break
            if length >= 0.5 * target:
                peak = max(peak, bits / length)
    return peak


def check_bandwidth(bandwidth, peaks):
    """BANDWIDTH is no less than the sum of the peaks of what is played together (4.4.6.2)."""
    total = sum(peaks)
    if total > bandwidth * 1.001 + 8:
        return [f"BANDWIDTH is {bandwidth}, but segments have {total:.0f} bits a second"]
    return []


def check_resolution(resolution, sizes):
    """RESOLUTION is the size of pictures that are there (4.4.6.2)."""
    if resolution and sizes and resolution not in sizes:
        return [f"RESOLUTION is {resolution}, the pictures are {' and '.join(sorted(sizes))}"]
    return []


def check_frame_rate(promised, rates):
    """FRAME-RATE is the largest of the pictures that are there (4.4.6.2)."""
    if not promised or not rates:
        return []
    rate = max(rates)
    if rate > promised * (1 + RATE_TOLERANCE) or rate < promised * LEAST_RATE:
        return [f"FRAME-RATE is {promised}, the pictures come at {rate:.3f}"]
    return []


def check_pace(waits, part_target):
    """A new part is there within a part target, as the median of many says: one may be late on a busy machine."""
    if len(waits) < LEAST_WAITS or statistics.median(waits) <= 1.5 * part_target:
        return []
    return [f"new parts come {statistics.median(waits):.3f} s apart, the part target is {part_target}"]


def compare_targets(targets):
    """All renditions have one target duration (6.2.4)."""
    return [f"the target durations differ: {targets}"] if len(set(targets.values())) > 1 else []


def compare_clocks(clocks):
    """All renditions map media time to the same date: `clocks` has offsets by segment, by rendition."""
    return [
        f"the dates of segment {number} differ: {offsets}"
        for number, offsets in by_number(clocks) if max(offsets.values()) - min(offsets.values()) > DATE_TOLERANCE
    ]


def compare_breaks(breaks):
    """A segment has one discontinuity sequence number in all renditions (6.2.4)."""
    return [
        f"the discontinuity sequence numbers of segment {number} differ: {counts}"
        for number, counts in by_number(breaks) if len(set(counts.values())) > 1
    ]


def by_number(tables):
    """What renditions say of each segment: {rendition: {number: value}} turned inside out."""
    found = {}
    for name, table in tables.items():
        for number, value in table.items():
            found.setdefault(number, {})[name] = value
    return sorted(found.items())


def breaks_of(playlist):
    """The discontinuity sequence number of each segment, gaps too; nothing where the first are left out."""
    if playlist.skipped:
        return {}
    count, found = playlist.discontinuities, {}
    for segment in playlist.segments:
        count += segment.discontinuity
        found[segment.number] = count
    return found


def check_promises(text, url, followers):
    """What the master playlist says now beside what its renditions, by the URI of their playlist, have had so far."""
    try:
        master = hls_playlist.parse_master(text, url)
    except (hls_playlist.Malformed, KeyError, ValueError) as error:
        return [f"malformed: {error}"]
    found = check_groups(master.groups)
    for attributes, uri in master.variants:
        pictures = followers.get(uri)
        members = [followers.get(member.get("URI")) for member in master.groups.get(attributes.get("AUDIO"), [])]
        sounds = [member.peak() for member in members if member]
        if pictures is None:
            continue
        found += check_bandwidth(int(attributes.get("BANDWIDTH", 0)), [pictures.peak(), max(sounds, default=0)])
        found += check_resolution(attributes.get("RESOLUTION"), pictures.sizes())
        found += check_frame_rate(float(attributes.get("FRAME-RATE", 0)), pictures.rates())
    return found
