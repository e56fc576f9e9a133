import { test } from "node:test";
import assert from "node:assert/strict";
import { TrackBuffer } from "../../Services/Gateway/Web/player/track-buffer.js";
import { INIT_SEGMENTS } from "./init-segments.js";

const avc = new Uint8Array(Buffer.from(INIT_SEGMENTS.avc, "base64"));
const hevc = new Uint8Array(Buffer.from(INIT_SEGMENTS.hevc, "base64"));
const AVC = 'video/mp4; codecs="avc1.64001f"';

/** A SourceBuffer that writes down what is done to it; operations end when the test says so. */
class FakeSourceBuffer extends EventTarget {
  updating = false;
  mode = "";
  timestampOffset = 0;
  /** @type {string[]} */ log = [];
  /** @type {[number, number][]} */ ranges = [];
  isFull = false;

  get buffered() {
    const { ranges } = this;
    return { length: ranges.length, start: (/** @type {number} */ i) => ranges[i][0], end: (/** @type {number} */ i) => ranges[i][1] };
  }

  /** @param {Uint8Array} bytes */
  appendBuffer(bytes) {
    assert.equal(this.updating, false, "appended while updating");
    if (this.isFull) throw new DOMException("full", "QuotaExceededError");
    this.log.push(`append ${bytes.length}`);
    this.updating = true;
  }

  /** @param {number} start @param {number} end */
  remove(start, end) {
    assert.equal(this.updating, false, "removed while updating");
    this.log.push(`remove ${start} ${end}`);
    this.isFull = false;
    this.updating = true;
  }

  /** @param {string} mime */
  changeType(mime) {
    this.log.push(`change ${mime}`);
  }

  finish() {
    this.updating = false;
    this.dispatchEvent(new Event("updateend"));
  }
}

function made() {
  const buffer = new FakeSourceBuffer();
  /** @type {string[]} */ const failures = [];
  const track = new TrackBuffer(/** @type {any} */ (buffer), AVC, {
    playhead: () => 100, onAppended() {}, onFailed: (reason) => failures.push(reason) });
  return { buffer, track, failures };
}

const bytes = (/** @type {number} */ length) => new Uint8Array(length);

test("people see a session begin at 0", () => {
  const { buffer } = made();
  assert.equal(buffer.timestampOffset, -10);
  assert.equal(buffer.mode, "segments");
});

test("an init segment goes before the first media of its generation, once", () => {
  const { buffer, track } = made();
  track.setInit("1", avc);
  track.append("1", bytes(10));
  buffer.finish();
  track.append("1", bytes(20));
  assert.deepEqual(buffer.log, [`append ${avc.length + 10}`, "append 20"]);
});

test("what waits of one generation is appended in one go", () => {
  const { buffer, track } = made();
  track.setInit("1", avc);
  track.setInit("2", avc);
  for (const [generation, length] of /** @type {[string, number][]} */ ([["1", 1], ["1", 2], ["1", 3], ["2", 4]])) {
    track.append(generation, bytes(length));
  }
  buffer.finish();
  buffer.finish();
  assert.deepEqual(buffer.log, [`append ${avc.length + 1}`, "append 5", `append ${avc.length + 4}`]);
});

test("another codec changes the buffer's type first", () => {
  const { buffer, track } = made();
  track.setInit("1", avc);
  track.setInit("2", hevc);
  track.append("1", bytes(1));
  buffer.finish();
  track.append("2", bytes(1));
  assert.deepEqual(buffer.log.slice(1), ['change video/mp4; codecs="hvc1.1.6.L60.90"', `append ${hevc.length + 1}`]);
  assert.equal(track.mime, 'video/mp4; codecs="hvc1.1.6.L60.90"');
});

test("a full buffer gives up what lies well behind the playhead, then goes on", () => {
  const { buffer, track, failures } = made();
  buffer.ranges = [[10, 110]];
  buffer.isFull = true;
  track.setInit("1", avc);
  track.append("1", bytes(7));
  assert.deepEqual(buffer.log, ["remove 10 70"]);
  buffer.finish();
  assert.deepEqual(buffer.log.slice(1), [`append ${avc.length + 7}`]);
  assert.deepEqual(failures, []);
});

test("removing what is not there is nothing", () => {
  const { buffer, track } = made();
  buffer.ranges = [[50, 60]];
  track.remove(0, 40);
  assert.deepEqual(buffer.log, []);
  track.remove(0, 55);
  assert.deepEqual(buffer.log, ["remove 0 55"]);
});

test("idle comes when everything is done", async () => {
  const { buffer, track } = made();
  track.setInit("1", avc);
  track.append("1", bytes(1));
  track.append("1", bytes(1));
  let isIdle = false;
  const idle = track.idle().then(() => { isIdle = true; });
  buffer.finish();
  await Promise.resolve();
  assert.equal(isIdle, false);
  buffer.finish();
  await idle;
  assert.equal(isIdle, true);
});

test("media that the browser cannot parse is told once", () => {
  const { buffer, track, failures } = made();
  buffer.dispatchEvent(new Event("error"));
  buffer.dispatchEvent(new Event("error"));
  assert.equal(failures.length, 1);
  track.append("1", bytes(1));
  assert.deepEqual(buffer.log, []);
});
