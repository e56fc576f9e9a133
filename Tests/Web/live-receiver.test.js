import { test } from "node:test";
import assert from "node:assert/strict";
import { FrameType } from "../../Services/Gateway/Web/player/feed-frames.js";
import { LiveReceiver } from "../../Services/Gateway/Web/player/live-receiver.js";
import { MAX_TARGET } from "../../Services/Gateway/Web/player/live-edge.js";
import { Pilot } from "../../Services/Gateway/Web/player/pilot.js";
import { hold } from "./timers.js";

const PART_SECONDS = 0.25;
const MIME = 'video/mp4; codecs="avc1.42c01e"';

/** @param {number} type @param {{track?: number, msn?: number, part?: number, payload?: Uint8Array}} fields */
function frame(type, { track = 0, msn = 0, part = 0, payload = new Uint8Array() }) {
  const bytes = new Uint8Array(16 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 12 + payload.length, true);
  view.setUint8(4, type);
  view.setUint16(6, track, true);
  view.setUint32(8, msn, true);
  view.setUint16(12, part, true);
  bytes.set(payload, 16);
  return bytes;
}

const tracks = frame(FrameType.tracksChanged, { payload: new TextEncoder().encode(JSON.stringify({
  partTarget: PART_SECONDS, tracks: [{ track: 1, generation: 1, kind: "video", codec: "avc1.42c01e", mime: MIME }] })) });

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A player of a multi-view: what receives, and what steers, with a sink that holds what was appended. */
class Tile {
  #end = 0;
  sink = {
    isOpen: false, tracks: new Map(),
    /** @param {Map<string, string>} mimes */
    open: async (mimes) => {
      this.sink.isOpen = true;
      for (const kind of mimes.keys()) {
        this.sink.tracks.set(kind, { setInit() {}, append: () => { this.#end += PART_SECONDS; this.pilot.appended(); } });
      }
    },
    idle: async () => {}, buffered: () => (this.#end > 0 ? [[0, this.#end]] : []),
  };

  /** @param {string} base @param {(url: string, signal: AbortSignal) => Promise<Response>} fetchMedia */
  constructor(base, fetchMedia) {
    const hooks = { onCaughtUp: () => { this.pilot.joined(); this.pilot.appended(); },
      onPublisher() {}, onDiscontinuity() {}, onEnd() {}, onState() {}, onUnplayable() {} };
    this.receiver = new LiveReceiver(base, fetchMedia, /** @type {any} */ (this.sink), hooks);
    this.pilot = new Pilot(/** @type {any} */ ({}), /** @type {any} */ (this.sink), this.receiver, /** @type {any} */ ({}));
  }
}

test("a feed of a multi-view that holds a connection after turns plays as near to life as any other at once", async (context) => {
  const timers = hold(context);
  Object.assign(globalThis, { location: { protocol: "http:" }, MediaSource: { isTypeSupported: () => true } });
  context.after(() => { for (const name of ["location", "MediaSource"]) Reflect.deleteProperty(globalThis, name); });
  /** @type {Map<string, ReadableStreamDefaultController>} */ const held = new Map();
  const tiles = Array.from({ length: 4 }, (_, index) => new Tile(`/${index}/`, async (_, signal) => new Response(
    new ReadableStream({
      start(controller) {
        held.set(`/${index}/`, controller);
        signal.addEventListener("abort", () => {
          try { controller.error(new DOMException("", "AbortError")); } catch { /* it is over already */ }
        });
      },
    }))));
  for (const tile of tiles) tile.receiver.start();
  const last = tiles[3];
  let part = 0;
  const supply = async () => {
    held.get("/3/")?.enqueue(frame(FrameType.part, { track: 1, msn: 1, part }));
    part += 1;
    await settled();
    timers.tick(50);  // the burst is over, and so is a turn
    await settled();
  };
  await settled();
  held.get("/3/")?.enqueue(tracks);
  await settled();
  await supply();
  assert.equal(last.receiver.isCaughtUp, true);
  assert.ok(last.pilot.target >= 1 + PART_SECONDS, `${last.pilot.target} s with turns`);
  tiles[0].receiver.stop();
  timers.tick(400);
  await settled();
  assert.equal(last.receiver.partTarget, PART_SECONDS, "it holds a connection now");
  await supply();
  assert.ok(last.pilot.target <= MAX_TARGET, `${last.pilot.target} s without a rejoin`);
  assert.equal(last.receiver.connection.reconnects, 0);
  for (const tile of tiles) tile.receiver.stop();
});
