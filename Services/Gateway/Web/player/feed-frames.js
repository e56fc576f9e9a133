/** Frame types of the `feed` response. */
export const FrameType = Object.freeze({
  init: 1, part: 2, gap: 3, discontinuity: 4, end: 5,
  publisherAway: 6, publisherBack: 7, keepAlive: 8, tracksChanged: 9,
});

/** The largest frame a server may send, in bytes; above it the connection is not a feed. */
export const MAX_FRAME_BYTES = 32 * 1024 * 1024;

const LENGTH_BYTES = 4;
const HEADER_BYTES = 12;

/**
 * @typedef {object} FeedFrame
 * @property {number} type one of `FrameType`
 * @property {boolean} independent the part begins with a keyframe
 * @property {number} track
 * @property {number} msn media sequence number of the segment
 * @property {number} part index of the part in its segment
 * @property {number} generation configuration generation of the track
 * @property {Uint8Array} payload init segment, CMAF chunk or JSON
 */

/** What stands on the wire is not a feed. */
export class FeedFormatError extends Error {}

/** Cuts a byte stream, in chunks of any size, into feed frames. */
export class FeedReader {
  /** @type {Uint8Array[]} */ #chunks = [];
  #buffered = 0;

  /**
   * Takes the next bytes and returns the frames they complete.
   * @param {Uint8Array} chunk
   * @returns {FeedFrame[]}
   */
  push(chunk) {
    if (chunk.length > 0) {
      this.#chunks.push(chunk);
      this.#buffered += chunk.length;
    }
    const frames = [];
    for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame);
    return frames;
  }

  /** @returns {FeedFrame | null} */
  #next() {
    if (this.#buffered < LENGTH_BYTES) return null;
    const length = viewOf(this.#peek(LENGTH_BYTES)).getUint32(0, true);
    if (length < HEADER_BYTES || length > MAX_FRAME_BYTES) {
      throw new FeedFormatError(`a frame of ${length} bytes`);
    }
    if (this.#buffered < LENGTH_BYTES + length) return null;
    return frameOf(this.#take(LENGTH_BYTES + length));
  }

  /**
   * The first `count` bytes in one piece, left where they are.
   * @param {number} count
   */
  #peek(count) {
    if (this.#chunks[0].length < count) this.#chunks = [joined(this.#chunks, this.#buffered)];
    return this.#chunks[0].subarray(0, count);
  }

  /**
   * The first `count` bytes in one piece, removed; chunks are joined once a frame, not once a chunk.
   * @param {number} count
   */
  #take(count) {
    const bytes = this.#peek(count);
    const rest = this.#chunks[0].subarray(count);
    if (rest.length > 0) this.#chunks[0] = rest;
    else this.#chunks.shift();
    this.#buffered -= count;
    return bytes;
  }
}

/**
 * Reads a frame's JSON payload; an empty one is an empty object.
 * @param {FeedFrame} frame
 * @returns {any}
 */
export function jsonOf(frame) {
  if (frame.payload.length === 0) return {};
  return JSON.parse(new TextDecoder().decode(frame.payload));
}

/** @param {Uint8Array} bytes @returns {FeedFrame} */
function frameOf(bytes) {
  const view = viewOf(bytes);
  return {
    type: view.getUint8(4),
    independent: (view.getUint8(5) & 1) === 1,
    track: view.getUint16(6, true),
    msn: view.getUint32(8, true),
    part: view.getUint16(12, true),
    generation: view.getUint16(14, true),
    payload: bytes.subarray(LENGTH_BYTES + HEADER_BYTES),
  };
}

/** @param {Uint8Array} bytes */
function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @param {Uint8Array[]} chunks @param {number} length */
function joined(chunks, length) {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
