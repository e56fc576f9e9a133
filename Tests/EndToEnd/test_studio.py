"""The studio in a real browser: what it publishes, from which device, by which way, and what it tells of its viewers."""
import pytest

from publisher import wait_live
from test_webrtc_pages import wait_for_engine
from udp_relay import UDPRelay
from waiting import pause, wait_until
from watch_page import WatchPage
from whep import offer, post

VP8 = "a=rtpmap:96 VP8/90000"


def studio_state(browser):
    return browser.evaluate("window.martlet?.studio?.snapshot() ?? null")


def wait_for_studio(browser, *states, timeout=20):
    return wait_until(
        f"the studio is {' or '.join(states)}",
        lambda: (state := studio_state(browser)) and state["state"] in states and state,
        timeout,
    )


def go_live(browser, stack, slug):
    """Opens the studio for a stream with the fake camera, and goes live."""
    open_studio(browser, stack, slug)
    browser.click(".go")
    return wait_for_studio(browser, "live")


def open_studio(browser, stack, slug):
    browser.log_in(stack)
    browser.go(f"{stack.site}/studio?stream={slug}")
    wait_until("the camera is open", lambda: (state := studio_state(browser)) and state["hasVideo"] and state["hasAudio"])


def text_of(browser, selector):
    return browser.evaluate(f"document.querySelector({selector!r}).textContent")


@pytest.fixture
def ways(stack):
    """Two ways to ingest; an answer leads to the first one that is not cut."""
    relays = [UDPRelay(stack.port("ingest-webrtc"), seed=seed) for seed in (1, 2)]
    yield relays
    for relay in relays:
        relay.close()


def test_the_studio_publishes_what_the_link_shows(stack, studio, artifacts):
    stream, _, watch, _ = stack.new_stream("studio")
    go_live(studio, stack, "studio")
    wait_live(stack, "studio")
    age = wait_until(
        "the browser tells when it captured", lambda: stack.api(f"/streams/{stream['id']}/publisher").get("captureAge"))
    assert 0 < age < 1
    viewer = studio.another()
    page = WatchPage(viewer, watch)
    state = wait_for_engine(page, "WebRTC")
    page.wait_for_moving_picture()
    assert page.sound_level() > 0.01
    assert state["codecs"] and studio_state(studio)["outbound"]["codec"] == "video/H264"
    studio.screenshot(artifacts / "studio-live.png")

    said = studio.answer_dialogs(accept=False)
    studio.click("a.brand")
    assert said == ["You are live. Leaving ends the stream."]
    assert studio_state(studio)["state"] == "live"

    viewer.evaluate("window.martlet.player.setLowDelay(false)")
    wait_for_engine(page, "Low latency")
    page.wait_for_moving_picture()

    studio.click(".go")
    wait_for_studio(studio, "idle")
    page.wait_for_mode("replay", "ended")
    assert page.was_never_reloaded()


def test_a_way_that_is_cut_is_replaced_by_another_without_a_new_session(stack, studio, ways):
    stream, _, watch, _ = stack.new_stream("studio-ways")
    old, new = ways
    publisher = studio.another(lambda sdp: next(way for way in ways if not way.up.is_cut).rewrite(sdp))
    go_live(publisher, stack, "studio-ways")
    wait_live(stack, "studio-ways")
    page = WatchPage(studio.another(), watch)
    wait_for_engine(page, "WebRTC")
    page.wait_for_moving_picture()
    session = page.snapshot()["sessionId"]
    assert old.counts[0].passed > 100 and new.counts[0].passed == 0

    old.set(is_cut=True)
    mended = wait_until("ICE has found the other way", lambda: (
        (now := studio_state(publisher)) and now["restarts"] >= 1 and now["state"] == "live" and now))
    assert mended["problem"] is None
    before = new.counts[0].passed
    wait_until("the media go by the other way", lambda: new.counts[0].passed > before + 100)
    page.wait_for_moving_picture()
    after = page.wait_for_mode("live")
    assert after["sessionId"] == session and stack.watch_state("studio-ways")["session"]["id"] == session
    assert page.was_never_reloaded()
    publisher.click(".go")
    wait_for_studio(publisher, "idle")


