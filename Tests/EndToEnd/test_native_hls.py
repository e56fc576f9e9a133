"""A browser without Media Source Extensions plays HLS by itself: live, rewound, ended, replayed, on one page.

Chromium has a player of its own for HLS, so that it stands for Safari once it is told to forget the other way. Unlike
Safari's, it cannot seek in what goes on: there a rewind begins at the session's start. Tests/Web/native.test.js has
what Safari does.
"""
from waiting import wait_until
from watch_page import WatchPage

NO_MEDIA_SOURCE = """
for (const name of ["MediaSource", "ManagedMediaSource", "WebKitMediaSource"]) delete window[name];
localStorage.setItem("martlet.delay", "smooth");
"""


def test_one_page_goes_from_offline_to_live_to_rewound_to_replay(stack, publish, chromium):
    _, url, watch, _ = stack.new_stream("native-hls")
    window = chromium.another(first_script=NO_MEDIA_SOURCE)
    page = WatchPage(window, watch)
    page.wait_for_mode("offline")

    def source():
        return window.evaluate("document.querySelector('video').src.split('/').at(-1)")

    publisher = publish(url)
    state = page.wait_for_mode("live")
    assert state["engine"] == "Native HLS" and state["seekable"]["start"] == 0
    page.wait_for_moving_picture()
    assert source() == "index.m3u8" and page.sound_level() > 0.02
    wait_until("enough was recorded to rewind", lambda: page.snapshot()["currentTime"] > 16, timeout=40)

    window.evaluate("window.martlet.player.seek(0)")
    page.wait_for_mode("dvr")
    rewound = page.wait_for_moving_picture()
    assert source() == "index.m3u8?dvr=1"
    assert rewound["time"] < 8 and page.snapshot()["currentTime"] < 8, rewound

    window.evaluate("window.martlet.player.goLive()")
    live = page.wait_for_mode("live")
    assert live["currentTime"] > 16, live
    page.wait_for_moving_picture()
    assert source() == "index.m3u8"

    assert publisher.stop() == 0
    page.wait_for_mode("replay", "ended")
    window.evaluate("window.martlet.player.seek(9)")
    window.evaluate("window.martlet.player.play()")
    replayed = page.wait_for_moving_picture()
    assert 8 < replayed["time"] < 16, replayed
    assert source() == "index.m3u8?dvr=1" and page.snapshot()["seekable"]["start"] == 0
    assert page.was_never_reloaded()
