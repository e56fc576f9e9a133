import { test } from "node:test";
import assert from "node:assert/strict";
import { anchorsIn, anchorsOf, clockText, clockWords, heldShare, programTimeAt, tickStep } from "../../Services/Gateway/Web/player/timeline.js";
import { endAt, intersection, rangeAfter, rangeAt } from "../../Services/Gateway/Web/player/ranges.js";
import { withSample } from "../../Services/Gateway/Web/player/server-clock.js";
import { SessionEdge } from "../../Services/Gateway/Web/player/session-edge.js";
import { ago, codecName, delay, lengthOf } from "../../Services/Gateway/Web/format.js";

test("a long timeline has a few marks at what people count in, a short one none", () => {
  assert.equal(tickStep(0), null);
  assert.equal(tickStep(599), null);
  assert.equal(tickStep(600), 300);
  assert.equal(tickStep(3 * 3600), 900);
  assert.equal(tickStep(12 * 3600), 3600);
  assert.equal(tickStep(7 * 86_400), 86_400);
});

test("a clock that slept, or was set, forgets what it knew", () => {
  const quick = { offset: 100, roundTrip: 4 };
  assert.deepEqual(withSample([quick], { offset: 130, roundTrip: 80 }), [quick, { offset: 130, roundTrip: 80 }]);
  const after = { offset: 60_100, roundTrip: 200 };
  assert.deepEqual(withSample([quick], after), [after]);
  const many = Array.from({ length: 20 }, () => quick);
  assert.equal(withSample(many, quick).length, 8);
});

test("program time follows the anchor before it", () => {
  const anchors = anchorsOf([
    { decodeTime: 40, wallClock: 5_000_000_000_000 }, { decodeTime: 10, wallClock: 1_000_000_000_000 }]);
  assert.equal(programTimeAt(anchors, 0), 1_000_000_000);
  assert.equal(programTimeAt(anchors, 29), 1_000_029_000);
  assert.equal(programTimeAt(anchors, 30.5), 5_000_000_500);
  assert.equal(programTimeAt([], 3), null);
});

test("a playlist gives one anchor a discontinuity", () => {
  const segment = { msn: 0, uri: "", duration: 2, map: null, gap: false };
  const playlist = { targetDuration: 4, partTarget: 0.3, ended: false, nextMsn: 3, segments: [
    { ...segment, start: 0, discontinuity: 0, programTime: 1000 },
    { ...segment, start: 2, discontinuity: 0, programTime: 3000 },
    { ...segment, start: 9, discontinuity: 1, programTime: 10_500 }] };
  assert.deepEqual(anchorsIn(playlist), [{ time: 0, wallClock: 1000 }, { time: 9, wallClock: 10_500 }]);
});

test("clocks read as people write them", () => {
  assert.deepEqual([0, 7.9, 754, 3723, Number.NaN, -2].map(clockText), ["0:00", "0:07", "12:34", "1:02:03", "–:––", "0:00"]);
  assert.deepEqual([0, 61, 3602].map(clockWords), ["0 seconds", "1 minute 1 second", "1 hour 2 seconds"]);
});

test("what both tracks hold is what can be played", () => {
  assert.deepEqual(intersection([[0, 5], [6, 9]], [[0.02, 4.9], [6.1, 9.2]]), [[0.02, 4.9], [6.1, 9]]);
  assert.deepEqual(intersection([[0, 1]], [[2, 3]]), []);
});

test("ranges answer where the playhead stands", () => {
  /** @type {[number, number][]} */ const ranges = [[1, 2], [4, 6]];
  assert.deepEqual(rangeAt(ranges, 0.98), [1, 2]);
  assert.equal(rangeAt(ranges, 2), null);
  assert.deepEqual(rangeAfter(ranges, 2), [4, 6]);
  assert.equal(endAt(ranges, 5), 6);
  assert.equal(endAt(ranges, 3), 3);
});

test("the edge moves with the clock, and stands while the publisher is away", () => {
  const edge = new SessionEdge();
  edge.joined(0.3);
  edge.arrived(1000, 20);
  assert.equal(edge.at(1500), 20.5);
  edge.stop(2000);
  assert.equal(edge.at(9000), 20);
  edge.goOn(9000);
  edge.arrived(9500, 27.5);
  assert.equal(edge.at(9500), 27.5);
  edge.reaches(9600, 20);
  assert.equal(edge.at(9500), 27.5, "older segments do not move it back");
});

test("begins as far before the edge as the next part is away", () => {
  const edge = new SessionEdge();
  edge.joined(0.3);
  assert.ok(Math.abs(edge.startIn(0, [10, 12], 0) - 11.7) < 1e-9);
  assert.ok(Math.abs(edge.startIn(0, [10, 12], 0.15) - 11.85) < 1e-9);
  assert.ok(Math.abs(edge.startIn(0, [10, 12], 0.3) - 11.9) < 1e-9, "never without any media ahead");
  assert.ok(Math.abs(edge.startIn(0, [11.95, 12], 0) - 11.951) < 1e-9, "never before the media");
});

test("delays, lengths and ages are words", () => {
  assert.deepEqual([0.84, 12.4, 200, null].map(delay), ["0.8 s", "12 s", "3 min", ""]);
  assert.deepEqual([42, 754, 4350, null].map(lengthOf), ["42 s", "12 min", "1 h 12 min", ""]);
  const now = Date.parse("2026-01-02T12:00:00Z");
  assert.equal(ago("2026-01-02T11:59:40Z", now), "just now");
  assert.equal(ago("2026-01-02T09:59:40Z", now), "2 hours ago");
  assert.equal(ago("2026-01-01T11:00:00Z", now), "yesterday");
});

test("codecs have the names that people use", () => {
  assert.deepEqual(["avc1.64001f", 'video/mp4; codecs="hvc1.1.6.L93.B0"', "opus", "mp4a.40.2", "strange"].map(codecName),
    ["H.264", "HEVC", "Opus", "AAC", "strange"]);
});

test("what is held is drawn at its place, also where the element has times of its own", () => {
  assert.deepEqual(heldShare([[0, 10], [20, 60]], 30, 30, 0, 100), [0.2, 0.6]);
  assert.deepEqual(heldShare([[0, 8]], 5, 605, 0, 800), [0.75, 0.76], "native HLS: its minute began at 600 s");
  assert.deepEqual(heldShare([[0, 10]], 30, 30, 0, 100), [0, 0], "nothing is held from here on");
  assert.deepEqual(heldShare([[90, 130]], 95, 95, 0, 100), [0.9, 1], "more is held than is told of yet");
});
