import { mimeOf } from "./fmp4.js";
import { rangesOf } from "./ranges.js";
import { MEDIA_TIME_ORIGIN } from "./timeline.js";

const KEEP_BEHIND_WHEN_FULL = 30;
const RETRY_WHEN_FULL_MS = 500;

/**
 * One operation of a SourceBuffer's queue.
 * @typedef {{append: Uint8Array, generation: string} | {remove: [number, number]}} Operation
 */

/** One SourceBuffer and its queue: init segments by generation, media, removals, one at a time. */
export class TrackBuffer {
  /** @type {Operation[]} */ #queue = [];
  /** @type {Map<string, {bytes: Uint8Array, mime: string | null}>} */ #inits = new Map();
  /** @type {string | null} */ #generation = null;
  /** @type {(() => void)[]} */ #idle = [];
  #mime;
  #closed = false;

  /**
   * @param {SourceBuffer} buffer @param {string} mime
   * @param {{playhead: () => number, onAppended: () => void, onFailed: (reason: string) => void}} hooks
   */
  constructor(buffer, mime, hooks) {
    this.buffer = buffer;
    this.#mime = mime;
    this.hooks = hooks;
    buffer.mode = "segments";
    buffer.timestampOffset = -MEDIA_TIME_ORIGIN;
    buffer.addEventListener("updateend", () => this.#updated());
    buffer.addEventListener("error", () => this.#fail("the browser could not parse the media"));
  }

  /** The MIME type in force. */
  get mime() {
    return this.#mime;
  }

  /** What is buffered, on the viewer's timeline. */
  get ranges() {
    return this.#closed ? [] : rangesOf(this.buffer.buffered);
  }

  get isIdle() {
    return this.#queue.length === 0 && !this.buffer.updating;
  }

  /**
   * Remembers the init segment that media of this generation needs before it.
   * @param {string} generation @param {Uint8Array} bytes
   */
  setInit(generation, bytes) {
    this.#inits.set(generation, { bytes, mime: mimeOf(bytes) });
  }

  /** @param {string} generation */
  hasInit(generation) {
    return this.#inits.has(generation);
  }

  /** @param {string} generation @returns {Uint8Array | undefined} */
  init(generation) {
    return this.#inits.get(generation)?.bytes;
  }

  /** @param {string} generation @param {Uint8Array} bytes */
  append(generation, bytes) {
    this.#queue.push({ append: bytes, generation });
    this.#work();
  }

  /** @param {number} start @param {number} end */
  remove(start, end) {
    if (!this.ranges.some(([from, to]) => from < end && to > start)) return;
    this.#queue.push({ remove: [start, end] });
    this.#work();
  }

  /** Drops what has not been appended yet. */
  clearQueue() {
    this.#queue = [];
  }

  /** Resolves when nothing is left to do. */
  idle() {
    if (this.isIdle || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(() => resolve(undefined)));
  }

  close() {
    this.#closed = true;
    this.#queue = [];
    this.#settle();
  }

  #updated() {
    if (this.#closed) return;
    this.hooks.onAppended();
    this.#work();
    if (this.isIdle) this.#settle();
  }

  #settle() {
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #work() {
    if (this.#closed || this.buffer.updating) return;
    const operation = this.#queue.shift();
    if (!operation) return;
    try {
      if ("remove" in operation) this.buffer.remove(...operation.remove);
      else this.#append(operation.generation, [operation.append, ...this.#following(operation.generation)]);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * What else is queued of the same generation: a burst is appended in one go.
   * @param {string} generation
   */
  #following(generation) {
    const chunks = [];
    for (let next = this.#queue[0]; next && "append" in next && next.generation === generation; next = this.#queue[0]) {
      chunks.push(next.append);
      this.#queue.shift();
    }
    return chunks;
  }

  /** @param {string} generation @param {Uint8Array[]} chunks */
  #append(generation, chunks) {
    const init = this.#generation === generation ? undefined : this.#inits.get(generation);
    if (init?.mime && init.mime !== this.#mime) this.#changeType(init.mime);
    const bytes = joined(init ? [init.bytes, ...chunks] : chunks);
    try {
      this.buffer.appendBuffer(/** @type {BufferSource} */ (bytes));
      this.#generation = generation;
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error;
      this.#queue.unshift({ append: joined(chunks), generation });
      this.#makeRoom();
    }
  }

  /** @param {string} mime */
  #changeType(mime) {
    if (!("changeType" in this.buffer)) return;
    this.buffer.changeType(mime);
    this.#mime = mime;
  }

  /** The browser's memory is full: give up what lies well behind the playhead, else wait for playback. */
  #makeRoom() {
    const start = this.ranges[0]?.[0] ?? 0;
    const end = this.hooks.playhead() - KEEP_BEHIND_WHEN_FULL;
    if (end > start) this.buffer.remove(start, end);
    else setTimeout(() => this.#work(), RETRY_WHEN_FULL_MS);
  }

  /** @param {string} reason */
  #fail(reason) {
    if (this.#closed) return;
    this.close();
    this.hooks.onFailed(reason);
  }
}

/** @param {Uint8Array[]} chunks */
function joined(chunks) {
  if (chunks.length === 1) return chunks[0];
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
