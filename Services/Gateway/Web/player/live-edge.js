/** Playback rates that the ear does not notice with the pitch preserved. */
export const MIN_RATE = 0.97;
export const MAX_RATE = 1.06;
/** Further behind the target than this, in seconds, the playhead jumps. */
export const JUMP_BEHIND = 3;
export const MIN_TARGET = 0.25;
export const MAX_TARGET = 0.5;
/** Stalls may raise the target this far beyond what jitter asks, in seconds. */
export const MAX_STALL_MARGIN = 2;

const WINDOW_MS = 15_000;
const START_CORRECTING = 0.06;
const STOP_CORRECTING = 0.015;
const STALL_MARGIN_HALF_LIFE_MS = 20_000;
const GAIN = 0.2;

/**
 * Decides how fast to play so that the playhead keeps a small, steady distance to the newest media.
 * A value without clock: the caller passes `now` in milliseconds of one monotonic clock.
 *
 * The edge is a straight line through the earliest arrivals: `now / 1000 + lead`, where `lead` is the
 * largest `media end − arrival time` of the last seconds. A late part is then jitter, not a moved edge.
 */
export class LiveEdge {
  /** @type {{at: number, lead: number}[]} */ #arrivals = [];
  #partDuration;
  #stallMargin = 0;
  #stallMarginAt = 0;
  #correcting = false;

  /** @param {number} partDuration in seconds */
  constructor(partDuration = 0.3) {
    this.#partDuration = partDuration;
  }

  /** @param {number} seconds */
  set partDuration(seconds) {
    if (seconds > 0) this.#partDuration = seconds;
  }

  /** Forgets the arrivals: the media's clock has jumped, or the connection is new. */
  reset() {
    this.#arrivals = [];
    this.#correcting = false;
  }

  /**
   * Media up to `mediaEnd` seconds has arrived.
   * @param {number} now @param {number} mediaEnd
   */
  arrived(now, mediaEnd) {
    this.#arrivals.push({ at: now, lead: mediaEnd - now / 1000 });
    while (this.#arrivals[0].at < now - WINDOW_MS) this.#arrivals.shift();
  }

  /**
   * The playhead ran dry at `now`.
   * @param {number} now
   */
  stalled(now) {
    const raised = this.target(now) * 0.5 + this.#marginAt(now);
    this.#stallMargin = Math.min(raised, MAX_STALL_MARGIN);
    this.#stallMarginAt = now;
  }

  /**
   * Where the newest media ends at `now`, or null before the first arrival.
   * @param {number} now
   */
  edge(now) {
    if (this.#arrivals.length === 0) return null;
    return now / 1000 + Math.max(...this.#arrivals.map((arrival) => arrival.lead));
  }

  /** How late the 95th of a hundred parts is, in seconds. */
  get jitter() {
    if (this.#arrivals.length < 2) return 0;
    const leads = this.#arrivals.map((arrival) => arrival.lead).sort((a, b) => b - a);
    return leads[0] - leads[Math.min(leads.length - 1, Math.floor(leads.length * 0.95))];
  }

  /**
   * The distance to the edge to keep, in seconds.
   * @param {number} now
   */
  target(now) {
    const learnt = this.#partDuration + this.jitter;
    const bounded = Math.min(Math.max(learnt, MIN_TARGET), Math.max(MAX_TARGET, this.#partDuration));
    return bounded + this.#marginAt(now);
  }

  /**
   * What to do with the playhead now: a rate, and where it is too far behind, a place to jump to.
   * @param {number} now @param {number} playhead in seconds
   * @returns {{rate: number, jumpTo: number | null, behind: number}}
   */
  decide(now, playhead) {
    const edge = this.edge(now);
    if (edge === null) return { rate: 1, jumpTo: null, behind: 0 };
    const behind = edge - playhead;
    const excess = behind - this.target(now);
    if (excess > JUMP_BEHIND) {
      this.#correcting = false;
      return { rate: 1, jumpTo: edge - this.target(now), behind };
    }
    return { rate: this.#rate(excess), jumpTo: null, behind };
  }

  /**
   * A hundredth at a time, and none inside the dead band: no audible steps.
   * @param {number} excess
   */
  #rate(excess) {
    this.#correcting = Math.abs(excess) > (this.#correcting ? STOP_CORRECTING : START_CORRECTING);
    if (!this.#correcting) return 1;
    const step = Math.max(0.01, Math.abs(excess) * GAIN) * Math.sign(excess);
    const rate = Math.min(Math.max(1 + step, MIN_RATE), MAX_RATE);
    return Math.round(rate * 100) / 100;
  }

  /** @param {number} now */
  #marginAt(now) {
    if (this.#stallMargin === 0) return 0;
    const margin = this.#stallMargin * 0.5 ** ((now - this.#stallMarginAt) / STALL_MARGIN_HALF_LIFE_MS);
    return margin < 0.01 ? 0 : margin;
  }
}
