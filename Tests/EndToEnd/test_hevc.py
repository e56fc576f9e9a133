"""HEVC by WebRTC: published by WHIP it is a live stream, a recording, and goes to WHEP viewers that take it."""
import io

import av

from recordings import finished, saved
from publisher import probe
from test_whip import key_of, whip_url
from waiting import wait_until
from whep import AiortcViewer, offer, post, wait_watchable
from whip_hevc import Depacketiser, Disguise, publish_hevc


class HEVCViewer(AiortcViewer):
    """aiortc that puts HEVC together as it comes, in place of decoding it."""

    def __init__(self, stack, target):
        self.depacketiser = Depacketiser()
        disguise = Disguise()
        super().__init__(stack, target, rewrite_offer=disguise.offer, rewrite_answer=disguise.answer)
        [video] = [one for one in self._connection.getReceivers() if one.track.kind == "video"]

        async def take(packet, arrival_time_ms):
            if packet.payload:
                self.depacketiser.take(packet.payload)

        video._handle_rtp_packet = take

    def decoded(self):
        """How many of the pictures can be decoded, and how large they are."""
        with av.open(io.BytesIO(bytes(self.depacketiser.stream)), format="hevc") as source:
            pictures = [(frame.width, frame.height) for frame in source.decode(video=0)]
        return len(pictures), set(pictures)


def test_hevc_goes_from_whip_to_hls_to_whep_and_to_the_recording(stack):
    stream, url, _, hls = stack.new_stream("whip-hevc")
    publisher = publish_hevc(whip_url(stack, stream), key_of(url))
    try:
        assert publisher.status == 201
        wait_until("aiortc is connected", lambda: publisher.state == "connected")
        target = wait_watchable(stack, "whip-hevc", stream["id"])
        refused = post(stack, target, offer())  # of H.264 alone
        assert refused.status == 406 and "hvc1" in refused.json()["detail"], refused.text
        viewer = HEVCViewer(stack, target)
        try:
            wait_until("pictures come", lambda: viewer.decoded()[0] >= 60, interval=0.5)
            assert viewer.decoded()[1] == {(640, 480)}
        finally:
            viewer.close()
        wait_until("the playlist names it", lambda: "hvc1." in stack.request(hls, authorised=False).text)
        pictures = probe(hls, "-select_streams", "v", "-show_streams")["streams"]
        assert {(one["codec_name"], one["width"], one["height"]) for one in pictures} == {("hevc", 640, 480)}
        assert stack.request(publisher.session, "DELETE").status == 200
    finally:
        publisher.close()
    kept = probe(saved(stack, finished(stack, stream)), "-show_streams", "-count_frames")["streams"]
    found = {one["codec_type"]: one for one in kept}
    assert found["video"]["codec_name"] == "hevc" and found["audio"]["codec_name"] == "opus"
    assert int(found["video"]["nb_read_frames"]) >= 60
