/** Keeps the screen on while it is wanted: a phone that dims its screen would end the stream. */
export class WakeLock {
  #isWanted = false;
  /** @type {Promise<any> | null} */ #lock = null;

  constructor() {
    document.addEventListener("visibilitychange", this.#seen);
  }

  /** @param {boolean} isWanted */
  set isWanted(isWanted) {
    if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    if (isWanted) this.#take();
    else this.#release();
  }

  close() {
    this.isWanted = false;
    document.removeEventListener("visibilitychange", this.#seen);
  }

  /** Browsers take the lock away from a page that is not seen. */
  #seen = () => {
    if (this.#isWanted && !document.hidden) this.#take();
  };

  #take() {
    this.#release();
    this.#lock = /** @type {any} */ (navigator).wakeLock?.request("screen").catch(() => null) ?? null;
  }

  #release() {
    void this.#lock?.then((lock) => lock?.release()).catch(() => {});
    this.#lock = null;
  }
}
