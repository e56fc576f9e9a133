"""What a browser publishes plays by LL-HLS in Chromium, and sound that it cannot play comes in another coding."""
import pytest

from browsers import Chromium
from media_bus import MediaBus
from publisher import wait_live
from test_sound import publish_by_whip
from test_webrtc_pages import wait_for_engine
from waiting import wait_until
from watch_page import WatchPage


@pytest.fixture
def chromium():
    browser = Chromium()
    yield browser
    browser.close()


def watch_by_webrtc(chromium, url, codec="video/H264"):
    """Opens a watch page that shows moving pictures by WebRTC, as they were coded."""
    page = WatchPage(chromium.another(), url)
    wait_for_engine(page, "WebRTC", timeout=40)
    before = page.snapshot()["inbound"]["framesDecoded"]
    page.wait_for_moving_picture(frames=30)
    after = wait_for_engine(page, "WebRTC")
    assert codec in after["codecs"] and after["inbound"]["framesDecoded"] > before + 20, after
    assert after["whyNotDirect"] is None and after["errors"] == []
    return page


def watch_by_hls(chromium, url, codec="video/H264"):
    """Opens a watch page, and wants it smooth as a viewer does."""
    page = watch_by_webrtc(chromium, url, codec)
    page.browser.evaluate("document.querySelector('m-delay button').click()")
    page.browser.evaluate("document.querySelectorAll('m-delay [role=menuitemradio]')[1].click()")
    wait_for_engine(page, "Low latency", timeout=30)
    return page


@pytest.mark.parametrize("codec", ["video/VP9", "video/AV1"])
def test_what_a_browser_publishes_plays_by_webrtc_and_by_hls_with_its_own_sound(stack, chromium, publish_by_browser, codec):
    slug = "hls-" + codec[6:].lower()
    stream, _, watch = publish_by_whip(stack, lambda: publish_by_browser(chromium.another()), slug, codec)
    page = watch_by_hls(chromium, watch, codec)
    page.wait_for_moving_picture()
    # Chromium plays Opus: nobody has AAC made.
    bus = MediaBus(stack)
    assert bus.samples(stream["id"], "aac") == []
    bus.close()


def test_vp8_plays_by_webrtc_and_is_called_by_its_name_in_hls(stack, chromium, publish_by_browser):
    _, hls, watch = publish_by_whip(
        stack, lambda: publish_by_browser(chromium.another()), "hls-vp8", "video/VP8"
    )
    assert 'CODECS="vp08.' in stack.request(hls, authorised=False).text
    watch_by_webrtc(chromium, watch, "video/VP8")


@pytest.mark.parametrize("name,options", [
    ("g711", ("pcm_alaw", "-ar", "8000", "-ac", "1")), ("mp3", ("libmp3lame", "-ar", "44100", "-b:a", "96k"))])
def test_sound_that_webrtc_does_not_carry_is_heard_in_a_browser_by_webrtc_and_hls(stack, publish, chromium, name, options):
    _, url, watch, _ = stack.new_stream(f"heard-{name}")
    publish(url, audio_codec=("-c:a", *options))
    wait_live(stack, f"heard-{name}")
    by_webrtc = watch_by_webrtc(chromium, watch)
    wait_until("the tone is heard by WebRTC", lambda: abs(by_webrtc.tone() - 440) < 12)
    by_hls = watch_by_hls(chromium, watch)
    by_hls.wait_for_moving_picture()
    wait_until("the tone is heard by HLS", lambda: abs(by_hls.tone() - 440) < 12)
