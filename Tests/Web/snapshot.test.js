import { test } from "node:test";
import assert from "node:assert/strict";
import { snapshotOf } from "../../Services/Gateway/Web/player/snapshot.js";

/** A player whose element counts from somewhere else than the session does. */
function playing({ currentTime, position }) {
  const buffered = { length: 1, start: () => currentTime, end: () => currentTime + 4 };
  const engine = { name: "", facts: {}, delay: null, edge: position + 5, meter: { frames: 0, frameRate: 0 } };
  return /** @type {any} */ ({
    video: { currentTime, buffered, paused: false, ended: false, readyState: 4, playbackRate: 1 }, engine, position,
    lowDelay: { reason: null, isWanted: true }, sound: { needsUnmute: false },
  });
}

test("what is buffered is told by the session's times, as the position is", () => {
  assert.deepEqual(snapshotOf(playing({ currentTime: 30, position: 30 })).buffered, [[30, 34]]);
  const native = snapshotOf(playing({ currentTime: 5, position: 605 }));
  assert.deepEqual([native.currentTime, native.buffered], [605, [[605, 609]]]);
});
