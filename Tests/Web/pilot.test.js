import { test } from "node:test";
import assert from "node:assert/strict";
import { Pilot } from "../../Services/Gateway/Web/player/pilot.js";

/** A pilot at the live edge, in a tab that can be hidden. */
function atTheEdge() {
  const video = { paused: false, seeking: false, playbackRate: 1, currentTime: 10 };
  const page = { hidden: false };
  Object.defineProperty(globalThis, "document", { value: page, configurable: true });
  const receiver = { isCaughtUp: true, partTarget: 0.3, anchors: [] };
  const sink = { buffered: () => [[0, 20]], setSeekable() {} };
  const pilot = new Pilot(/** @type {any} */ (video), /** @type {any} */ (sink), /** @type {any} */ (receiver),
    /** @type {any} */ ({ isSet: false }));
  pilot.following = true;
  pilot.edge.arrived(performance.now(), 12);
  return { pilot, video, page };
}

test("who is behind plays faster, but not while nobody sees it", () => {
  const { pilot, video, page } = atTheEdge();
  pilot.steer();
  assert.ok(video.playbackRate > 1);
  page.hidden = true;
  pilot.steer();
  assert.equal(video.playbackRate, 1);
});

test("who was paused by the browser in a hidden tab comes back to the live picture", () => {
  const { pilot, page } = atTheEdge();
  page.hidden = true;
  pilot.paused();
  pilot.edge.arrived(performance.now(), 30);
  pilot.resumed();
  assert.equal(pilot.following, true);
  page.hidden = false;
  assert.equal(pilot.returned(), true);
});

test("who paused by themselves goes on where they paused", () => {
  const { pilot, page } = atTheEdge();
  pilot.isHeldByViewer = true;
  page.hidden = true;
  pilot.paused();
  assert.equal(pilot.returned(), false);
  pilot.edge.arrived(performance.now(), 30);
  pilot.resumed();
  assert.equal(pilot.following, false);
});
