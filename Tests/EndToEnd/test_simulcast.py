"""Simulcast: each layer that a browser sends is a variant of one live stream and of its recording."""
import json
import subprocess

import pytest

import hls_playlist
import llhls
from test_whip import finished, key_of, streams_of, wait_state, whip_url
from waiting import wait_until
from watch_page import WatchPage

RIDS = ["l", "m", "h"]
SIZES = ["320x180", "640x360", "1280x720"]


def master_of(stack, url):
    answer = stack.request(url, authorised=False)
    return hls_playlist.parse_master(answer.text, url) if answer.status == 200 else None


def variants_of(stack, url):
    """The media playlists that a master names with the publisher's own sound, by the size of their pictures."""
    master = master_of(stack, url)
    variants = master.variants if master else []
    return {attributes["RESOLUTION"]: (attributes, uri) for attributes, uri in variants if attributes.get("AUDIO") == "sound"}


def wait_variants(stack, hls):
    return wait_until("a variant for each layer", lambda: (found := variants_of(stack, hls)).keys() == set(SIZES) and found, timeout=40)


def media_of(stack, url):
    answer = stack.request(url, authorised=False)
    assert answer.status == 200, answer.text
    return hls_playlist.parse_media(answer.text, url)


def shown(url, seconds):
    """The sizes of the pictures that decode, with the number of each."""
    command = [
        "ffprobe", "-v", "error", "-select_streams", "v", "-read_intervals", f"%+{seconds}",
        "-show_entries", "frame=width,height", "-of", "json", url,
    ]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    counts = {}
    for frame in json.loads(done.stdout)["frames"]:
        size = f"{frame['width']}x{frame['height']}"
        counts[size] = counts.get(size, 0) + 1
    return counts


def begins(stack, url):
    """When each segment begins, by its number."""
    return {one.number: one.date for one in media_of(stack, url).segments if one.date}


def spreads(stack, urls):
    """How far apart the variants begin each segment that all of them have, in seconds."""
    all_begins = [begins(stack, url) for url in urls]
    common = set.intersection(*(set(one) for one in all_begins))
    return {
        number: (max(one[number] for one in all_begins) - min(one[number] for one in all_begins)).total_seconds()
        for number in common
    }


def test_every_layer_is_a_variant_live_and_afterwards(stack, publish_by_browser):
    stream, url, _, hls = stack.new_stream("simulcast")
    publisher = publish_by_browser()
    answer = publisher.publish(whip_url(stack, stream), key_of(url), rids=RIDS)
    assert answer["status"] == 201, answer
    publisher.wait_connected()
    wait_state(stack, "simulcast", "live")
    variants = wait_variants(stack, hls)
    for attributes, _ in variants.values():
        assert attributes["CODECS"].startswith("avc1.") and attributes["CODECS"].endswith(",opus")
    widths = [int(variants[size][0]["BANDWIDTH"]) for size in SIZES]
    assert widths == sorted(widths)
    urls = [uri for _, uri in variants.values()]

    wait_until("five segments of each", lambda: len(spreads(stack, urls)) >= 5, timeout=40)
    report = llhls.check(hls, seconds=6, slack=llhls.BROWSER_SLACK)
    assert not report.violations, str(report)
    apart = spreads(stack, urls)
    # Until all layers had come, each began where it could; from then on they are asked for keyframes together.
    settled = sorted(apart)[2:]
    assert settled and max(apart[number] for number in settled) <= 0.15, apart
    for size, (_, uri) in variants.items():
        counts = shown(uri, 2)
        assert counts.get(size, 0) >= 15, f"{size}: {counts}"

    assert publisher.delete() == 200
    recording = finished(stack, stream)
    stored = variants_of(stack, hls)
    assert set(stored) == set(SIZES)
    for size, (_, uri) in stored.items():
        assert media_of(stack, uri).ended
        assert shown(uri, 60).get(size, 0) >= 60
    kinds = streams_of(stack, recording)
    assert (kinds["video"]["width"], kinds["video"]["height"]) == (1280, 720)


