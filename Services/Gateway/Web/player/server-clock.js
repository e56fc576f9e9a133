import { call } from "../api.js";

const SYNC_MS = 60_000;
const SAMPLES_KEPT = 8;
/** Clocks that agree differ by no more than their round trips and this, in ms: what drifts in some minutes. */
const MOST_DRIFT_MS = 50;

/**
 * One look at the server's clock: server minus ours, and how long the look took, in ms.
 * @typedef {{offset: number, roundTrip: number}} ClockSample
 */

/**
 * The samples that still hold with a new one beside them: a computer that slept, or whose clock was set, begins anew.
 * @param {ClockSample[]} samples @param {ClockSample} next
 */
export function withSample(samples, next) {
  const agrees = (/** @type {ClockSample} */ one) =>
    Math.abs(one.offset - next.offset) <= (one.roundTrip + next.roundTrip) / 2 + MOST_DRIFT_MS;
  return [...samples.filter(agrees), next].slice(-SAMPLES_KEPT);
}

/** The server's clock, by the fastest of the last round trips to `/api/v1/time`. */
export class ServerClock {
  /** @type {ClockSample[]} */ #samples = [];
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;

  start() {
    void this.#sync().then(() => this.#sync());
    this.#timer = setInterval(() => void this.#sync(), SYNC_MS);
    document.addEventListener("visibilitychange", this.#seen);
  }

  stop() {
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.#seen);
  }

  /** Who comes back may have slept. */
  #seen = () => {
    if (!document.hidden) void this.#sync();
  };

  /** Whether the server has been asked yet. */
  get isSet() {
    return this.#samples.length > 0;
  }

  /** Milliseconds since 1970 on the server. */
  now() {
    return performance.timeOrigin + performance.now() + this.#offset;
  }

  get #offset() {
    const best = this.#samples.reduce(
      (one, other) => (other.roundTrip < one.roundTrip ? other : one), { offset: 0, roundTrip: Infinity });
    return best.offset;
  }

  async #sync() {
    const sent = performance.now();
    try {
      const { unixMs } = await call("GET", "/api/v1/time");
      const received = performance.now();
      const middle = performance.timeOrigin + (sent + received) / 2;
      this.#samples = withSample(this.#samples, { offset: unixMs - middle, roundTrip: received - sent });
    } catch {
      // The next round trip may succeed; until then the last offset holds.
    }
  }
}
