import { test } from "node:test";
import assert from "node:assert/strict";
import { Watchdog } from "../../Services/Gateway/Web/player/watchdog.js";

const never = () => false;
const always = () => true;

/** A playhead that should move, of a session that goes on. */
const look = { isWanted: true, isComplete: false, decoded: 7, isReal: never };

/**
 * What the watchdog says, asked every 100 ms while the playhead stands.
 * @param {{playhead: number, ranges: [number, number][] | ((now: number) => [number, number][]), isReal?: () => boolean,
 *   isWanted?: boolean, isComplete?: boolean, decoded?: (now: number) => number, every?: number, ms: number}} options
 */
function standing({ ranges, decoded = () => look.decoded, every = 100, ms, ...options }) {
  const watchdog = new Watchdog();
  const said = [];
  for (let now = 0; now <= ms; now += every) {
    const remedy = watchdog.check(now, {
      ...look, ...options, decoded: decoded(now), ranges: typeof ranges === "function" ? ranges(now) : ranges });
    const to = "to" in remedy ? Number(remedy.to.toFixed(6)) : undefined;
    if (remedy.action !== "none") said.push({ now, ...remedy, to });
  }
  return said;
}

test("a moving playhead needs no help", () => {
  const watchdog = new Watchdog();
  for (let now = 0; now < 5000; now += 100) {
    assert.equal(watchdog.check(now, { ...look, playhead: now / 1000, ranges: [[0, 9]] }).action, "none");
  }
});

test("jumps a small gap after a tenth of a second", () => {
  assert.deepEqual(standing({ playhead: 2, ranges: [[0, 2], [2.3, 9]], ms: 100 }),
    [{ now: 100, action: "move", to: 2.301, over: "gap" }]);
});

test("jumps a large gap only when nothing will fill it", () => {
  const large = { playhead: 2, ranges: /** @type {[number, number][]} */ ([[0, 2], [8, 9]]), ms: 300 };
  assert.deepEqual(standing(large), []);
  assert.equal(standing({ ...large, isReal: always })[0].to, 8.001);
});

test("jumps to the beginning when sound or picture starts a little late", () => {
  assert.equal(standing({ playhead: 0, ranges: [[0.042, 5]], ms: 100 })[0].to, 0.043);
});

test("waits at the end of all media", () => {
  assert.deepEqual(standing({ playhead: 2, ranges: [[0, 2]], isReal: always, ms: 5000 }), []);
});

test("leaves a paused playhead alone", () => {
  assert.deepEqual(standing({ playhead: 2, ranges: [[0, 2], [2.3, 9]], isWanted: false, ms: 3000 }), []);
});

test("nudges a decoder that stands in the midst of media, then asks for a new one", () => {
  const watchdog = new Watchdog();
  let playhead = 2;
  const said = [];
  for (let now = 0; now <= 10_000; now += 100) {
    const remedy = watchdog.check(now, { ...look, playhead, ranges: [[0, 9]] });
    if (remedy.action === "move") playhead = remedy.to;
    if (remedy.action !== "none") said.push(remedy.action);
    if (remedy.action === "rebuild") break;
  }
  assert.deepEqual(said, ["move", "move", "move", "rebuild"]);
});

test("a decoder that stands is helped after a second and a half", () => {
  assert.deepEqual(standing({ playhead: 2, ranges: [[0, 9]], ms: 1500 }), [{ now: 1500, action: "move", to: 2.02, over: "stall" }]);
});

test("at the live edge too, where more and more lies ahead of it", () => {
  assert.equal(standing({ playhead: 2, ranges: (now) => [[0, 2.3 + now / 1000]], ms: 2000 })[0].now, 1500);
});

test("the last moments of a publisher who is away are left alone, however long that lasts", () => {
  assert.deepEqual(standing({ playhead: 0.82, ranges: [[0, 0.99]], isReal: always, ms: 60_000 }), []);
});

test("what is too short to begin with is left out together with the hole behind it", () => {
  const returned = (/** @type {number} */ now) => /** @type {[number, number][]} */ (
    now < 1000 ? [[0, 0.99]] : [[0, 0.99], [1.45, 0.45 + now / 1000 + 0.3]]);
  assert.deepEqual(standing({ playhead: 0.82, ranges: returned, isReal: always, ms: 1000 }),
    [{ now: 1000, action: "move", to: 1.451, over: "gap" }]);
  const both = { playhead: 2, ranges: /** @type {[number, number][]} */ ([[0, 2.6], [2.9, 9]]) };
  assert.deepEqual(standing({ ...both, ms: 400 }), [], "a browser that begins to play is given time");
  assert.equal(standing({ ...both, ms: 500 })[0].to, 2.901);
  assert.deepEqual(standing({ ...both, ranges: [[0, 2.6], [4, 9]], ms: 5000 }), [], "a hole that is being filled is waited for");
});

test("the end of a session that is over is played, however short it is", () => {
  assert.equal(standing({ playhead: 2, ranges: [[0, 2.5]], isComplete: true, ms: 1500 })[0].to, 2.02);
});

test("a decoder that is slow, but at work, is not disturbed", () => {
  const atWork = (/** @type {number} */ now) => Math.min(now, 4000);
  assert.equal(standing({ playhead: 2, ranges: [[0, 9]], decoded: atWork, ms: 8000 })[0].now, 5500);
});

test("the time in which the page itself stood still says nothing of its decoder", () => {
  assert.deepEqual(standing({ playhead: 2, ranges: [[0, 9]], every: 1400, ms: 5600 }), []);
});
