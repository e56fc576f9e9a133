import { LayerWish } from "./layer-wish.js";
import { ShownSize } from "./shown-size.js";

/** @typedef {import("./layer-wish.js").Layer} Layer */
/** @typedef {import("./shown-size.js").Size} Size */

/** The picture of a direct connection, where the stream has several sizes: as large as it is shown, or as was chosen. */
export class DirectPicture {
  /** @type {Layer[]} the sizes that there are, as far as is known, the best first */ layers = [];
  /** @type {Size | null} the size that the viewer chose */ #chosen = null;
  /** @type {LayerWish | null} */ #wish = null;
  /** @type {ShownSize | null} */ #shown = null;
  #isCovered = false;

  /** @param {HTMLVideoElement} video @param {() => void} onChange */
  constructor(video, onChange) {
    this.video = video;
    this.onChange = onChange;
  }

  /**
   * The server has answered a connection: from now on it hears what is wanted.
   * @param {import("./whep.js").WhepConnection} connection
   */
  bringBy(connection) {
    const wish = new LayerWish((wanted) => connection.wish(wanted), connection.signal, (layers) => {
      this.layers = layers;
      wish.rid = this.#chosenLayer;
      this.onChange();
    });
    wish.rid = this.#chosenLayer;
    this.#wish = wish;
    this.#shown = new ShownSize(this.video, connection.signal, (height) => { wish.shownHeight = height; });
    this.#shown.isCovered = this.#isCovered;
  }

  /** Whether what was chosen, if anything was, can be had by a direct connection. */
  get isPossible() {
    return this.#chosen === null || this.#chosenLayer !== null;
  }

  /** @param {Size | null} size one of the picture's sizes, or null for the one that fits */
  choose(size) {
    this.#chosen = size;
    if (this.#wish) this.#wish.rid = this.#chosenLayer;
  }

  /** Something else on the page covers the picture whole. */
  set isCovered(/** @type {boolean} */ isCovered) {
    this.#isCovered = isCovered;
    if (this.#shown) this.#shown.isCovered = isCovered;
  }

  /** The publisher sends other tracks than before. */
  tracksChanged() {
    this.#wish?.again();
  }

  /** Another stream is to be shown. */
  forget() {
    this.layers = [];
    this.#chosen = null;
    this.#wish = null;
    this.#shown = null;
  }

  get #chosenLayer() {
    const { width, height } = this.#chosen ?? { width: 0, height: 0 };
    return this.layers.find((layer) => layer.width === width && layer.height === height)?.rid ?? null;
  }
}
