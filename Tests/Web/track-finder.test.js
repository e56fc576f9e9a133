import { test } from "node:test";
import assert from "node:assert/strict";
import { TrackFinder } from "../../Services/Gateway/Web/player/track-finder.js";
import { hold } from "./timers.js";

const LAYER = "#EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS=\"avc1.42e01f\"\n";
const URL_OF_IT = "http://localhost/live/s/e/index.m3u8";

/** @param {number} count */
const master = (count) => `#EXTM3U\n${Array.from({ length: count }, (_, track) => `${LAYER}${track}/live.m3u8\n`).join("")}`;
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a layer that the playlist has a moment later is found, and no answer is no news", async (t) => {
  const timers = hold(t);
  const answers = [() => new Response(master(1)), () => { throw new Error("gone"); }, () => new Response(master(3))];
  /** @type {number[]} */ const found = [];
  const finder = new TrackFinder(async () => /** @type {() => Response} */ (answers.shift())());
  finder.find(URL_OF_IT, (renditions) => found.push(renditions.length));
  for (const step of [0, 1000, 2000]) {
    timers.tick(step);
    await settled();
  }
  assert.deepEqual(found, [1, 3]);
});

test("who is not interested any more is told nothing", async (t) => {
  const timers = hold(t);
  let asked = 0;
  const finder = new TrackFinder(async () => { asked += 1; return new Response(master(1)); });
  finder.find(URL_OF_IT, () => assert.fail("it was told"));
  timers.tick(0);
  finder.stop();
  await settled();
  timers.tick(10_000);
  await settled();
  assert.equal(asked, 1);
});
