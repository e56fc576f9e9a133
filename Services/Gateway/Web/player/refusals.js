/** How often the server may refuse a session's media before that is believed: some thirteen seconds. */
const MOST = 14;

/** Bears with a server that refuses media: a session is announced before its media is there, and outlives it. */
export class Refusals {
  #count = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

  /**
   * Tries again after a pause that grows; false when that has gone on for too long.
   * @param {() => void} again
   */
  bear(again) {
    this.#count += 1;
    if (this.#count > MOST) return false;
    this.#timer = setTimeout(again, 120 * 1.25 ** this.#count);
    return true;
  }

  /** Media plays. */
  forget() {
    this.#count = 0;
  }

  /** What was refused is not wanted any more. */
  stop() {
    clearTimeout(this.#timer);
  }
}
