"""The pages by WebRTC in real browsers: watching, falling back, many streams at once."""
import signal
import time

import pytest

from answers import lead_nowhere
from browsers import Chromium, Firefox
from publisher import wait_live
from waiting import wait_until
from watch_page import WatchPage


def wait_for_engine(page, name, timeout=20):
    return wait_until(
        f"{name} plays",
        lambda: (state := page.snapshot()) and state["engine"] == name and state["readyState"] >= 3 and state,
        timeout,
    )


def test_the_link_plays_by_webrtc_and_rewinds_and_ends_without_a_reload(stack, publish, chromium, artifacts):
    stream, url, watch, _ = stack.new_stream("webrtc-watch")
    publisher = publish(url)
    wait_live(stack, "webrtc-watch")
    page = WatchPage(chromium, watch)
    wait_for_engine(page, "WebRTC")
    page.wait_for_moving_picture()
    live = wait_until("the delay is known", lambda: (state := page.snapshot()) and 0 < (state["delay"] or 0) < 1.5 and state)
    assert live["inbound"]["framesDecoded"] > 0 and live["mode"] == "live"
    chromium.press("i")
    chromium.screenshot(artifacts / "webrtc-details.png")
    chromium.press("i")

    wait_until("enough was recorded to rewind", lambda: page.snapshot()["currentTime"] > 12, timeout=40)
    chromium.evaluate("window.martlet.player.seek(2)")
    page.wait_for_mode("dvr")
    rewound = page.wait_for_moving_picture()
    assert rewound["time"] < 11 and page.snapshot()["engine"] == "Low latency"

    chromium.evaluate("window.martlet.player.goLive()")
    wait_for_engine(page, "WebRTC")
    page.wait_for_moving_picture()

    assert publisher.stop() == 0
    page.wait_for_mode("replay", "ended")
    chromium.evaluate("window.martlet.player.seek(2)")
    chromium.evaluate("window.martlet.player.play()")
    page.wait_for_moving_picture()
    assert page.was_never_reloaded()


def test_who_leaves_the_watch_page_watches_no_more(stack, publish, chromium):
    stream, url, _, _ = stack.new_stream("webrtc-left")
    publish(url)
    wait_live(stack, "webrtc-left")
    chromium.log_in(stack)
    chromium.go(stack.site + "/watch/webrtc-left")
    chromium.evaluate("(window.__marker = 'never reloaded')")
    viewers = f"/streams/{stream['id']}/viewers"
    wait_until("the page watches", lambda: stack.api(viewers)["count"] == 1)
    wait_until("by WebRTC", lambda: chromium.evaluate("window.martlet?.player?.snapshot().engine ?? null") == "WebRTC")
    chromium.click("a.brand")
    wait_until("the home page is shown", lambda: chromium.evaluate("document.querySelector('.section-title') !== null"))
    wait_until("nobody watches", lambda: stack.api(viewers)["count"] == 0, timeout=5)
    assert chromium.evaluate("window.__marker") == "never reloaded"


def test_a_dead_sfu_is_replaced_by_hls_within_three_seconds_and_comes_back(stack, publish, chromium):
    _, url, watch, _ = stack.new_stream("webrtc-fallback")
    publish(url)
    wait_live(stack, "webrtc-fallback")
    page = WatchPage(chromium, watch)
    wait_for_engine(page, "WebRTC")
    page.wait_for_moving_picture()

    began = time.monotonic()
    stack.kill("sfu", signal.SIGKILL)
    state = wait_for_engine(page, "Low latency", timeout=3)
    page.wait_for_moving_picture(frames=3, timeout=3)
    assert time.monotonic() - began < 4, "the picture moves again too late"
    assert state["whyNotDirect"]["words"]
    assert "A little more delay" in chromium.evaluate("document.querySelector('m-stage').textContent")

    wait_for_engine(page, "WebRTC", timeout=40)
    page.wait_for_moving_picture()
    assert page.was_never_reloaded()