def test_another_camera_a_screen_and_another_rate_go_on_in_the_same_stream(stack, studio, artifacts):
    _, _, watch, _ = stack.new_stream("studio-sources")
    open_studio(studio, stack, "studio-sources")
    levels = []
    wait_until(
        "the level meter moves with the beeps",
        lambda: levels.append(studio_state(studio)["level"]) or max(levels) > -30 and min(levels) < max(levels) - 15)
    bar = studio.evaluate("""(async () => {
      const seen = new Set();
      for (let look = 0; look < 120; look += 1) {
        seen.add(document.querySelector('m-level .bar').style.transform);
        await new Promise(requestAnimationFrame);
      }
      return [...seen];
    })()""")
    assert len(bar) > 3, "and so does its bar"

    studio.click(".go")
    wait_for_studio(studio, "live")
    wait_live(stack, "studio-sources")
    page = WatchPage(studio.another(), watch)
    wait_for_engine(page, "WebRTC")
    page.wait_for_moving_picture()
    session = page.snapshot()["sessionId"]

    device = "window.martlet.studio.capture.video.getSettings().deviceId"
    first = studio.evaluate(device)
    cameras = studio.evaluate("[...document.querySelectorAll('#studio-camera option')].map((one) => one.value)")
    assert len(cameras) == 3 and len(set(cameras)) == 3
    other = next(camera for camera in reversed(cameras) if camera != first)
    studio.select("#studio-camera", other)
    wait_until("the other camera is open", lambda: studio.evaluate(device) == other)
    page.wait_for_moving_picture()

    microphones = studio.evaluate("[...document.querySelectorAll('#studio-microphone option')].map((one) => one.value)")
    studio.select("#studio-microphone", microphones[-1])
    wait_until(
        "the other microphone is open",
        lambda: studio.evaluate("window.martlet.studio.capture.audio.getSettings().deviceId") == microphones[-1])
    wait_until("it is heard", lambda: page.sound_level() > 0.01)

    studio.click("button:has-text('Share a screen')")
    wait_until("the screen is sent", lambda: studio_state(studio)["source"] == "screen")
    surface = studio.evaluate("window.martlet.studio.capture.video.getSettings()")
    wait_until("the viewer sees it, as large as it is", lambda: page.picture()["width"] == surface["width"], timeout=30)
    studio.screenshot(artifacts / "studio-screen.png")
    studio.click("button:has-text('Use the camera')")
    wait_until("the camera again", lambda: studio_state(studio)["source"] == "camera")
    assert studio.evaluate(device) == other, "the one that was chosen"
    page.wait_for_moving_picture()

    def most():
        return studio.evaluate("""window.martlet.studio.publisher.peer.getSenders()
            .find((one) => one.track.kind === 'video').getParameters().encodings.map((one) => one.maxBitrate)""")

    assert most() == [2_500_000]
    studio.fill("#studio-bitrate", "0.2")
    wait_until("the rate is the new one", lambda: most() == [200_000])
    wait_until("and no more than that is sent", lambda: 0 < studio_state(studio)["bitrate"] < 400_000)
    page.wait_for_moving_picture()
    studio.select("#studio-quality", "360p30")
    wait_until("a quality brings its own rate", lambda: most() == [800_000])
    wait_until("and its size", lambda: studio_state(studio)["outbound"]["width"] == 640)
    after = page.wait_for_mode("live")
    assert after["sessionId"] == session and page.was_never_reloaded()


def test_several_sizes_are_sent_by_the_studios_own_switch(stack, studio):
    stream, _, watch, _ = stack.new_stream("studio-sizes")
    open_studio(studio, stack, "studio-sizes")
    studio.click("label[for=studio-simulcast]")
    studio.click(".go")
    wait_for_studio(studio, "live")
    assert studio.evaluate("document.querySelector('#studio-simulcast').disabled")
    assert studio.evaluate("window.martlet.studio.publisher.layersTaken") == ["l", "m", "h"]
    wait_live(stack, "studio-sizes")
    page = WatchPage(studio.another(), watch)
    wait_for_engine(page, "WebRTC")
    page.wait_for_moving_picture()
    wait_until("three sizes are sent", lambda: studio_state(studio)["outbound"]["layers"] == 3, timeout=30)
    wait_until("the words tell it", lambda: "3 of 3 sizes" in text_of(studio, ".facts"))

    def layers():
        [viewer] = stack.api(f"/streams/{stream['id']}/viewers")["items"]
        return [layer["height"] for layer in viewer["layers"]]

    wait_until("viewers may have each of them", lambda: layers() == [720, 360, 180], timeout=30)
    studio.click(".go")
    wait_for_studio(studio, "idle")


def test_the_studio_tells_who_watches_and_why_somebody_does_not(stack, studio, artifacts):
    stream, _, watch, _ = stack.new_stream("studio-viewers")
    open_studio(studio, stack, "studio-viewers")
    wait_until("nobody watches yet", lambda: "Nobody watches" in text_of(studio, "m-viewers"))
    studio.click(".go")
    wait_for_studio(studio, "live")
    wait_live(stack, "studio-viewers")
    page = WatchPage(studio.another(), watch)
    wait_for_engine(page, "WebRTC")
    assert post(stack, f"/whep/{stream['id']}", offer(VP8)).status == 406

    def rows():
        return studio.evaluate("""[...document.querySelectorAll('m-viewers tbody tr')]
            .map((row) => [...row.cells].map((cell) => cell.textContent))""")

    wait_until("one plays, with its figures", lambda: (one := rows()[0]) and one[5] == "It plays." and one[1].endswith(" ms")
               and one[2].endswith(" %") and one[4].endswith("bit/s"))
    assert text_of(studio, "m-viewers [role=status]") == "1 watches by WebRTC."
    [_, refused] = wait_until("and one was refused, with the reason", lambda: len(found := rows()) == 2 and found)
    assert refused[0].endswith(" ago") and "avc1, which the offer does not take" in refused[5], refused
    studio.screenshot(artifacts / "studio-viewers.png")
    studio.resize(390, 844)
    assert studio.evaluate("document.documentElement.scrollWidth") <= 390
    studio.screenshot(artifacts / "studio-viewers-phone.png")
    studio.resize(1280, 800)

    asked = """performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/viewers')).length"""
    studio.hide()
    before = studio.evaluate(asked)
    pause(4)
    assert studio.evaluate(asked) == before, "a page that nobody sees does not ask"
    studio.show()
    wait_until("it asks again", lambda: studio.evaluate(asked) > before)
    page.browser.go(stack.site)
    wait_until("the viewer has left", lambda: "Nobody watches" in text_of(studio, "m-viewers"))
    studio.click(".go")
    wait_for_studio(studio, "idle")
