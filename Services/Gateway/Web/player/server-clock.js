import { call } from "../api.js";

const SYNC_MS = 60_000;
const SAMPLES_KEPT = 8;

/** The server's clock, by the fastest of the last round trips to `/api/v1/time`. */
export class ServerClock {
  /** @type {{offset: number, roundTrip: number}[]} */ #samples = [];
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;

  start() {
    void this.#sync().then(() => this.#sync());
    this.#timer = setInterval(() => void this.#sync(), SYNC_MS);
  }

  stop() {
    clearInterval(this.#timer);
  }

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
      this.#samples.push({ offset: unixMs - middle, roundTrip: received - sent });
      this.#samples = this.#samples.slice(-SAMPLES_KEPT);
    } catch {
      // The next round trip may succeed; until then the last offset holds.
    }
  }
}
