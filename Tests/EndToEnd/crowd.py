"""Many viewers in one page, who listen only: each comes again by itself when the server sends it elsewhere."""
import json

from waiting import wait_until

CROWD = """([url, headers, count]) => {
  const crowd = window.crowd = {playing: 0, sessions: [], moves: []};
  const join = async (index, lostAt) => {
    const peer = new RTCPeerConnection({bundlePolicy: "max-bundle"});
    peer.addTransceiver("audio", {direction: "recvonly"});
    await peer.setLocalDescription();
    let answer = null;
    while (answer?.status !== 201) {
      if (answer) await new Promise((done) => setTimeout(done, 200));
      answer = await fetch(url, {
        method: "POST", headers: {"Content-Type": "application/sdp", ...headers}, body: peer.localDescription.sdp,
      });
    }
    crowd.sessions[index] = answer.headers.get("Location").split("/").pop();
    const transport = peer.getReceivers()[0].transport;
    transport.onstatechange = () => {
      if (transport.state === "connected") {
        crowd.playing += 1;
        if (lostAt !== null) crowd.moves.push(performance.now() - lostAt);
      }
      if (transport.state !== "closed" && transport.state !== "failed") return;
      crowd.playing -= 1;
      transport.onstatechange = null;
      join(index, performance.now());
    };
    await peer.setRemoteDescription({type: "answer", sdp: await answer.text()});
  };
  for (let index = 0; index < count; index += 1) join(index, null);
}"""


class Crowd:
    """`count` listeners of a stream, in a window of their own of `browser`."""

    def __init__(self, stack, browser, target, count):
        self.count = count
        self._browser = browser.another()
        self._browser.open(stack.site + "/healthz")
        headers = {"Authorization": "Bearer " + stack.access["api_token"]}
        self._browser.evaluate(f"({CROWD})({json.dumps([stack.absolute(target), headers, count])})")

    def wait_until_all_play(self):
        wait_until("the whole crowd plays", lambda: self._read("playing") == self.count, timeout=60)

    @property
    def sessions(self):
        return self._read("sessions")

    @property
    def moves(self):
        """How long each took that had to go elsewhere, from the goodbye to its next connection, in ms: most of it is waiting
        for one another, for they have one browser together, with one thread for scripts and six connections to the server."""
        return sorted(self._read("moves"))

    def _read(self, name):
        return self._browser.evaluate(f"crowd.{name}")

    def close(self):
        self._browser.close()
