import { rangeAfter, rangeAt } from "./ranges.js";

const STANDS_AT_GAP_MS = 100;
const STANDS_BEFORE_GAP_MS = 500;
const STANDS_IN_DATA_MS = 1_500;
/** Looks further apart than this, in ms, say nothing of the time between them: the page itself stood still. */
const LONGEST_LOOK_MS = 300;
/** With less than this ahead, in seconds, a browser may rather wait for more than begin to play. */
const ENOUGH = 1;
/** With less than this ahead, in seconds, there is nothing left to play. */
const NOTHING = 0.1;
const SMALL_GAP = 0.5;
const NUDGE = 0.02;
const NUDGES_BEFORE_REBUILD = 3;

/**
 * What to do about a playhead that does not move.
 * @typedef {{action: "none"} | {action: "move", to: number, over: "gap" | "stall"} | {action: "rebuild"}} Remedy
 */

/**
 * Sees a playhead stand still and says how to help it. A value without clock: `now` is in milliseconds.
 */
export class Watchdog {
  #playhead = -1;
  #decoded = 0;
  #lookedAt = 0;
  #stood = 0;
  #nudges = 0;

  /**
   * The playhead is about to be moved on purpose.
   * @param {number} now
   */
  reset(now) {
    this.#playhead = -1;
    this.#lookedAt = now;
    this.#stood = 0;
    this.#nudges = 0;
  }

  /**
   * @param {number} now
   * @param {{playhead: number, ranges: import("./ranges.js").Range[], isWanted: boolean, isComplete: boolean,
   *   decoded: number, isReal: (time: number) => boolean}} look whether it should move, whether the media will not go on,
   *   how many pictures were decoded by now, and whether a hole that begins at a time is known to be one
   * @returns {Remedy}
   */
  check(now, { playhead, ranges, isWanted, isComplete, decoded, isReal }) {
    if (!this.#stands(now, isWanted, playhead, decoded)) return { action: "none" };
    const here = rangeAt(ranges, playhead);
    const end = here ? here[1] : playhead;
    const next = rangeAfter(ranges, end);
    const ahead = end - playhead;
    if (ahead > (isComplete && !next ? NOTHING : ENOUGH)) {
      return this.#stood < STANDS_IN_DATA_MS ? { action: "none" } : this.#nudge(playhead);
    }
    if (!next || this.#stood < (ahead > NOTHING ? STANDS_BEFORE_GAP_MS : STANDS_AT_GAP_MS)) return { action: "none" };
    if (next[0] - end > SMALL_GAP && !isReal(end)) return { action: "none" };
    return { action: "move", to: next[0] + 0.001, over: "gap" };
  }

  /**
   * Counts the time that the playhead stands: not while a slow decoder is at work.
   * @param {number} now @param {boolean} isWanted @param {number} playhead @param {number} decoded
   */
  #stands(now, isWanted, playhead, decoded) {
    const passed = Math.min(now - this.#lookedAt, LONGEST_LOOK_MS);
    this.#lookedAt = now;
    const isAtWork = decoded !== this.#decoded;
    this.#decoded = decoded;
    if (isWanted && playhead === this.#playhead) {
      if (!isAtWork) this.#stood += passed;
      return true;
    }
    if (Math.abs(playhead - this.#playhead) > 2 * NUDGE) this.#nudges = 0;
    this.#playhead = playhead;
    this.#stood = 0;
    return false;
  }

  /** @param {number} playhead @returns {Remedy} */
  #nudge(playhead) {
    this.#stood = 0;
    this.#nudges += 1;
    if (this.#nudges > NUDGES_BEFORE_REBUILD) return { action: "rebuild" };
    return { action: "move", to: playhead + NUDGE, over: "stall" };
  }
}
