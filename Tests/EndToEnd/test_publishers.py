"""Who may publish, from which programs, and what they are told."""
from publisher import Publisher, wait_live
from waiting import wait_until


def test_gstreamer_publishes(stack, publish_by_gstreamer):
    stream, url, _, hls = stack.new_stream("gstreamer")
    publisher = publish_by_gstreamer(url)
    wait_live(stack, "gstreamer")
    wait_until(
        "three seconds are recorded",
        lambda: any(item["duration"] > 3 for item in stack.recordings(stream["id"])),
    )
    assert stack.request(hls).status == 200
    publisher.stop()


def test_a_wrong_key_is_refused_in_words(stack):
    publisher = Publisher(stack.access["rtmp_url"] + "/main?k=wrong", frames=30)
    try:
        assert publisher.wait(20) != 0
        assert not any(
            item["state"] == "recording" for item in stack.recordings() if item["sessionId"] is None
        )
    finally:
        publisher.close()


def test_a_revoked_key_ends_the_publisher(stack, publish):
    stream = stack.api("/streams", "POST", {"slug": "revoked", "title": "revoked"})
    key = stack.api(f"/streams/{stream['id']}/keys", "POST", {"name": "revoked"})
    url = stack.access["rtmp_url"] + "/" + key["streamKey"]
    publisher = publish(url)
    wait_live(stack, "revoked")
    stack.api(f"/streams/{stream['id']}/keys/{key['id']}", "DELETE")
    wait_until("the publisher is closed", lambda: not publisher.is_running(), timeout=5)
    again = publish(url, frames=30)
    assert again.wait(20) != 0


def test_a_second_publisher_is_told_that_the_key_is_busy(stack, publish):
    _, url, _, _ = stack.new_stream("busy")
    first = publish(url)
    wait_live(stack, "busy")
    second = publish(url, frames=60)
    assert second.wait(20) != 0
    assert first.is_running()


def test_secure_rtmp_is_spoken_too(stack, publish):
    _, url, _, _ = stack.new_stream("secure")
    secure = url.replace("rtmp://", "rtmps://").replace(":" + url.split(":")[2].split("/")[0], ":" + str(
        int(url.split(":")[2].split("/")[0]) + 1))
    publisher = publish(secure)
    wait_live(stack, "secure")
    assert publisher.stop() == 0
