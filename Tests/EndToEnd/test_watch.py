"""The main job in real browsers: live within a second, rewound, ended, replayed, on one page."""
import pathlib
import subprocess
import sys

import pytest

from browsers import Chromium, Firefox
from publisher import assert_no_frame_missing_or_twice, wait_live
from recordings import finished, recorded_counters
from waiting import pause, wait_until
from watch_page import WatchPage


# What brings the live edge: Firefox has no H.264 for WebRTC here.
every_way_of_being_live = pytest.mark.parametrize(
    "browser, engine", [(Chromium, "WebRTC"), (Chromium, "Low latency"), (Firefox, "Low latency")], indirect=["browser"],
    ids=["chromium-webrtc", "chromium-smooth", "firefox-smooth"],
)


def new_stream(stack, name):
    return stack.new_stream(name)


def open_page(browser, watch_url, engine):
    """Opens the page before anything is live, and wishes for what brings the live edge."""
    page = WatchPage(browser, watch_url)
    page.wait_for_mode("offline")
    if engine == "Low latency":
        browser.evaluate("window.martlet.player.setLowDelay(false)")
    return page


@every_way_of_being_live
def test_one_page_goes_from_offline_to_live_to_rewound_to_replay(stack, publish, browser, engine, artifacts):
    stream, publish_url, watch_url, _ = new_stream(stack, f"one-page-{browser.name}-{engine[0].lower()}")
    page = open_page(browser, watch_url, engine)
    browser.screenshot(artifacts / f"offline-{browser.name}.png")

    publisher = publish(publish_url)
    page.wait_for_mode("live")
    page.wait_for_moving_picture()
    assert page.snapshot()["engine"] == engine
    assert page.sound_level() > 0.02
    live = wait_until(
        "the delay settles",
        lambda: (state := page.snapshot()) and 0 < (state["delay"] or 0) < 2 and state,
    )
    assert live["currentTime"] > 0
    browser.screenshot(artifacts / f"live-{browser.name}.png")

    wait_until("enough was recorded to rewind", lambda: (state := page.snapshot()) and state["currentTime"] > 12, timeout=40)
    browser.evaluate("window.martlet.player.seek(1)")
    page.wait_for_mode("dvr")
    rewound = page.wait_for_moving_picture()
    assert rewound["time"] < 10, rewound
    browser.screenshot(artifacts / f"rewound-{browser.name}.png")

    browser.evaluate("window.martlet.player.goLive()")
    page.wait_for_mode("live")
    page.wait_for_moving_picture()
    wait_until(f"{engine} plays again", lambda: page.snapshot()["engine"] == engine)

    assert publisher.stop() == 0
    page.wait_for_mode("replay", "ended")
    browser.evaluate("window.martlet.player.seek(2)")
    browser.evaluate("window.martlet.player.play()")
    replayed = page.wait_for_moving_picture()
    assert 1 < replayed["time"] < 12, replayed
    assert page.sound_level() > 0.02
    assert page.was_never_reloaded()
    browser.screenshot(artifacts / f"replay-{browser.name}.png")

    numbers = recorded_counters(stack, finished(stack, stream))
    assert_no_frame_missing_or_twice(numbers, at_least=300)


@every_way_of_being_live
def test_a_publisher_who_returns_with_another_size_is_seen_without_a_reload(stack, publish, browser, engine):
    slug = f"returns-{browser.name}-{engine[0].lower()}"
    _, publish_url, watch_url, _ = new_stream(stack, slug)
    page = open_page(browser, watch_url, engine)
    first = publish(publish_url, size="640x360")
    page.wait_for_mode("live")
    page.wait_for_moving_picture()
    before = wait_until("its way of being live", lambda: (state := page.snapshot()) and state["engine"] == engine and state)
    assert before["width"] == 640
    first.cut()
    wait_until("the page says that the publisher is away", lambda: page.snapshot()["isAway"])
    wait_until("it says so in words", lambda: "Waiting for it to come back" in browser.evaluate(
        "document.querySelector('m-stage').textContent"))

    publish(publish_url, size="480x270")
    wait_until("the new size is shown", lambda: (shown := page.picture()) and (shown["width"], shown["height"]) == (480, 270))
    page.wait_for_moving_picture()
    after = page.wait_for_mode("live")
    assert not after["isAway"] and after["sessionId"] == before["sessionId"] and after["errors"] == []
    assert page.was_never_reloaded()


def test_a_late_viewer_sees_the_live_picture_and_a_later_one_the_replay(stack, publish, browser):
    _, publish_url, watch_url, _ = new_stream(stack, f"late-{browser.name}")
    publisher = publish(publish_url)
    wait_live(stack, f"late-{browser.name}")
    page = WatchPage(browser, watch_url)
    page.wait_for_mode("live")
    page.wait_for_moving_picture()
    publisher.stop()
    page.wait_for_mode("replay", "ended")

    later = WatchPage(browser, watch_url)
    later.wait_for_mode("replay")
    browser.evaluate("window.martlet.player.play()")
    later.wait_for_moving_picture()


