"""The main job in real browsers: live within a second, rewound, ended, replayed, on one page."""
from publisher import counters, assert_no_frame_missing_or_twice, wait_live
from waiting import wait_until
from watch_page import WatchPage


def new_stream(stack, name):
    return stack.new_stream(name)


def test_one_page_goes_from_offline_to_live_to_rewound_to_replay(stack, publish, browser, artifacts):
    stream, publish_url, watch_url, _ = new_stream(stack, f"one-page-{browser.name}")
    page = WatchPage(browser, watch_url)
    page.wait_for_mode("offline")
    browser.screenshot(artifacts / f"offline-{browser.name}.png")

    publisher = publish(publish_url)
    page.wait_for_mode("live")
    page.wait_for_moving_picture()
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

    assert publisher.stop() == 0
    page.wait_for_mode("replay", "ended")
    browser.evaluate("window.martlet.player.seek(2)")
    browser.evaluate("window.martlet.player.play()")
    replayed = page.wait_for_moving_picture()
    assert 1 < replayed["time"] < 12, replayed
    assert page.sound_level() > 0.02
    assert page.was_never_reloaded()
    browser.screenshot(artifacts / f"replay-{browser.name}.png")

    recording = wait_until(
        "the recording is complete",
        lambda: next(
            (item for item in stack.recordings(stream["id"]) if item["state"] == "complete"), None
        ),
    )
    numbers = counters(
        stack.absolute(recording["fileUrl"]), {"Authorization": "Bearer " + stack.access["api_token"]}
    )
    assert_no_frame_missing_or_twice(numbers, at_least=300)


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
