import { Problem } from "../api.js";
import { backOff } from "./pause.js";

/** A picture is shown up to so much larger than it is: the next layer is twice as large, and more than half unseen. */
const MOST_STRETCH = 1.5;
const LARGEST = 16_384;

/**
 * One layer of a simulcast, as the server tells it.
 * @typedef {{rid: string, width: number, height: number}} Layer
 */

/**
 * What one viewer wants: the name of a layer, or the best up to a height in pixels; null for any.
 * @typedef {{layer: string, maxHeight: number | null}} Wish
 */

/**
 * The largest picture that is of use where `height` pixels of the screen show it.
 * @param {number | null} height null: as large as can be
 */
export function usefulHeight(height) {
  return height === null ? null : Math.min(Math.max(1, Math.ceil(height * MOST_STRETCH)), LARGEST);
}

/** Tells the server which layer of a simulcast one direct connection wants, one request at a time, the newest wish last. */
export class LayerWish {
  #rid = "auto";
  /** @type {number | null | undefined} unknown before it was measured */ #height = undefined;
  #told = "";
  #isTelling = false;

  /**
   * @param {(wish: Wish) => Promise<{layers?: Layer[]}>} send @param {AbortSignal} signal
   * @param {(layers: Layer[]) => void} onLayers the layers that there are, the best first
   */
  constructor(send, signal, onLayers) {
    this.send = send;
    this.signal = signal;
    this.onLayers = onLayers;
  }

  /** The layer that the viewer chose, or null for the one that fits. */
  set rid(/** @type {string | null} */ rid) {
    this.#rid = rid ?? "auto";
    void this.#tell();
  }

  /** How large the picture is on the screen, in pixels; null: as large as can be. */
  set shownHeight(/** @type {number | null} */ height) {
    this.#height = height;
    void this.#tell();
  }

  /** Asks which layers there are now. */
  again() {
    this.#told = "";
    void this.#tell();
  }

  /** @returns {Wish} */
  get #wish() {
    return { layer: this.#rid, maxHeight: usefulHeight(this.#height ?? null) };
  }

  async #tell() {
    if (this.#isTelling || this.#height === undefined) return;
    this.#isTelling = true;
    for (let failures = 0; !this.signal.aborted && this.#told !== JSON.stringify(this.#wish); ) {
      const wish = this.#wish;
      try {
        const { layers } = await this.send(wish);
        if (this.signal.aborted) break;
        this.#told = JSON.stringify(wish);
        failures = 0;
        this.onLayers(layers ?? []);
      } catch (error) {
        // A session that is gone has no wishes.
        if (!(error instanceof Problem) || !error.isTemporary) break;
        await backOff((failures += 1), this.signal);
      }
    }
    this.#isTelling = false;
  }
}
