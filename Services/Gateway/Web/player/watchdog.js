import { rangeAfter, rangeAt } from "./ranges.js";

const STANDS_AT_GAP_MS = 100;
const STANDS_IN_DATA_MS = 1_500;
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
  #movedAt = 0;
  #nudges = 0;

  /**
   * The playhead is about to be moved on purpose.
   * @param {number} now
   */
  reset(now) {
    this.#playhead = -1;
    this.#movedAt = now;
    this.#nudges = 0;
  }

  /**
   * @param {number} now
   * @param {{playhead: number, ranges: import("./ranges.js").Range[], isWanted: boolean,
   *   isReal: (time: number) => boolean}} look whether it should move, and whether a hole is known to be one
   * @returns {Remedy}
   */
  check(now, { playhead, ranges, isWanted, isReal }) {
    if (!isWanted || playhead !== this.#playhead) {
      if (Math.abs(playhead - this.#playhead) > 2 * NUDGE) this.#nudges = 0;
      this.#playhead = playhead;
      this.#movedAt = now;
      return { action: "none" };
    }
    const stood = now - this.#movedAt;
    const here = rangeAt(ranges, playhead);
    if (here && here[1] - playhead > 0.1) return stood < STANDS_IN_DATA_MS ? { action: "none" } : this.#nudge(now, playhead);
    const next = rangeAfter(ranges, here ? here[1] : playhead);
    if (!next || stood < STANDS_AT_GAP_MS) return { action: "none" };
    if (next[0] - playhead > SMALL_GAP && !isReal(playhead)) return { action: "none" };
    return { action: "move", to: next[0] + 0.001, over: "gap" };
  }

  /** @param {number} now @param {number} playhead @returns {Remedy} */
  #nudge(now, playhead) {
    this.#movedAt = now;
    this.#nudges += 1;
    if (this.#nudges > NUDGES_BEFORE_REBUILD) return { action: "rebuild" };
    return { action: "move", to: playhead + NUDGE, over: "stall" };
  }
}
