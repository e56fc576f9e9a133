"""Viewers by WHEP: a page of Chromium, aiortc, and plain requests."""
import asyncio
import json
import re
import threading
import urllib.error
import urllib.request

from browsers import Chromium
from publisher import wait_live
from stack import Response
from waiting import wait_until
from whip import RESTART

WATCH = """async ([url, headers, sound]) => {
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  const media = new MediaStream();
  const video = window.video = document.body.appendChild(document.createElement("video"));
  video.muted = video.autoplay = video.playsInline = true;
  pc.ontrack = (event) => { media.addTrack(event.track); video.srcObject = media; };
  pc.addTransceiver("video", {direction: "recvonly"});
  if (sound) pc.addTransceiver("audio", {direction: "recvonly"});
  await pc.setLocalDescription();
  const start = performance.now();
  window.firstFrame = null;
  window.pictures = {longestGap: 0, last: null};
  const noted = (now, {presentationTime}) => {
    window.firstFrame ??= now - start;
    if (pictures.last !== null) pictures.longestGap = Math.max(pictures.longestGap, presentationTime - pictures.last);
    pictures.last = presentationTime;
    video.requestVideoFrameCallback(noted);
  };
  video.requestVideoFrameCallback(noted);
  const answer = await fetch(url, {
    method: "POST", headers: {"Content-Type": "application/sdp", ...headers}, body: pc.localDescription.sdp,
  });
  const body = await answer.text();
  if (answer.status !== 201) return {status: answer.status, body, retry: answer.headers.get("Retry-After")};
  window.session = new URL(answer.headers.get("Location"), url).href;
  window.answer = body;
  await pc.setRemoteDescription({type: "answer", sdp: body});
  return {status: 201, location: window.session, etag: answer.headers.get("ETag")};
}"""

STATISTICS = """async () => {
  const found = {state: pc.connectionState, firstFrame, width: video.videoWidth, longestGap: pictures.longestGap};
  const all = await pc.getStats();
  for (const one of all.values()) {
    if (one.type === "inbound-rtp") found[one.kind] = one;
    if (one.type !== "transport") continue;
    found.dtls = one.dtlsState;
    const pair = all.get(one.selectedCandidatePairId);
    if (pair) found.way = [all.get(pair.localCandidateId).protocol, all.get(pair.remoteCandidateId).address];
  }
  return found;
}"""


class ViewerPage:
    """A page of the site that watches by WHEP; the sound is asked for unless told otherwise."""

    def __init__(self, stack, browser=None, rewrite_answer=None):
        self.stack = stack
        self.browser = browser or Chromium(rewrite_answer=rewrite_answer)
        self.browser.open(stack.site + "/healthz")
        self._authorization = {"Authorization": "Bearer " + stack.access["api_token"]}

    def watch(self, target=None, headers=None, sound=True):
        url = self.stack.absolute(target or self.stack.access["whep_url"])
        if headers is None:
            headers = self._authorization
        return self.browser.evaluate(f"({WATCH})({json.dumps([url, headers, sound])})")

    def statistics(self):
        return self.browser.evaluate(f"({STATISTICS})()")

    def restart(self):
        """Restarts ICE by a PATCH."""
        return self.browser.call(RESTART, self._authorization)

    def measure_anew(self):
        """Forgets the gaps between pictures so far."""
        self.browser.evaluate("(pictures.longestGap = 0, pictures.last = null)")

    def decoded(self):
        return self.statistics().get("video", {}).get("framesDecoded", 0)

    def close(self):
        self.browser.close()


class AiortcViewer:
    """aiortc watching from a thread of its own, until it is closed; counts what it decodes.

    `rewrite_offer` and `rewrite_answer` change what is said between it and us."""

    def __init__(self, stack, target, rewrite_offer=str, rewrite_answer=str):
        self.stack, self.target = stack, target
        self._rewrite_offer, self._rewrite_answer = rewrite_offer, rewrite_answer
        self.pictures = self.sounds = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection = asyncio.run_coroutine_threadsafe(self._watch(), self._loop).result(30)

    async def _watch(self):
        # Loaded here, so that tests without it do not wait for it.
        from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        for kind in ("video", "audio"):
            connection.addTransceiver(kind, direction="recvonly")
        self._tasks = []
        connection.on("track", lambda track: self._tasks.append(asyncio.ensure_future(self._count(track))))
        await connection.setLocalDescription(await connection.createOffer())
        offer = self._rewrite_offer(connection.localDescription.sdp)
        answer = await asyncio.to_thread(post, self.stack, self.target, offer)
        assert answer.status == 201, answer.text
        self.session = answer.headers["Location"]
        await connection.setRemoteDescription(RTCSessionDescription(self._rewrite_answer(answer.text), "answer"))
        return connection

    async def _count(self, track):
        while True:
            await track.recv()
            if track.kind == "video":
                self.pictures += 1
            else:
                self.sounds += 1

    def close(self):
        async def end():
            for task in self._tasks:
                task.cancel()
            await self._connection.close()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(15)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(15)
        self._loop.close()


def offer(video="a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=42e01f", fragment="abcd"):
    """An offer by hand, of one section of pictures."""
    number = re.search(r"rtpmap:(\d+)", video)[1]
    return "\r\n".join([
        "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0",
        f"m=video 9 UDP/TLS/RTP/SAVPF {number}", "c=IN IP4 0.0.0.0", "a=mid:0", "a=recvonly", "a=rtcp-mux",
        f"a=ice-ufrag:{fragment}", "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=setup:actpass",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), video, ""])


def send(stack, target, method, body=None, headers=None):
    """One request with a body that is no JSON."""
    headers = {"Authorization": "Bearer " + stack.access["api_token"], **(headers or {})}
    request = urllib.request.Request(
        stack.absolute(target), data=body.encode() if body is not None else None, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return Response(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Response(error.code, error.headers, error.read())


def wait_watchable(stack, slug="main", stream_id=None):
    """Waits until the stream is live and its media are on the bus; returns where it is watched."""
    wait_live(stack, slug)
    target = f"/whep/{stream_id or stack.stream_id}"
    wait_until("it can be watched", lambda: is_watchable(stack, target))
    return target


def is_watchable(stack, target):
    """Whether somebody publishes there: an offer is answered, or refused for what it offers."""
    answer = post(stack, target, offer())
    if answer.status == 201:
        send(stack, answer.headers["Location"], "DELETE")
    return answer.status in (201, 406)


def post(stack, target, body, **headers):
    return send(stack, target, "POST", body, {"Content-Type": "application/sdp"} | headers)
