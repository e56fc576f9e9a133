import { beforeEach, test } from "node:test";
import assert from "node:assert/strict";
import { Capture } from "../../Services/Gateway/Web/studio/capture.js";

// Every browser has it, node from 19 on.
globalThis.CustomEvent ??= class extends Event {
  constructor(name, { detail } = {}) {
    super(name);
    this.detail = detail;
  }
};

/** A track that knows whether it was stopped, and can be unplugged. */
class FakeTrack extends EventTarget {
  isStopped = false;
  enabled = true;
  contentHint = "";

  constructor(/** @type {string} */ kind, /** @type {string} */ name) {
    super();
    this.kind = kind;
    this.name = name;
  }

  stop() { this.isStopped = true; }

  unplug() { this.dispatchEvent(new Event("ended")); }
}

/** @param {...FakeTrack} tracks */
const streamOf = (...tracks) => ({ getTracks: () => tracks });

/** Questions to the browser that are not answered yet. @type {{resolve: (stream: any) => void, reject: (error: unknown) => void}[]} */
let questions = [];
const ask = () => new Promise((resolve, reject) => questions.push({ resolve, reject }));

beforeEach(() => {
  questions = [];
  Object.defineProperty(globalThis, "navigator", {
    configurable: true, value: { mediaDevices: { getUserMedia: ask, getDisplayMedia: ask } } });
});

test("a camera that is allowed after the page was left is let go", async () => {
  const capture = new Capture();
  const opening = capture.openCamera();
  capture.close();
  const camera = new FakeTrack("video", "camera");
  questions[0].resolve(streamOf(camera));
  await opening;
  assert.equal(camera.isStopped, true);
  assert.equal(capture.isOpen, false);
});

test("of two choices the later one wins, whichever is answered first", async () => {
  const capture = new Capture();
  const [first, second] = [capture.openCamera(), capture.openCamera()];
  const [one, two] = [new FakeTrack("video", "one"), new FakeTrack("video", "two")];
  questions[1].resolve(streamOf(two));
  questions[0].resolve(streamOf(one));
  await Promise.all([first, second]);
  assert.equal(/** @type {any} */ (capture.video).name, "two");
  assert.deepEqual([one.isStopped, two.isStopped], [true, false]);
});

test("a camera that is refused leaves the screen that is shown as it is", async () => {
  const capture = new Capture();
  const sharing = capture.openScreen();
  const screen = new FakeTrack("video", "screen");
  questions[0].resolve(streamOf(screen));
  await sharing;
  const opening = capture.openCamera();
  questions[1].reject(new DOMException("no", "NotAllowedError"));
  await assert.rejects(opening, { wasRefused: true });
  assert.equal(capture.source, "screen");
  assert.equal(screen.contentHint, "detail");
});

test("a device that goes by itself is told in words, one that was replaced is not", async () => {
  const capture = new Capture();
  /** @type {string[]} */ const lost = [];
  capture.addEventListener("lost", (event) => lost.push(/** @type {CustomEvent} */ (event).detail));
  const opening = capture.openCamera();
  const [camera, microphone] = [new FakeTrack("video", "camera"), new FakeTrack("audio", "microphone")];
  questions[0].resolve(streamOf(camera, microphone));
  await opening;
  microphone.unplug();
  assert.match(lost[0], /^The microphone is gone/);
  assert.equal(capture.audio, null);
  const sharing = capture.openScreen();
  questions[1].resolve(streamOf(new FakeTrack("video", "screen")));
  await sharing;
  camera.unplug();
  assert.equal(lost.length, 1);
});
