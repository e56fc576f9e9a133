import { test } from "node:test";
import assert from "node:assert/strict";
import { FeedFormatError, FeedReader, FrameType, MAX_FRAME_BYTES, jsonOf } from "../../Services/Gateway/Web/player/feed-frames.js";

/** @param {Partial<import("../../Services/Gateway/Web/player/feed-frames.js").FeedFrame>} frame */
function encoded(frame) {
  const payload = frame.payload ?? new Uint8Array();
  const bytes = new Uint8Array(16 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 12 + payload.length, true);
  view.setUint8(4, frame.type ?? 0);
  view.setUint8(5, frame.independent ? 1 : 0);
  view.setUint16(6, frame.track ?? 0, true);
  view.setUint32(8, frame.msn ?? 0, true);
  view.setUint16(12, frame.part ?? 0, true);
  view.setUint16(14, frame.generation ?? 0, true);
  bytes.set(payload, 16);
  return bytes;
}

const part = { type: FrameType.part, independent: true, track: 2, msn: 70_000, part: 3, generation: 4,
  payload: new Uint8Array([9, 8, 7]) };

test("reads the golden bytes of a part", () => {
  const bytes = new Uint8Array([
    15, 0, 0, 0, 2, 1, 2, 0, 0x70, 0x11, 0x01, 0, 3, 0, 4, 0, 9, 8, 7]);
  assert.deepEqual(encoded(part), bytes);
  assert.deepEqual(new FeedReader().push(bytes), [part]);
});

test("finds the frames wherever the chunks are cut", () => {
  const payload = new TextEncoder().encode('{"graceSeconds":15}');
  const whole = new Uint8Array([...encoded(part), ...encoded({ type: FrameType.publisherAway, payload }),
    ...encoded({ type: FrameType.keepAlive })]);
  for (let size = 1; size <= whole.length; size += 1) {
    const reader = new FeedReader();
    const frames = [];
    for (let offset = 0; offset < whole.length; offset += size) {
      frames.push(...reader.push(whole.slice(offset, offset + size)));
    }
    assert.deepEqual(frames.map((frame) => frame.type), [2, 6, 8], `in chunks of ${size}`);
    assert.deepEqual(frames[0], part);
    assert.deepEqual(jsonOf(frames[1]), { graceSeconds: 15 });
    assert.deepEqual(jsonOf(frames[2]), {});
  }
});

test("refuses lengths that no feed has", () => {
  for (const length of [0, 11, MAX_FRAME_BYTES + 1, 0xffffffff]) {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setUint32(0, length, true);
    assert.throws(() => new FeedReader().push(bytes), FeedFormatError);
  }
});
