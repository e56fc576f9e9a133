import { test } from "node:test";
import assert from "node:assert/strict";
import { WhepConnection } from "../../Services/Gateway/Web/player/whep.js";
import { HeldTimers } from "./timers.js";

Object.assign(globalThis, { MediaStream: class { getVideoTracks = () => [{}]; getAudioTracks = () => []; } });

/** A peer connection that has decoded as many pictures as the test says. */
class FakePeer extends EventTarget {
  connectionState = "new";
  localDescription = null;
  framesDecoded = 0;
  looks = 0;
  addTransceiver() { return {}; }
  async createOffer() { return { sdp: "v=0\r\n" }; }
  async setLocalDescription() {}
  async setRemoteDescription() { this.connectionState = "connected"; }
  async getStats() {
    this.looks += 1;
    return new Map([["v", { id: "v", type: "inbound-rtp", kind: "video", bytesReceived: this.looks, framesDecoded: this.framesDecoded }]]);
  }
  close() {}
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("the first picture is seen within a twentieth of a second, and then the connection is looked at less often", async (context) => {
  const timers = new HeldTimers("setInterval", "setTimeout");
  context.after(() => timers.reset());
  const peer = new FakePeer();
  let ready = 0;
  const send = async () => new Response("v=0\r\n", {
    status: 201, headers: { "Content-Type": "application/sdp", Location: "http://martlet.test/whep/abc/1" } });
  const connection = new WhepConnection({ url: "http://martlet.test/whep/abc", viewers: "", send, makePeer: () => /** @type {any} */ (peer) },
    { onReady: () => { ready += 1; }, onLost: (reason) => assert.fail(reason.words) });
  await connection.open();
  for (let look = 1; look <= 4; look += 1) {
    timers.tick(50);
    await settled();
    assert.equal(peer.looks, look);
  }
  assert.equal(ready, 0);
  peer.framesDecoded = 1;
  timers.tick(50);
  await settled();
  assert.equal(ready, 1);
  const before = peer.looks;
  for (let time = 0; time < 1000; time += 50) {
    timers.tick(50);
    await settled();
  }
  assert.equal(peer.looks - before, 5);
  assert.equal(ready, 1);
  connection.close();
});
