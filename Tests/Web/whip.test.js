import { test } from "node:test";
import assert from "node:assert/strict";
import { Problem } from "../../Services/Gateway/Web/api.js";
import { WhipPublisher } from "../../Services/Gateway/Web/studio/whip.js";

const SECTION = "m=video 9 UDP/TLS/RTP/SAVPF 102\r\n";
const described = (/** @type {string} */ ufrag) => `v=0\r\n${SECTION}a=ice-ufrag:${ufrag}\r\na=ice-pwd:${ufrag}\r\na=mid:0\r\n`;

/** A peer connection that goes where the test sends it. */
class FakePeer extends EventTarget {
  connectionState = "new";
  signalingState = "stable";
  offers = 0;
  isClosed = false;
  transport = Object.assign(new EventTarget(), { state: "connected" });
  /** @type {{sdp: string} | null} */ localDescription = null;
  /** @type {{sdp: string} | null} */ remoteDescription = null;
  /** @type {any[]} */ transceivers = [];

  addTransceiver(/** @type {any} */ track, /** @type {any} */ options) {
    const transceiver = { receiver: { track: { kind: track.kind } }, options, sender: {
      track, transport: this.transport, parameters: { encodings: (options.sendEncodings ?? []).map((/** @type {any} */ one) => ({ ...one })) },
      getParameters: () => transceiver.sender.parameters, setParameters: async (/** @type {any} */ next) => { transceiver.sender.parameters = next; },
      replaceTrack: async (/** @type {any} */ next) => { transceiver.sender.track = next; } } };
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getSenders() { return this.transceivers.map((one) => one.sender); }

  getTransceivers() { return this.transceivers; }

  async createOffer() { return { sdp: described(`ours${++this.offers}`) }; }

  async setLocalDescription(/** @type {any} */ description) {
    if (description?.type === "rollback") { this.signalingState = "stable"; return; }
    this.localDescription = description ?? await this.createOffer();
    this.signalingState = "have-local-offer";
  }

  async setRemoteDescription(/** @type {any} */ description) {
    this.remoteDescription = description;
    this.signalingState = "stable";
  }

  /** The server closes the connection, which changes no other state. */
  hearGoodbye() {
    this.transport.state = "closed";
    this.transport.dispatchEvent(new Event("statechange"));
  }

  close() { this.isClosed = true; this.connectionState = "closed"; }

  become(/** @type {string} */ state) {
    this.connectionState = state;
    this.dispatchEvent(new Event("connectionstatechange"));
  }
}

/** @param {Record<string, (() => Response)[]>} answers by method */
function publisherTo(answers) {
  /** @type {string[]} */ const requests = [];
  /** @type {FakePeer[]} */ const peers = [];
  const send = async (/** @type {string} */ url, /** @type {RequestInit} */ { method = "GET", body }) => {
    requests.push(`${method} ${new URL(url, "http://martlet.test").pathname} ${/a=ice-ufrag:(\w+)/.exec(String(body))?.[1] ?? ""}`.trim());
    const answer = answers[method]?.shift();
    if (!answer) throw new Error(`one ${method} too many`);
    return answer();
  };
  const publisher = new WhipPublisher("http://martlet.test/whip/abc", send, () => {
    const peer = new FakePeer();
    peers.push(peer);
    return /** @type {any} */ (peer);
  });
  return { publisher, requests, peers };
}

const created = (/** @type {string} */ name) => () => new Response(described(`theirs-${name}`), {
  status: 201, headers: { "Content-Type": "application/sdp", Location: `/whip/abc/${name}`, ETag: '"1"' } });
const video = /** @type {any} */ ({ kind: "video" });
const publication = { video, audio: null, quality: { bitrate: 1e6, frameRate: 30 }, isSimulcast: false };
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

test("a publication is live when its connection is up, and ends with a DELETE", async () => {
  const { publisher, requests, peers } = publisherTo({ POST: [created("one")], DELETE: [() => new Response()] });
  await publisher.start(publication);
  assert.equal(publisher.state, "connecting");
  peers[0].become("connected");
  assert.equal(publisher.state, "live");
  await publisher.replace("video", /** @type {any} */ ({ kind: "video", id: "screen" }));
  assert.equal(peers[0].transceivers[0].sender.track.id, "screen");
  publisher.stop();
  assert.equal(publisher.state, "idle");
  assert.deepEqual(requests, ["POST /whip/abc ours1", "DELETE /whip/abc/one"]);
});

test("a microphone that comes later is sent by a new session of the same stream", async () => {
  const { publisher, requests, peers } = publisherTo({ POST: [created("one"), created("two")], DELETE: [() => new Response()] });
  await publisher.start({ video, audio: null, quality: { bitrate: 1e6, frameRate: 30 }, isSimulcast: false });
  peers[0].become("connected");
  await publisher.replace("audio", /** @type {any} */ ({ kind: "audio" }));
  await settled();
  assert.deepEqual(requests, ["POST /whip/abc ours1", "POST /whip/abc ours1"], "no DELETE: that would end the stream");
  assert.equal(peers[0].isClosed, true);
  assert.deepEqual(peers[1].getSenders().map((/** @type {any} */ one) => one.track.kind), ["video", "audio"]);
  peers[1].become("connected");
  assert.equal(publisher.state, "live");
  publisher.stop();
});

test("a broken way is replaced by another for the same session", async () => {
  const { publisher, requests, peers } = publisherTo({
    POST: [created("one")], PATCH: [() => new Response("a=ice-ufrag:newer\r\na=ice-pwd:newer\r\n", { headers: { ETag: '"2"' } })], DELETE: [() => new Response()] });
  await publisher.start(publication);
  peers[0].become("connected");
  peers[0].become("failed");
  assert.equal(publisher.state, "mending");
  await settled();
  assert.deepEqual(requests, ["POST /whip/abc ours1", "PATCH /whip/abc/one ours2"]);
  assert.match(peers[0].remoteDescription?.sdp ?? "", /a=ice-ufrag:newer/);
  peers[0].become("connected");
  assert.equal(publisher.state, "live");
  assert.equal(publisher.restarts, 1);
  assert.equal(peers.length, 1);
  publisher.stop();
});

test("while the network is away it is tried again, from the same state", async () => {
  const { publisher, requests, peers } = publisherTo({
    POST: [created("one")], DELETE: [() => new Response()],
    PATCH: [() => { throw new Problem({}); }, () => new Response("a=ice-ufrag:newer\r\na=ice-pwd:newer\r\n")] });
  await publisher.start(publication);
  peers[0].become("connected");
  peers[0].become("failed");
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal(requests.filter((one) => one.startsWith("PATCH")).length, 2);
  assert.equal(publisher.restarts, 1);
  publisher.stop();
});

test("a new way while the old one still works is no interruption", async () => {
  const { publisher, peers } = publisherTo({
    POST: [created("one")], DELETE: [() => new Response()],
    PATCH: [() => new Response("a=ice-ufrag:newer\r\na=ice-pwd:newer\r\n")] });
  await publisher.start(publication);
  peers[0].become("connected");
  peers[0].become("failed");
  peers[0].connectionState = "connected";
  await settled();
  assert.equal(publisher.state, "live");
  publisher.stop();
});

test("a session that the server has forgotten is followed by a new one", async () => {
  const { publisher, requests, peers } = publisherTo({
    POST: [created("one"), created("two")], PATCH: [() => { throw new Problem({ status: 404, code: "no_such_session" }); }],
    DELETE: [() => new Response(), () => new Response()] });
  await publisher.start(publication);
  peers[0].become("connected");
  peers[0].become("failed");
  await settled();
  assert.deepEqual(requests, ["POST /whip/abc ours1", "PATCH /whip/abc/one ours2", "DELETE /whip/abc/one", "POST /whip/abc ours1"]);
  await settled();
  assert.equal(peers[0].isClosed, true);
  peers[1].become("connected");
  assert.equal(publisher.state, "live");
  publisher.stop();
});

test("a publication that begins while the last one was being mended is left alone by it", async () => {
  const { publisher, requests, peers } = publisherTo({
    POST: [created("one"), created("two")], DELETE: [() => new Response(), () => new Response()],
    PATCH: [() => {
      publisher.stop();
      void publisher.start(publication);
      throw new Problem({ status: 404, code: "no_such_session" });
    }] });
  await publisher.start(publication);
  peers[0].become("connected");
  peers[0].become("failed");
  await settled();
  assert.equal(requests.filter((one) => one.startsWith("POST")).length, 2);
  assert.equal(peers.length, 2);
  peers[1].become("connected");
  assert.equal(publisher.state, "live");
  publisher.stop();
});

test("a server that says goodbye is left for another at once", async () => {
  const { publisher, requests, peers } = publisherTo({ POST: [created("one"), created("two")] });
  await publisher.start(publication);
  peers[0]?.become("connected");
  peers[0]?.hearGoodbye();
  await settled();
  assert.deepEqual(requests.map((one) => one.split(" ")[0]), ["POST", "POST"]);
  peers[1]?.become("connected");
  peers[0]?.hearGoodbye();
  await settled();
  assert.equal(publisher.state, "live");
  assert.equal(requests.length, 2);
  publisher.stop();
});

test("where the server takes one size, that is the whole picture", async () => {
  const { publisher, peers } = publisherTo({ POST: [created("one")], DELETE: [() => new Response()] });
  await publisher.start({ ...publication, isSimulcast: true });
  const [first] = peers[0].transceivers[0].sender.parameters.encodings;
  assert.equal(first.scaleResolutionDownBy, 1);
  assert.equal(first.maxBitrate, 1e6);
  publisher.stop();
});

test("a refusal ends it, with the reason", async () => {
  const { publisher } = publisherTo({ POST: [() => { throw new Problem({ status: 409, code: "stream_busy", detail: "Busy." }); }] });
  await publisher.start(publication);
  assert.equal(publisher.state, "failed");
  assert.equal(publisher.problem?.code, "stream_busy");
  assert.equal(publisher.isActive, false);
});
