import { test } from "node:test";
import assert from "node:assert/strict";
import { NTP_TO_UNIX_MS, inboundOf } from "../../Services/Gateway/Web/rtc/inbound-stats.js";

test("what a browser reports of a receiving connection becomes one record", () => {
  const now = Date.parse("2026-01-02T03:04:05Z");
  const inbound = inboundOf([
    { id: "T1", type: "transport", selectedCandidatePairId: "P2" },
    { id: "P1", type: "candidate-pair", state: "failed", nominated: false },
    { id: "P2", type: "candidate-pair", state: "succeeded", nominated: true, currentRoundTripTime: 0.012, localCandidateId: "L1" },
    { id: "L1", type: "local-candidate", protocol: "tcp" },
    { id: "C1", type: "codec", mimeType: "video/H264" }, { id: "C2", type: "codec", mimeType: "audio/opus" },
    { id: "I1", type: "inbound-rtp", kind: "video", codecId: "C1", bytesReceived: 1000, packetsReceived: 90, packetsLost: 10,
      framesDecoded: 30, framesDropped: 1, freezeCount: 2, totalFreezesDuration: 0.4, jitterBufferDelay: 3, jitterBufferEmittedCount: 30,
      estimatedPlayoutTimestamp: now + NTP_TO_UNIX_MS, nackCount: 7, pliCount: 1 },
    { id: "I2", type: "inbound-rtp", kind: "audio", codecId: "C2", bytesReceived: 200, packetsReceived: 50, packetsLost: -1 },
  ]);
  assert.deepEqual(inbound, {
    bytesReceived: 1200, packetsReceived: 140, packetsLost: 9, framesDecoded: 30, framesDropped: 1, freezes: 2, freezeSeconds: 0.4,
    bufferDelay: 3, bufferCount: 30, playoutAt: now, roundTrip: 0.012, route: "tcp", codecs: ["video/H264", "audio/opus"], nacks: 7, keyframesAsked: 1,
  });
});

test("a connection that has not begun tells zeros, and no place in time", () => {
  const inbound = inboundOf([]);
  assert.equal(inbound.bytesReceived, 0);
  assert.equal(inbound.playoutAt, null);
  assert.equal(inbound.roundTrip, null);
  // Firefox keeps pairs without naming one in a transport.
  const pair = { id: "P", type: "candidate-pair", state: "succeeded", nominated: true, localCandidateId: "L" };
  assert.equal(inboundOf([pair, { id: "L", type: "local-candidate", protocol: "udp" }]).route, "udp");
});