def test_a_smaller_layer_stands_in_for_the_best(stack, publish_by_browser):
    stream, url, _, hls = stack.new_stream("simulcast-drop")
    publisher = publish_by_browser()
    assert publisher.publish(whip_url(stack, stream), key_of(url), rids=RIDS)["status"] == 201
    publisher.wait_connected()
    wait_variants(stack, hls)
    track = f"/api/v1/streams/{stream['id']}/publisher"

    def carried():
        layers = stack.request(track).json()["layers"]
        return [(one["rid"], one.get("rendition")) for one in layers]

    assert carried() == [("h", None), ("m", "r-m"), ("l", "r-l")]
    publisher.switch("h", False)
    wait_until("the next layer is the picture", lambda: carried() == [("m", None), ("m", "r-m"), ("l", "r-l")])
    publisher.switch("m", False)
    wait_until("the last layer is everywhere", lambda: [rid for rid, _ in carried()] == ["l", "l", "l"])
    publisher.switch("m", True)
    publisher.switch("h", True)
    wait_until("all are back", lambda: [rid for rid, _ in carried()] == ["h", "m", "l"], timeout=40)
    report = llhls.check(hls, seconds=3, slack=llhls.BROWSER_SLACK)
    assert not report.violations, str(report)
    assert publisher.delete() == 200


@pytest.mark.parametrize("returns_with", [RIDS, None], ids=["layers", "one-picture"])
def test_a_publisher_returns_to_its_session(stack, publish_by_browser, returns_with):
    slug = "simulcast-back" if returns_with else "simulcast-single"
    stream, url, _, hls = stack.new_stream(slug)
    publisher = publish_by_browser()
    assert publisher.publish(whip_url(stack, stream), key_of(url), rids=RIDS)["status"] == 201
    publisher.wait_connected()
    before = wait_variants(stack, hls)
    session = stack.watch_state(slug)["session"]["id"]
    publisher.hang_up()
    wait_state(stack, slug, "away", timeout=5)
    answer = publisher.publish(whip_url(stack, stream), key_of(url), rids=returns_with)
    assert answer["status"] == 201, answer
    publisher.wait_connected()
    wait_state(stack, slug, "live")
    assert stack.watch_state(slug)["session"]["id"] == session
    if returns_with:
        after = wait_variants(stack, hls)
        assert {uri for _, uri in after.values()} == {uri for _, uri in before.values()}
        newest = {uri: max(begins(stack, uri)) for _, uri in after.values()}
        wait_until("all variants go on", lambda: all(max(begins(stack, uri)) > one + 1 for uri, one in newest.items()))
    else:
        wait_until("one variant is left", lambda: len(variants_of(stack, hls)) == 1)
    assert publisher.delete() == 200


def test_one_chooses_the_quality_by_keyboard_or_hand(stack, chromium, publish_by_browser):
    stream, url, watch_url, hls = stack.new_stream("simulcast-quality")
    publisher = publish_by_browser(chromium.another())
    assert publisher.publish(whip_url(stack, stream), key_of(url), rids=RIDS)["status"] == 201
    publisher.wait_connected()
    wait_variants(stack, hls)
    page = WatchPage(chromium, watch_url)
    page.wait_for_mode("live")
    page.wait_for_moving_picture()
    wait_until("the sizes are known", lambda: [one["height"] for one in page.snapshot()["pictures"]] == [720, 360, 180])
    wait_until("the best one plays", lambda: page.snapshot()["width"] == 1280)
    assert page.snapshot()["wantedPicture"] is None
    chromium.evaluate("document.querySelector('m-quality button').click()")
    names = "[...document.querySelectorAll('m-quality [role=menuitemradio]')].map((one) => one.textContent)"
    assert chromium.evaluate(names) == ["Auto720p", "720p", "360p", "180p"]
    # From what is chosen, which has the focus, to the last one.
    for key in ("End", "Enter"):
        chromium.press(key)
    wait_until("the smallest picture plays", lambda: page.snapshot()["width"] == 320)
    page.wait_for_moving_picture()
    assert page.snapshot()["engine"] == "WebRTC", "the choice is no reason for more delay"
    # What is rewound comes in the chosen size, too.
    chromium.evaluate("window.martlet.player.seek(1)")
    page.wait_for_mode("dvr")
    page.wait_for_moving_picture()
    assert page.snapshot()["width"] == 320
    chromium.evaluate("document.querySelector('m-quality button').click()")
    chromium.evaluate("document.querySelectorAll('m-quality [role=menuitemradio]')[0].click()")
    wait_until("the best picture plays again", lambda: page.snapshot()["width"] == 1280, timeout=30)
    page.wait_for_moving_picture()
    assert page.was_never_reloaded()
    assert publisher.delete() == 200
