import { test } from "node:test";
import assert from "node:assert/strict";
import { Problem } from "../../Services/Gateway/Web/api.js";
import { LowDelay } from "../../Services/Gateway/Web/player/low-delay.js";
import { reasonOf } from "../../Services/Gateway/Web/player/whep.js";
import { hold } from "./timers.js";

/** Direct connections that come and go as the test says. */
function made() {
  /** @type {any[]} */ const connections = [];
  /** @type {string[]} */ const log = [];
  const lowDelay = new LowDelay({
    connect: (hooks) => {
      const connection = {
        isReady: false, open: () => log.push("open"), close: () => log.push("close"),
        arrive() { connection.isReady = true; hooks.onReady(); }, lose: hooks.onLost };
      connections.push(connection);
      return connection;
    },
    onReady: () => log.push("ready"), onLost: (reason) => log.push(`lost ${reason.code}`), mayTry: () => true,
  });
  lowDelay.isSupported = true;
  return { lowDelay, connections, log };
}

test("one attempt at a time; its pictures are shown", () => {
  const { lowDelay, connections, log } = made();
  lowDelay.try();
  lowDelay.try();
  assert.equal(lowDelay.isTrying, true);
  connections[0].arrive();
  assert.equal(lowDelay.isTrying, false);
  assert.deepEqual(log, ["open", "ready"]);
  lowDelay.stop();
});

test("an attempt that fails is made again later, with a pause that grows", (context) => {
  const timers = hold(context);
  const { lowDelay, connections, log } = made();
  lowDelay.try();
  connections[0].lose({ code: "unreachable", words: "no way" });
  assert.deepEqual(log, ["open", "lost unreachable"]);
  timers.tick(5_000);
  assert.equal(connections.length, 2);
  connections[1].lose({ code: "unreachable", words: "no way" });
  timers.tick(5_000);
  assert.equal(connections.length, 2);
  timers.tick(8_000);
  assert.equal(connections.length, 3);
  connections[2].arrive();
  assert.equal(lowDelay.reason, null);
  lowDelay.stop();
});

test("another network is tried at once, and a connection that stands is left alone", (context) => {
  const timers = hold(context);
  const { lowDelay, connections } = made();
  lowDelay.try();
  lowDelay.networkChanged();
  assert.equal(connections.length, 1);
  connections[0].lose({ code: "unreachable", words: "no way" });
  lowDelay.networkChanged();
  assert.equal(connections.length, 2);
  connections[1].arrive();
  lowDelay.networkChanged();
  assert.equal(connections.length, 2);
  lowDelay.stop();
  lowDelay.networkChanged();
  assert.equal(connections.length, 2);
});

test("what cannot succeed is not tried again until something else is on the air", (context) => {
  const timers = hold(context);
  const { lowDelay, connections } = made();
  lowDelay.try();
  connections[0].lose({ code: "codec_mismatch", words: "no H.264", isFinal: true });
  timers.tick(600_000);
  lowDelay.try();
  assert.equal(connections.length, 1);
  assert.equal(lowDelay.isPossible, false);
  lowDelay.forget();
  lowDelay.try();
  assert.equal(connections.length, 2);
  lowDelay.stop();
});

test("a server that moves its viewers gets a moment to do so before anything else plays", (context) => {
  const timers = hold(context);
  const { lowDelay, connections, log } = made();
  lowDelay.try();
  connections[0].arrive();
  connections[0].lose({ code: "bye", words: "moved", isPassing: true });
  assert.equal(connections.length, 2);
  connections[1].arrive();
  timers.tick(60_000);
  assert.deepEqual(log, ["open", "ready", "open", "ready"]);
  connections[1].lose({ code: "bye", words: "moved", isPassing: true });
  timers.tick(1_000);
  assert.deepEqual(log.slice(4), ["open", "lost bye"]);
  lowDelay.stop();
});

test("who wants it smooth gets no direct connection", () => {
  const { lowDelay, connections } = made();
  lowDelay.setWanted(false);
  lowDelay.try();
  assert.equal(connections.length, 0);
});

test("refusals become words: what the browser lacks, what the server lacks", () => {
  const mismatch = new Problem({ status: 406, code: "codec_mismatch", detail: "The stream is HEVC." });
  assert.deepEqual(reasonOf(mismatch, "m=video 9 X 96\r\na=rtpmap:96 VP8/90000\r\n"), {
    code: "codec_mismatch", words: "this browser has no H.264 for direct connections", isFinal: true });
  assert.equal(reasonOf(mismatch, "m=video 9 X 96\r\na=rtpmap:96 H264/90000\r\n").words, "the stream is HEVC");
  assert.equal(reasonOf(new Problem({ status: 406, code: "b_frames" }), "").isFinal, undefined);
  assert.equal(reasonOf(new Problem({ status: 501, code: "webrtc_not_available" }), "").isFinal, true);
  assert.equal(reasonOf(new Problem({ status: 503 }), "").isFinal, false);
  assert.equal(reasonOf(new Error("bad SDP"), "").code, "negotiation");
});
