import { test } from "node:test";
import assert from "node:assert/strict";
import { Watchdog } from "../../Services/Gateway/Web/player/watchdog.js";

const never = () => false;
const always = () => true;

/**
 * What the watchdog says, asked every 100 ms while the playhead stands.
 * @param {{playhead: number, ranges: [number, number][], isReal?: () => boolean, isWanted?: boolean, ms: number}} look
 */
function standing({ playhead, ranges, isReal = never, isWanted = true, ms }) {
  const watchdog = new Watchdog();
  const said = [];
  for (let now = 0; now <= ms; now += 100) {
    const remedy = watchdog.check(now, { playhead, ranges, isWanted, isReal });
    const to = "to" in remedy ? Number(remedy.to.toFixed(6)) : undefined;
    if (remedy.action !== "none") said.push({ now, ...remedy, to });
  }
  return said;
}

test("a moving playhead needs no help", () => {
  const watchdog = new Watchdog();
  for (let now = 0; now < 5000; now += 100) {
    assert.equal(watchdog.check(now, { playhead: now / 1000, ranges: [[0, 9]], isWanted: true, isReal: never }).action, "none");
  }
});

test("jumps a small gap after a tenth of a second", () => {
  assert.deepEqual(standing({ playhead: 2, ranges: [[0, 2], [2.3, 9]], ms: 100 }),
    [{ now: 100, action: "move", to: 2.301, over: "gap" }]);
});

test("jumps a large gap only when nothing will fill it", () => {
  const look = { playhead: 2, ranges: /** @type {[number, number][]} */ ([[0, 2], [8, 9]]), ms: 300 };
  assert.deepEqual(standing(look), []);
  assert.equal(standing({ ...look, isReal: always })[0].to, 8.001);
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
    const remedy = watchdog.check(now, { playhead, ranges: [[0, 9]], isWanted: true, isReal: never });
    if (remedy.action === "move") playhead = remedy.to;
    if (remedy.action !== "none") said.push(remedy.action);
    if (remedy.action === "rebuild") break;
  }
  assert.deepEqual(said, ["move", "move", "move", "rebuild"]);
});
