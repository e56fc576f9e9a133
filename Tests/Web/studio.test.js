import { test } from "node:test";
import assert from "node:assert/strict";
import { Problem } from "../../Services/Gateway/Web/api.js";
import { columnsFor } from "../../Services/Gateway/Web/player/columns.js";
import { adviceFor } from "../../Services/Gateway/Web/studio/advice.js";
import { byPreference, encodingsFor, layersTakenIn } from "../../Services/Gateway/Web/studio/encodings.js";
import { SILENCE_DB, loudness } from "../../Services/Gateway/Web/studio/level-meter.js";
import { outboundOf } from "../../Services/Gateway/Web/studio/outbound-stats.js";
import { stateWords, troubleWords } from "../../Services/Gateway/Web/studio/words.js";

test("one picture is sent as it is, several sizes from the smallest on", () => {
  const quality = { bitrate: 2_500_000, frameRate: 30 };
  assert.deepEqual(encodingsFor(quality, false), [{ maxBitrate: 2_500_000, maxFramerate: 30 }]);
  assert.deepEqual(encodingsFor(quality, true).map((one) => [one.rid, one.scaleResolutionDownBy, one.maxBitrate]), [
    ["l", 4, 250_000], ["m", 2, 750_000], ["h", 1, 2_500_000]]);
  assert.equal(encodingsFor({ bitrate: 300_000, frameRate: 30 }, true)[0].maxBitrate, 120_000);
});

test("the answer tells which layers the server takes", () => {
  assert.deepEqual(layersTakenIn("v=0\r\na=rid:l recv\r\na=simulcast:recv l;m;h\r\n"), ["l", "m", "h"]);
  assert.deepEqual(layersTakenIn("v=0\r\na=mid:0\r\n"), []);
});

test("H.264 in packetization mode 1 comes first, and what only repairs comes last", () => {
  const codecs = [{ mimeType: "video/VP8" }, { mimeType: "video/rtx" }, { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=0" },
    { mimeType: "video/H264", sdpFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1" }, { mimeType: "video/VP9" }];
  assert.deepEqual(byPreference(codecs).map((one) => one.mimeType + (one.sdpFmtpLine?.at(-1) ?? "")), [
    "video/H2641", "video/H2640", "video/VP9", "video/VP8", "video/rtx"]);
});

test("loudness is told in decibels, from silence to full scale", () => {
  assert.equal(loudness(new Float32Array(64)), SILENCE_DB);
  assert.equal(loudness(new Float32Array(64).fill(1)), 0);
  assert.ok(Math.abs(loudness(new Float32Array(64).fill(0.1)) + 20) < 0.01);
  assert.equal(loudness(new Float32Array(0)), SILENCE_DB);
});

test("what a browser reports of a sending connection becomes one record, of the largest layer", () => {
  const outbound = outboundOf([
    { id: "T", type: "transport", selectedCandidatePairId: "P" }, { id: "L", type: "local-candidate", protocol: "udp" },
    { id: "P", type: "candidate-pair", currentRoundTripTime: 0.02, localCandidateId: "L" }, { id: "C", type: "codec", mimeType: "video/H264" },
    { id: "1", type: "outbound-rtp", kind: "video", bytesSent: 100, packetsSent: 1, frameWidth: 320, frameHeight: 180, framesPerSecond: 30 },
    { id: "2", type: "outbound-rtp", kind: "video", bytesSent: 900, packetsSent: 9, frameWidth: 1280, frameHeight: 720, framesPerSecond: 29, codecId: "C",
      qualityLimitationReason: "cpu" },
    { id: "3", type: "outbound-rtp", kind: "video", bytesSent: 0, packetsSent: 0, active: false },
    { id: "4", type: "remote-inbound-rtp", packetsLost: 3 },
  ]);
  assert.deepEqual(outbound, { bytesSent: 1000, packetsSent: 10, packetsLost: 3, roundTrip: 0.02, width: 1280, height: 720, frameRate: 29,
    layers: 2, limitedBy: "cpu", codec: "video/H264", route: "udp" });
  assert.equal(outboundOf([]).width, 0);
});

test("the state is told in words; that a picture begins small is no trouble", () => {
  const live = /** @type {any} */ ({ state: "live", liveSince: 1_000, outbound: { limitedBy: "bandwidth" } });
  assert.equal(stateWords(null, 0), "Ready. Nothing is sent yet.");
  assert.equal(stateWords(live, 2_000), "You are live.");
  assert.match(stateWords(live, 60_000), /Your network carries less/);
  assert.match(stateWords(/** @type {any} */ ({ state: "mending" }), 0), /keep this page open/);
});

test("trouble is told with what to do", () => {
  assert.match(troubleWords(new Problem({ status: 409, code: "stream_busy", detail: "A publisher is live." })), /^Somebody else publishes/);
  assert.match(troubleWords(new Problem({})), /does not answer.*\(unreachable\)/);
});

test("a publisher is told in sentences what to change, B-frames first", () => {
  const report = { protocol: "rtmp", encoder: "OBS", bFrames: true, warnings: ["keyframe every 8 s: set the keyframe interval to 2 s"] };
  const advice = adviceFor(report);
  assert.match(advice[0], /B-frames” to 0/);
  assert.equal(advice[1], "Keyframe every 8 s: set the keyframe interval to 2 s.");
  assert.deepEqual(adviceFor({ ...report, bFrames: false, warnings: [] }), []);
});

test("pictures stand in as many columns as rows, or one more", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 9, 10].map(columnsFor), [1, 1, 2, 2, 2, 3, 3, 4]);
});