def test_a_phone_shows_the_same_link(stack, publish, browser, artifacts):
    _, publish_url, watch_url, _ = new_stream(stack, f"phone-{browser.name}")
    publish(publish_url)
    wait_live(stack, f"phone-{browser.name}")
    page = WatchPage(browser, watch_url, width=390, height=844)
    page.wait_for_mode("live")
    page.wait_for_moving_picture()
    width = browser.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, "the page scrolls sideways on a phone"
    browser.screenshot(artifacts / f"phone-{browser.name}.png")


def test_a_wrong_share_link_and_an_unknown_stream_say_so(stack, browser):
    page = WatchPage(browser, f"{stack.site}/watch/main#s=wrong")
    wait_until("the page says that it may not be seen", lambda: (state := page.snapshot()) and state["mode"] in ("denied", "notFound"))


def test_a_hidden_tab_neither_stalls_nor_falls_behind(stack, publish, browser):
    slug = f"hidden-{browser.name}"
    _, publish_url, watch_url, _ = new_stream(stack, slug)
    publish(publish_url)
    wait_live(stack, slug)
    page = WatchPage(browser, watch_url)
    page.wait_for_mode("live")
    page.wait_for_moving_picture()
    before = wait_until("the delay settles", lambda: (state := page.snapshot()) and 0 < (state["delay"] or 0) < 2 and state)
    browser.hide()
    assert browser.evaluate("document.visibilityState") == "hidden"
    pause(8)
    browser.show()
    back = page.wait_for_mode("live", timeout=2)
    after = wait_until(
        "the picture is as late as before",
        lambda: (state := page.snapshot()) and 0 < (state["delay"] or 0) < 2 and state["readyState"] >= 3 and state,
        timeout=3,
    )
    page.wait_for_moving_picture()
    assert after["stalls"] == before["stalls"], (before, after)
    assert not after["paused"] and page.snapshot()["mode"] == "live", back
    assert page.was_never_reloaded()


def test_one_chooses_among_several_sound_tracks(stack, browser):
    slug = f"sounds-{browser.name}"
    _, publish_url, watch_url, _ = new_stream(stack, slug)
    publisher = subprocess.Popen(
        [sys.executable, str(pathlib.Path(__file__).parent / "av_publisher.py"), publish_url, "libx264", "aac", "900", "2"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        wait_live(stack, slug)
        page = WatchPage(browser, watch_url)
        page.wait_for_mode("live")
        page.wait_for_moving_picture()
        tracks = [sound["track"] for sound in page.snapshot()["sounds"]]
        assert len(tracks) == 3 and page.snapshot()["soundTrack"] == tracks[0]
        browser.evaluate("document.querySelector('m-sounds button').click()")
        browser.evaluate("document.querySelectorAll('m-sounds [role=menuitemradio]')[2].click()")
        wait_until("the third track plays", lambda: page.snapshot()["soundTrack"] == tracks[2])
        page.wait_for_moving_picture()
        if browser.name == "chromium":
            wait_until("its tone is heard", lambda: abs(page.tone() - 1320) < 20)
        wait_until("enough was recorded to rewind", lambda: page.snapshot()["currentTime"] > 8, timeout=30)
        browser.evaluate("window.martlet.player.seek(1)")
        page.wait_for_mode("dvr")
        assert page.snapshot()["soundTrack"] == tracks[2]
        browser.evaluate(f"window.martlet.player.choose('audio', {tracks[1]})")
        page.wait_for_moving_picture()
        assert page.snapshot()["soundTrack"] == tracks[1]
        if browser.name == "chromium":
            wait_until("the second tone is heard", lambda: abs(page.tone() - 880) < 20)
    finally:
        publisher.kill()
        publisher.wait()


def test_who_waits_sees_the_beginning_of_a_stream_and_no_error(stack, publish, browser):
    slug = f"waiting-{browser.name}"
    _, publish_url, watch_url, _ = new_stream(stack, slug)
    page = WatchPage(browser, watch_url)
    page.wait_for_mode("offline")
    browser.evaluate("""(() => {
      window.__seen = [];
      const look = () => {
        const words = document.querySelector('m-stage').textContent;
        if (words && window.__seen.at(-1) !== words) window.__seen.push(words);
        requestAnimationFrame(look);
      };
      look();
    })()""")
    publish(publish_url)
    page.wait_for_moving_picture()
    # That a browser without a codec for WebRTC sees a little later is told, and no error.
    seen = [words for words in browser.evaluate("window.__seen") if "this browser has no" not in words]
    assert len(seen) == 1 and "is not live" in seen[0] or seen[1:] == ["Waiting for media…"], seen
    assert page.snapshot()["errors"] == []
