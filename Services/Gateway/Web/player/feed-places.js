/** Browsers open six connections to a server by HTTP/1.1: so many feeds of a page may hold one each. */
const HELD = 3;

/**
 * A feed's right to a connection. `isTurn`: only for what there is just now, for others wait.
 * @typedef {{isTurn: boolean, leave: () => void}} Place
 */

/**
 * The connections of a page that its feeds may have. Where they are scarce, some feeds hold one, and one more goes round
 * among all others, so that no request of the page waits for ever.
 */
export class FeedPlaces {
  #held = 0;
  #isTurnTaken = false;
  /** @type {((isTurn: boolean) => void)[]} */ #waiting = [];

  /** @param {() => boolean} isScarce */
  constructor(isScarce) {
    this.isScarce = isScarce;
  }

  /**
   * A place, as soon as there is one. Who gives up by the signal leaves it, or waits no more.
   * @param {AbortSignal} signal @returns {Promise<Place>}
   */
  take(signal) {
    return new Promise((resolve) => {
      const begin = (/** @type {boolean} */ isTurn) => {
        signal.removeEventListener("abort", giveUp);
        resolve(this.#place(isTurn, signal));
      };
      const giveUp = () => {
        this.#waiting = this.#waiting.filter((one) => one !== begin);
        resolve({ isTurn: false, leave() {} });
      };
      signal.addEventListener("abort", giveUp, { once: true });
      this.#waiting.push(begin);
      this.#serve();
    });
  }

  /** Who has waited longest comes first. */
  #serve() {
    while (this.#waiting.length > 0) {
      const isTurn = this.isScarce() && this.#held >= HELD;
      if (isTurn && this.#isTurnTaken) return;
      this.#waiting.shift()?.(isTurn);
    }
  }

  /** @param {boolean} isTurn @param {AbortSignal} signal @returns {Place} */
  #place(isTurn, signal) {
    this.#count(isTurn, 1);
    let isLeft = false;
    const leave = () => {
      if (isLeft) return;
      isLeft = true;
      signal.removeEventListener("abort", leave);
      this.#count(isTurn, -1);
      this.#serve();
    };
    signal.addEventListener("abort", leave, { once: true });
    return { isTurn, leave };
  }

  /** @param {boolean} isTurn @param {1 | -1} change */
  #count(isTurn, change) {
    if (isTurn) this.#isTurnTaken = change > 0;
    else this.#held += change;
  }
}

/** Those of this page: scarce where it came by HTTP/1.1, as without TLS it always does. */
export const pagePlaces = new FeedPlaces(() => {
  const page = /** @type {PerformanceNavigationTiming | undefined} */ (performance.getEntriesByType?.("navigation")[0]);
  const protocol = page?.nextHopProtocol || (globalThis.location?.protocol === "http:" ? "http/1.1" : "");
  return protocol.startsWith("http/1");
});
