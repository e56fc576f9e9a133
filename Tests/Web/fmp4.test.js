import { test } from "node:test";
import assert from "node:assert/strict";
import { boxAt, boxesIn, decodeTimeOf, mimeOf, timescaleOf } from "../../Services/Gateway/Web/player/fmp4.js";
import { INIT_SEGMENTS } from "./init-segments.js";

const bytesOf = (/** @type {string} */ base64) => new Uint8Array(Buffer.from(base64, "base64"));
const inits = Object.fromEntries(Object.entries(INIT_SEGMENTS).map(([name, text]) => [name, bytesOf(text)]));

/** A box around its body. @param {string} type @param {...number[]} bodies */
function box(type, ...bodies) {
  const body = bodies.flat();
  const size = body.length + 8;
  return [0, 0, size >> 8, size & 255, ...[...type].map((letter) => letter.charCodeAt(0)), ...body];
}

test("names the codecs of what encoders send", () => {
  assert.equal(mimeOf(inits.avc), 'video/mp4; codecs="avc1.64001f"');
  assert.equal(mimeOf(inits.hevc), 'video/mp4; codecs="hvc1.1.6.L60.90"');
  assert.equal(mimeOf(inits.vp9), 'video/mp4; codecs="vp09.00.20.08"');
  assert.equal(mimeOf(inits.aac), 'audio/mp4; codecs="mp4a.40.2"');
  assert.equal(mimeOf(inits.opus), 'audio/mp4; codecs="opus"');
});

test("reads the timescale", () => {
  assert.equal(timescaleOf(inits.avc), 15_360);
  assert.equal(timescaleOf(inits.aac), 48_000);
});

test("reads decode times of 32 and 64 bits", () => {
  const short = box("moof", box("traf", box("tfdt", [0, 0, 0, 0], [0, 1, 0, 0])));
  assert.equal(decodeTimeOf(new Uint8Array(short)), 65_536);
  const long = box("moof", box("traf", box("tfdt", [1, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0, 5])));
  assert.equal(decodeTimeOf(new Uint8Array([...box("styp", [1]), ...long])), 4_294_967_301);
});

test("a box that lies about its length ends the list and nothing else", () => {
  assert.deepEqual(boxesIn(new Uint8Array([0, 0, 0, 4, 1, 2, 3, 4])), []);
  assert.deepEqual(boxesIn(new Uint8Array([255, 255, 255, 255, 1, 2, 3, 4])), []);
  assert.equal(boxAt(new Uint8Array(box("moov", [1, 2, 3])), ["moov", "trak"]), null);
});

test("no cut of a good init segment throws", () => {
  for (const init of Object.values(inits)) {
    for (let length = 0; length < init.length; length += 1) {
      const cut = init.slice(0, length);
      mimeOf(cut);
      timescaleOf(cut);
      decodeTimeOf(cut);
    }
  }
});

test("no flipped byte of a good init segment throws", () => {
  for (const init of Object.values(inits)) {
    for (let index = 0; index < init.length; index += 1) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const broken = init.slice();
        broken[index] = value;
        mimeOf(broken);
        timescaleOf(broken);
      }
    }
  }
});