def test_where_no_media_comes_through_from_the_start_hls_plays_within_three_seconds(stack, publish, chromium):
    _, url, watch, _ = stack.new_stream("webrtc-blocked")
    publish(url)
    wait_live(stack, "webrtc-blocked")
    answers = []

    def blocked(sdp):
        answers.append(lead_nowhere(sdp))
        return answers[-1]

    viewer = chromium.another(blocked)
    began = time.monotonic()
    page = WatchPage(viewer, watch)
    wait_for_engine(page, "Low latency", timeout=5)
    page.wait_for_moving_picture(frames=3, timeout=3)
    state = page.snapshot()
    assert state["firstPictureMs"] < 3000, state
    print(f"first picture by HLS after {state['firstPictureMs']:.0f} ms of the page, {time.monotonic() - began:.1f} s in all")
    assert " 9 typ host" in answers[0] and state["mode"] == "live"
    assert state["whyNotDirect"]["code"] == "unreachable", state["whyNotDirect"]
    assert "the network does not let a direct connection through" in viewer.evaluate("document.querySelector('m-stage').textContent")
    assert page.was_never_reloaded()


OFFERS = """performance.getEntriesByType('resource').filter((one) => /\\/whep\\/(~[^/]+\\/)?[a-z2-7]+$/.test(one.name))
  .map((one) => (performance.timeOrigin + one.startTime) / 1000)"""


@pytest.mark.calm
def test_a_server_that_says_goodbye_is_asked_again_at_once(stack, publish, chromium):
    _, url, watch, _ = stack.new_stream("webrtc-bye")
    publish(url)
    wait_live(stack, "webrtc-bye")
    page = WatchPage(chromium, watch)
    wait_for_engine(page, "WebRTC")
    page.wait_for_moving_picture()
    began = time.time()
    stack.kill("sfu", signal.SIGTERM)
    again = wait_until("it asks again", lambda: [moment for moment in chromium.evaluate(OFFERS) if moment > began])
    print(f"asked again {(again[0] - began) * 1000:.0f} ms after the sfu was told to stop")
    assert again[0] - began < 1
    page.wait_for_moving_picture(frames=3, timeout=4)
    wait_for_engine(page, "WebRTC", timeout=40)
    assert page.was_never_reloaded()


def test_who_wants_it_smooth_gets_that_and_is_remembered(stack, publish, chromium):
    _, url, watch, _ = stack.new_stream("webrtc-smooth")
    publish(url)
    wait_live(stack, "webrtc-smooth")
    page = WatchPage(chromium, watch)
    wait_for_engine(page, "WebRTC")
    chromium.evaluate("document.querySelector('m-delay button').click()")
    chromium.evaluate("document.querySelectorAll('m-delay [role=menuitemradio]')[1].click()")
    wait_for_engine(page, "Low latency")
    page.wait_for_moving_picture()
    assert page.was_never_reloaded()
    chromium.go(stack.site + "/healthz")
    chromium.go(watch)  # another visit, in which nothing else is tried
    wait_for_engine(page, "Low latency")
    page.wait_for_moving_picture()
    assert chromium.evaluate(OFFERS) == []
    chromium.evaluate("document.querySelector('m-delay button').click()")
    chromium.evaluate("document.querySelectorAll('m-delay [role=menuitemradio]')[0].click()")
    wait_for_engine(page, "WebRTC")


def test_firefox_without_h264_for_webrtc_plays_hls_and_says_why(stack, publish):
    _, url, watch, _ = stack.new_stream("webrtc-firefox")
    publish(url)
    wait_live(stack, "webrtc-firefox")
    browser = Firefox()
    try:
        page = WatchPage(browser, watch)
        state = wait_for_engine(page, "Low latency")
        page.wait_for_moving_picture()
        assert state["whyNotDirect"]["code"] == "codec_mismatch", state["whyNotDirect"]
        words = browser.evaluate("document.querySelector('m-stage').textContent")
        assert "no H.264 for direct connections" in words, words
    finally:
        browser.close()


