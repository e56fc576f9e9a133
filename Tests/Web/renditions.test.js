import { test } from "node:test";
import assert from "node:assert/strict";
import { playable } from "../../Services/Gateway/Web/player/live-receiver.js";

const aac = { name: "aac", codec: "mp4a.40.2", mime: 'audio/mp4; codecs="mp4a.40.2"' };
const sound = /** @type {import("../../Services/Gateway/Web/player/live-receiver.js").FeedTrack} */ (
  { track: 1, generation: 1, kind: "audio", codec: "opus", mime: 'audio/mp4; codecs="opus"', renditions: [aac] });

test("a browser that can play the stream's own sound stays with it", () => {
  assert.equal(playable(sound, () => true), sound);
});

test("a browser that cannot takes the coding that is offered, under the number of the track", () => {
  const taken = playable(sound, (mime) => mime === aac.mime);
  assert.deepEqual([taken.track, taken.mime, taken.rendition], [1, aac.mime, "aac"]);
});

test("a sound that nobody can play is left as it is, for the viewer to be told", () => {
  assert.equal(playable(sound, () => false), sound);
  assert.equal(playable({ ...sound, renditions: undefined }, () => false).rendition, undefined);
});
