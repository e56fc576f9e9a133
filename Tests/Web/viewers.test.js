import { test } from "node:test";
import assert from "node:assert/strict";
import { viewerTable } from "../../Services/Gateway/Web/studio/viewers.js";

const NOW = Date.UTC(2026, 0, 1, 12);
const ago = (seconds) => new Date(NOW - seconds * 1000).toISOString();
const plays = { code: "playing", text: "It plays." };

test("nobody, one and several are counted in words", () => {
  assert.equal(viewerTable({ count: 0, items: [], ended: [] }, NOW).summary, "Nobody watches by WebRTC just now.");
  const one = { id: "a", state: "playing", since: ago(5), why: plays };
  assert.equal(viewerTable({ count: 1, items: [one], ended: [] }, NOW).summary, "1 watches by WebRTC.");
  const two = { id: "b", state: "playing", since: ago(5), why: { code: "loss", text: "It loses 9 % of the packets." } };
  assert.equal(viewerTable({ count: 2, items: [one, two], ended: [] }, NOW).summary, "2 watch by WebRTC, 1 with trouble.");
});

test("a viewer's figures have their units, and what is not known a dash", () => {
  const items = [{
    id: "a", state: "playing", since: ago(125), why: plays, roundTrip: 0.0421, loss: 0.013, bitrate: 1_240_000, layer: "m",
    layers: [{ rid: "h", height: 720 }, { rid: "m", height: 360 }],
  }, { id: "b", state: "connecting", since: ago(1), why: { code: "connecting", text: "No packet yet." } }];
  assert.deepEqual(viewerTable({ count: 2, items, ended: [] }, NOW).rows, [
    { id: "a", since: "2 min", roundTrip: "42 ms", loss: "1.3 %", layer: "360p", bitrate: "1.2 Mbit/s", words: "It plays.", isTrouble: false, isGone: false },
    { id: "b", since: "1 s", roundTrip: "–", loss: "–", layer: "–", bitrate: "–", words: "No packet yet.", isTrouble: false, isGone: false },
  ]);
});

test("those in trouble come first, and a crowd is cut short", () => {
  const items = Array.from({ length: 60 }, (_, index) => ({ id: `v${index}`, state: "playing", since: ago(9), why: plays }));
  items[59].why = { code: "slow_path", text: "Its network carries about 200 kbit/s, the stream needs 900." };
  const { rows, more } = viewerTable({ count: 60, items, ended: [] }, NOW);
  assert.equal(rows[0].id, "v59");
  assert.deepEqual([rows.length, more], [50, 10]);
});

test("who was refused or lost lately is told of, who left is not", () => {
  const ended = [
    { id: "r", state: "refused", since: ago(20), why: { code: "codec_mismatch", text: "The offer has no H.264." } },
    { id: "l", state: "closed", since: ago(20), why: { code: "ended", text: "The viewer has left." } },
    { id: "o", state: "closed", since: ago(900), why: { code: "gone", text: "Nothing came from it any more." } },
  ];
  const { rows, summary } = viewerTable({ count: 0, items: [], ended }, NOW);
  assert.deepEqual(rows.map(({ id, since, isGone }) => ({ id, since, isGone })), [{ id: "r", since: "20 s ago", isGone: true }]);
  assert.equal(summary, "Nobody watches by WebRTC just now.");
});
