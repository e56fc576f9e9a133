"""Publishers by WHIP: Chromium's own WebRTC, aiortc, and plain requests."""
import asyncio
import threading
import urllib.error
import urllib.parse
import urllib.request

from browsers import Chromium
from stack import REPOSITORY, Response
from waiting import wait_until

PUBLISH = """async ([url, key, codec, rids]) => {
  // Chromium sends three layers of a picture of this size, and fewer of a smaller one.
  const video = rids ? {width: 1280, height: 720, frameRate: 20} : {width: 640, height: 480, frameRate: 30};
  const media = await navigator.mediaDevices.getUserMedia({video, audio: true});
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  for (const track of media.getTracks()) {
    const sendEncodings = !rids || track.kind !== "video" ? [{}] :
      rids.map((rid, index) => ({rid, scaleResolutionDownBy: 2 ** (rids.length - 1 - index), maxBitrate: 150_000 * 4 ** index}));
    const transceiver = pc.addTransceiver(track, {direction: "sendonly", streams: [media], sendEncodings});
    if (track.kind === "video") window.pictures = transceiver.sender;
    if (track.kind === "video" && codec) {
      const all = RTCRtpSender.getCapabilities("video").codecs;
      transceiver.setCodecPreferences(all.filter((one) => one.mimeType === codec));
    }
  }
  await pc.setLocalDescription();
  const headers = {"Content-Type": "application/sdp", ...(key ? {Authorization: "Bearer " + key} : {})};
  const answer = await fetch(url, {method: "POST", headers, body: pc.localDescription.sdp});
  const body = await answer.text();
  if (answer.status !== 201) return {status: answer.status, body};
  window.session = new URL(answer.headers.get("Location"), url).href;
  window.answer = body;
  await pc.setRemoteDescription({type: "answer", sdp: body});
  return {status: 201, etag: answer.headers.get("ETag"), location: window.session};
}"""

RESTART = """async (extra) => {
  const line = (sdp, name) => sdp.match(new RegExp("a=" + name + ":(.*)"))[1].trim();
  pc.restartIce();
  await pc.setLocalDescription();
  const offer = pc.localDescription.sdp;
  const fragment = `a=ice-ufrag:${line(offer, "ice-ufrag")}\\r\\na=ice-pwd:${line(offer, "ice-pwd")}\\r\\n`;
  const headers = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*", ...extra};
  const reply = await fetch(session, {method: "PATCH", headers, body: fragment});
  const text = await reply.text();
  if (reply.status !== 200) return {status: reply.status, text};
  const sdp = answer
    .replace(/a=ice-ufrag:.*/g, "a=ice-ufrag:" + line(text, "ice-ufrag"))
    .replace(/a=ice-pwd:.*/g, "a=ice-pwd:" + line(text, "ice-pwd"));
  await pc.setRemoteDescription({type: "answer", sdp});
  return {status: 200, etag: reply.headers.get("ETag")};
}"""

SWITCH = """async ([rid, isActive]) => {
  const parameters = pictures.getParameters();
  for (const encoding of parameters.encodings) if (encoding.rid === rid) encoding.active = isActive;
  await pictures.setParameters(parameters);
}"""

STATISTICS = """async () => {
  const found = {state: pc.connectionState, ice: pc.iceConnectionState};
  const all = await pc.getStats();
  for (const one of all.values()) {
    if (one.type === "outbound-rtp") found[one.kind] = {
      packets: one.packetsSent, keyframes: one.keyFramesEncoded, keyframesAsked: one.pliCount,
      asked: one.nackCount, again: one.retransmittedPacketsSent, target: one.targetBitrate,
    };
    if (one.type === "remote-inbound-rtp") found[one.kind + "Lost"] = one.packetsLost;
    const pair = one.type === "transport" && all.get(one.selectedCandidatePairId);
    if (pair) {
      found.transport = all.get(pair.localCandidateId).protocol;
      found.address = all.get(pair.remoteCandidateId).address;
    }
  }
  return found;
}"""


class BrowserPublisher:
    """A page of the site that publishes Chromium's fake camera and microphone."""

    def __init__(self, site, browser=None):
        self._browser = browser or Chromium()
        self._browser.open(site + "/login")

    def publish(self, url, key=None, codec=None, rids=None):
        """Offers; returns the status, and the session's address and tag where there is one.

        `rids` name the layers of a simulcast, from the smallest on, each twice as wide as the one before.
        """
        return self._browser.call(PUBLISH, [url, key, codec, rids])

    def switch(self, rid, is_active):
        """Stops sending a layer, or sends it again."""
        self._browser.call(SWITCH, [rid, is_active])

    def restart(self):
        """Restarts ICE by a PATCH."""
        return self._browser.call(RESTART, {})

    def statistics(self):
        return self._browser.call(STATISTICS)

    def wait_connected(self):
        wait_until("the browser is connected", lambda: self.statistics()["state"] == "connected", timeout=15)

    def delete(self):
        """Ends the session as the protocol says; returns the status."""
        return self._browser.call("async () => (await fetch(session, {method: 'DELETE'})).status")

    def hang_up(self):
        """Closes the connection without ending the session."""
        self._browser.call("() => pc.close()")

    def close(self):
        """Closes the browser without a word to the other end; again does nothing."""
        browser, self._browser = self._browser, None
        if browser:
            browser.close()


class AiortcPublisher:
    """aiortc sending generated pictures and sound from a thread of its own, until it is closed.

    `rewrite_offer` and `rewrite_answer` change what is said between it and us; `encoder` makes other payloads."""

    def __init__(self, url, key, rewrite_offer=str, rewrite_answer=str, encoder=None):
        self.status = None
        self._rewrite_offer, self._rewrite_answer, self._encoder = rewrite_offer, rewrite_answer, encoder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection = asyncio.run_coroutine_threadsafe(self._publish(url, key), self._loop).result(30)

    async def _publish(self, url, key):
        # Loaded here, so that tests without it do not wait for it.
        from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
        from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        video = connection.addTransceiver(VideoStreamTrack(), direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        video.setCodecPreferences([one for one in codecs if one.mimeType == "video/H264"])
        video.sender._RTCRtpSender__encoder = self._encoder
        connection.addTransceiver(AudioStreamTrack(), direction="sendonly")
        await connection.setLocalDescription(await connection.createOffer())
        offer = self._rewrite_offer(connection.localDescription.sdp)
        answer = await asyncio.to_thread(post, url, offer, key)
        self.status, self.headers = answer.status, answer.headers
        if answer.status == 201:
            self.session = urllib.parse.urljoin(url, answer.headers["Location"])
            await connection.setRemoteDescription(RTCSessionDescription(self._rewrite_answer(answer.text), "answer"))
        return connection

    @property
    def state(self):
        return self._connection.connectionState

    def close(self):
        asyncio.run_coroutine_threadsafe(self._connection.close(), self._loop).result(15)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(15)
        self._loop.close()


def send(method, url, body=None, **headers):
    """One plain request; underscores in the names of fields stand for hyphens."""
    fields = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    request = urllib.request.Request(url, data=body.encode() if body is not None else None, method=method, headers=fields)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return Response(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Response(error.code, error.headers, error.read())


def post(url, offer, key=None, content_type="application/sdp"):
    """Offers as a program does."""
    authorization = "Bearer " + key if key else None
    return send("POST", url, offer, Content_Type=content_type, Authorization=authorization)


def offer(name):
    """A description that a real peer wrote."""
    return (REPOSITORY / "Tests/Fixtures/SDP" / f"{name}.sdp").read_bytes().decode()
