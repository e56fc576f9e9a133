"""The watch page used as a person does: mouse, keyboard and finger, and nothing that a person cannot reach."""
import pytest

from hand import Hand
from publisher import wait_live
from waiting import pause, wait_until
from watch_page import WatchPage

TIMELINE = "m-timeline .rail-area"
BADGE = "m-live-badge button"
# What the page says that its keys do, and what is pressed here for each.
KEYS = {
    "Space or K": " k", "J or ←": ["j", "ArrowLeft"], "→": ["ArrowRight"], "L": "l", "0 … 9": "0123456789", "M": "m",
    "↑ ↓": ["ArrowUp", "ArrowDown"], "F": "f", "P": "p", "< >": "<>", "I": "i", "?": "?",
}
FULL_SCREEN = "document.fullscreenElement !== null"
RECORDED_SECONDS = 18


@pytest.fixture
def open_live(stack, publish):
    """Opens the page of a stream that has been live for a while."""

    def start(browser, slug, **options):
        _, url, watch, _ = stack.new_stream(slug)
        publish(url)
        wait_live(stack, slug)
        page = WatchPage(browser, watch, **options)
        page.wait_for_mode("live")
        page.wait_for_moving_picture()
        wait_until("there is something to rewind", lambda: page.snapshot()["seekable"]["end"] > RECORDED_SECONDS, timeout=40)
        return page

    return start


def is_shown(browser, selector):
    return browser.evaluate(f"!document.querySelector({selector!r}).hidden")


def wait_for(page, description, condition):
    return wait_until(description, lambda: (state := page.snapshot()) and condition(state) and state)


def test_the_mouse_rewinds_goes_live_and_sets_the_sound(open_live, browser, artifacts):
    page = open_live(browser, f"mouse-{browser.name}")
    hand = Hand(browser)

    def held():
        assert page.snapshot()["mode"] == "live", "nothing moves before the knob is let go"
        assert browser.evaluate("document.querySelector('.hover-time').textContent").startswith("−0:")
        browser.screenshot(artifacts / f"drag-{browser.name}.png")

    hand.drag(TIMELINE, 0.98, 0.1, held)
    page.wait_for_mode("dvr")
    state = wait_for(page, "the knob's place is shown", lambda state: state["readyState"] >= 3)
    assert 0 < state["currentTime"] < 0.1 * state["seekable"]["end"] + 4, state
    page.wait_for_moving_picture()
    assert browser.evaluate(f"document.querySelector({BADGE!r}).textContent").startswith("GO LIVE−0:")
    hand.click(BADGE)
    page.wait_for_mode("live")
    page.wait_for_moving_picture()

    hand.click("m-volume button")
    wait_for(page, "it is muted", lambda state: state["muted"])
    assert page.sound_level() >= 0
    hand.click("m-volume button")
    wait_for(page, "it is heard", lambda state: not state["muted"] and state["volume"] == 1)
    hand.reach("m-volume button")  # the slider comes with the mouse
    wait_until("the slider is there", lambda: hand.box("m-volume input")["width"] > 60)
    hand.drag("m-volume input", 0.95, 0.5)
    wait_for(page, "it is half as loud", lambda state: 0.3 < state["volume"] < 0.7)

    hand.click("m-player video")
    wait_for(page, "a click on the picture pauses", lambda state: state["paused"])
    hand.click("m-player video")
    wait_for(page, "another one plays", lambda state: not state["paused"])
    hand.click("m-controls button[aria-label^='Full screen']")
    wait_until("it fills the screen", lambda: browser.evaluate(FULL_SCREEN))
    hand.click("m-controls button[aria-label^='Leave full']")
    wait_until("and does not any more", lambda: not browser.evaluate(FULL_SCREEN))
    hand.click("m-controls button[aria-label^='Details']")
    assert is_shown(browser, "m-details")
    wait_until("the details tell of it", lambda: "640 × 360" in browser.evaluate("document.querySelector('m-details').textContent"))
    hand.click("m-details button[aria-label='Close details']")
    assert not is_shown(browser, "m-details")
    assert page.was_never_reloaded()


