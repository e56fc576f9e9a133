import { test } from "node:test";
import assert from "node:assert/strict";
import { namesOf } from "../../Services/Gateway/Web/player/sound-tracks.js";

const track = (/** @type {number} */ number, label = "", language = "und") => ({ track: number, label, language });

test("sound tracks are called by their label, else their language, else their place", () => {
  assert.deepEqual(namesOf([track(1), track(2, "Commentary"), track(3, "", "de")]), ["Sound", "Commentary", "German"]);
  assert.deepEqual(namesOf([track(1), track(2), track(3)]), ["Sound", "Sound 2", "Sound 3"]);
});

test("no two sound tracks have one name, and a language that is none is no name", () => {
  assert.deepEqual(namesOf([track(1, "", "en"), track(2, "", "en")]), ["English", "English 2"]);
  assert.deepEqual(namesOf([track(1, "", "not a language!")]), ["Sound"]);
});
