"""Whoever watches goes on watching while services die, without a reload."""
import pytest

from browsers import Chromium
from publisher import wait_live
from waiting import wait_until
from watch_page import WatchPage


@pytest.fixture
def chromium():
    browser = Chromium()
    yield browser
    browser.close()


@pytest.mark.parametrize("service", ["origin", "gateway", "redis-bus", "auth"])
def test_the_picture_goes_on_after_a_service_was_killed(stack, publish, chromium, service):
    slug = f"watched-{service}"
    _, url, watch, _ = stack.new_stream(slug)
    publish(url)
    wait_live(stack, slug)
    page = WatchPage(chromium, watch)
    page.wait_for_mode("live")
    page.wait_for_moving_picture()
    before = page.snapshot()["currentTime"]
    stack.kill(service)
    stack.wait_until_ready()
    wait_until(
        "the page has played on",
        lambda: (state := page.snapshot()) and state["mode"] == "live" and state["currentTime"] > before + 5,
        timeout=30,
    )
    page.wait_for_moving_picture()
    assert page.was_never_reloaded()