def test_the_multi_view_shows_what_goes_live_and_lets_one_be_heard(stack, publish, chromium, artifacts):
    _, first_url, _, _ = stack.new_stream("wall-one")
    _, second_url, _, _ = stack.new_stream("wall-two")
    publish(first_url)
    wait_live(stack, "wall-one")
    chromium.log_in(stack)
    chromium.go(stack.site + "/multiview")

    def tiles():
        return {tile["slug"]: tile for tile in chromium.evaluate("window.martlet?.wall?.snapshot() ?? []")}

    wait_until("the first stream plays", lambda: (tile := tiles().get("wall-one")) and tile["frames"] > 10)
    publish(second_url)
    wait_until("the second one comes by itself", lambda: (tile := tiles().get("wall-two")) and tile["frames"] > 10)
    wait_until("both come by WebRTC, muted", lambda: all(
        tiles()[slug]["muted"] and tiles()[slug]["engine"] == "WebRTC" for slug in ("wall-one", "wall-two")))
    places = [tile["slug"] for tile in chromium.evaluate("window.martlet.wall.snapshot()")]
    chromium.press(str(places.index("wall-two") + 1))
    wait_until("the second is heard", lambda: not tiles()["wall-two"]["muted"] and tiles()["wall-one"]["muted"])
    chromium.click("m-tile:has-text('wall-one') .hear")
    wait_until("now the first", lambda: not tiles()["wall-one"]["muted"] and tiles()["wall-two"]["muted"])
    chromium.screenshot(artifacts / "multi-view.png")


def test_the_multi_view_has_a_picture_of_every_stream_where_connections_to_the_server_are_few(stack, publish, chromium):
    # By HTTP/1.1, as without TLS, a browser opens six connections to a server; each tile reads an endless answer.
    slugs = [f"few-{number}" for number in range(8)]
    for slug in slugs:
        _, url, _, _ = stack.new_stream(slug)
        publish(url, size="192x108", rate=10, gop=20)
    for slug in slugs:
        wait_live(stack, slug)
    chromium.log_in(stack)
    chromium.evaluate("localStorage.setItem('martlet.delay', 'smooth')")
    chromium.go(stack.site + "/multiview")

    def tiles():
        shown = chromium.evaluate("window.martlet?.wall?.snapshot() ?? []")
        return {tile["slug"]: tile for tile in shown if tile["slug"] in slugs}

    wait_until("every picture is there", lambda: (now := tiles()) and len(now) == 8 and all(
        tile["engine"] == "Low latency" and tile["frames"] > 0 for tile in now.values()), timeout=30)
    before = tiles()
    wait_until("every picture moves on", lambda: all(
        tile["frames"] >= before[slug]["frames"] + 50 for slug, tile in tiles().items()), timeout=30)
    assert all(tile["delay"] < 4 for tile in tiles().values()), tiles()
    # Other requests of the page find a connection too.
    assert chromium.evaluate("fetch('/api/v1/me', { signal: AbortSignal.timeout(2000) }).then((answer) => answer.status)") == 200


def test_who_sends_b_frames_is_told_which_box_to_untick(stack, publish, chromium, artifacts):
    _, url, _, _ = stack.new_stream("b-frames-advice")
    publish(url, b_frames=2)
    wait_live(stack, "b-frames-advice")
    chromium.log_in(stack)
    chromium.go(stack.site + "/watch/b-frames-advice")
    words = wait_until("the advice is there", lambda: chromium.evaluate("document.querySelector('m-advice')?.textContent ?? ''"))
    assert "B-frames" in words and "OBS" in words, words
    chromium.screenshot(artifacts / "b-frames-advice.png")
    viewer = chromium.another()
    share = stack.api(f"/streams/{stack.watch_state('b-frames-advice')['streamId']}/shares", "POST", {})
    page = WatchPage(viewer, f"{stack.site}/watch/b-frames-advice#s={share['secret']}")
    # A rendition without B-frames is made for who watches by WebRTC.
    wait_for_engine(page, "WebRTC", timeout=30)
    page.wait_for_moving_picture()
    assert viewer.evaluate("document.querySelector('m-advice').textContent") == ""