def test_every_key_does_what_the_list_says(open_live, browser, artifacts):
    page = open_live(browser, f"keys-{browser.name}")
    press = browser.press
    Hand(browser).reach("m-player video")

    press("?")
    assert is_shown(browser, "m-shortcuts")
    assert browser.evaluate("[...document.querySelectorAll('m-shortcuts dt')].map((one) => one.textContent)") == list(KEYS)
    browser.screenshot(artifacts / f"keys-{browser.name}.png")
    press("i")
    assert is_shown(browser, "m-details")
    press("Escape")
    assert not is_shown(browser, "m-shortcuts") and not is_shown(browser, "m-details")

    for key in KEYS["Space or K"]:
        press(key)
        wait_for(page, f"{key!r} pauses", lambda state: state["paused"])
        press(key)
        wait_for(page, f"{key!r} plays", lambda state: not state["paused"])
    press("5")
    page.wait_for_mode("dvr")
    press("k")
    for key in KEYS["0 … 9"]:
        press(key)
        wait_for(page, f"{key!r} goes to that tenth",
                 lambda state: abs(state["currentTime"] - state["seekable"]["end"] * int(key) / 10) < 1)
    for before, key, after in (("9", "j", -10), ("9", "ArrowLeft", -5), ("2", "ArrowRight", 5)):
        press(before)
        wait_for(page, "it is there", lambda state: state["readyState"] >= 2)
        start = page.snapshot()["currentTime"]
        press(key)
        wait_for(page, f"{key} moves {after} s", lambda state: abs(state["currentTime"] - start - after) < 0.5)
    press("1")
    press("k")
    page.wait_for_moving_picture()
    press(">")
    wait_for(page, "> is faster", lambda state: state["rate"] == 1.25)
    press("<")
    press("<")
    wait_for(page, "< is slower", lambda state: state["rate"] == 0.5)
    press("l")
    page.wait_for_mode("live")
    page.wait_for_moving_picture()

    press("m")
    wait_for(page, "M mutes", lambda state: state["muted"])
    press("m")
    wait_for(page, "M unmutes", lambda state: not state["muted"])
    press("ArrowDown")
    wait_for(page, "↓ is quieter", lambda state: abs(state["volume"] - 0.95) < 0.001)
    press("ArrowUp")
    wait_for(page, "↑ is louder", lambda state: state["volume"] == 1)
    press("f")
    wait_until("F fills the screen", lambda: browser.evaluate(FULL_SCREEN))
    press("f")
    wait_until("F leaves it", lambda: not browser.evaluate(FULL_SCREEN))
    # Firefox gives pages no picture in picture.
    if browser.evaluate("document.pictureInPictureEnabled ?? false"):
        press("p")
        wait_until("P takes the picture out", lambda: browser.evaluate("document.pictureInPictureElement !== null"))
        press("p")
        wait_until("P brings it back", lambda: browser.evaluate("document.pictureInPictureElement === null"))
    assert page.was_never_reloaded()


def test_a_finger_does_the_same_on_a_phone(open_live, chromium, artifacts):
    page = open_live(chromium, "finger", width=390, height=844, is_phone=True)
    hand = Hand(chromium)
    picture = "m-player video"

    def idle():
        return chromium.evaluate("document.querySelector('m-player').classList.contains('idle')")

    wait_until("the controls go away by themselves", idle)
    hand.tap(picture, 0.5, 0.3)
    wait_until("a tap brings them", lambda: not idle())
    assert not page.snapshot()["paused"], "the first tap only shows the controls"
    chromium.screenshot(artifacts / "finger.png")
    hand.swipe(TIMELINE, 0.97, 0.3)
    page.wait_for_mode("dvr")
    state = wait_for(page, "the place is shown", lambda state: state["readyState"] >= 3)
    assert state["currentTime"] < 0.3 * state["seekable"]["end"] + 4
    page.wait_for_moving_picture()

    before = page.snapshot()["currentTime"]
    hand.tap_twice(picture, 0.85, 0.3)
    wait_for(page, "two taps on the right go forward", lambda state: state["currentTime"] > before + 9)
    before = page.snapshot()["currentTime"]
    hand.tap_twice(picture, 0.15, 0.3)
    wait_for(page, "two taps on the left go back", lambda state: state["currentTime"] < before - 7)

    pause(0.5)  # a third tap at once would be of the gesture before
    if not idle():
        hand.tap(picture, 0.5, 0.3)
        pause(0.5)
    hand.tap(picture, 0.5, 0.3)
    wait_until("the controls are there", lambda: not idle())
    hand.tap(BADGE)
    page.wait_for_mode("live")
    page.wait_for_moving_picture()
    assert chromium.evaluate("document.documentElement.scrollWidth") <= 390
    for button in chromium.evaluate("""[...document.querySelectorAll('m-controls button, m-timeline .rail-area')]
        .map((one) => [one.getAttribute('aria-label'), one.getBoundingClientRect().height, one.checkVisibility()])"""):
        assert not button[2] or button[1] >= 40, f"too small for a finger: {button}"
    assert page.was_never_reloaded()
