import { h } from "../dom.js";
import { MseEngine } from "../player/engines/mse.js";
import { mediaSourceClass } from "../player/media-sink.js";
import { MediaRights } from "../player/rights.js";
import { ServerClock } from "../player/server-clock.js";

const PATIENCE_MS = 6_000;
const WIDTH = 480;
/** Where a recording's picture is taken: a little into it, for beginnings are often black. */
const SHARE = 0.1;
const LATEST = 20;

/** One picture at a time: the next is taken when this one is there. */
let queue = Promise.resolve();

/** A recording's picture, decoded here from its own media. */
export class Still extends HTMLElement {
  /** @type {import("../api.js").Recording | null} */ #recording = null;
  #observer = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) this.#enqueue();
  });

  /** @param {import("../api.js").Recording} recording */
  static of(recording) {
    const still = /** @type {Still} */ (document.createElement("m-still"));
    still.#recording = recording;
    return still;
  }

  connectedCallback() {
    if (mediaSourceClass()) this.#observer.observe(this);
  }

  disconnectedCallback() {
    this.#observer.disconnect();
  }

  #enqueue() {
    this.#observer.disconnect();
    queue = queue.then(() => this.#take()).catch(() => {});
  }

  async #take() {
    const recording = this.#recording;
    if (!recording || !this.isConnected) return;
    const canvas = await pictureOf(recording);
    if (canvas) this.replaceChildren(canvas);
  }
}

/**
 * Decodes one picture; null where that does not succeed in time.
 * @param {import("../api.js").Recording} recording
 * @returns {Promise<HTMLCanvasElement | null>}
 */
async function pictureOf({ streamId, sessionId, duration }) {
  const video = h("video", { muted: true, playsInline: true });
  const rights = new MediaRights(streamId);
  await rights.renew();
  return new Promise((resolve) => {
    const finish = (/** @type {HTMLCanvasElement | null} */ canvas) => {
      clearTimeout(timer);
      engine.close();
      resolve(canvas);
    };
    const timer = setTimeout(() => finish(null), PATIENCE_MS);
    const engine = new MseEngine(video, {
      base: `/live/${streamId}/${sessionId}/`, clock: new ServerClock(),
      fetchMedia: (url, signal) => rights.fetch(url, signal),
      hooks: { onChange() {}, onUnplayable() {}, onEnded() {}, onRefused: () => finish(null), onFailed: () => finish(null) },
    });
    video.addEventListener("seeked", () => finish(drawn(video)), { once: true });
    void engine.startStored(Math.min((duration ?? 0) * SHARE, LATEST), false);
  });
}

/** @param {HTMLVideoElement} video */
function drawn(video) {
  if (video.videoWidth === 0) return null;
  const height = Math.round((WIDTH * video.videoHeight) / video.videoWidth);
  const canvas = h("canvas", { width: WIDTH, height, "aria-hidden": "true" });
  canvas.getContext("2d")?.drawImage(video, 0, 0, WIDTH, height);
  return canvas;
}

customElements.define("m-still", Still);
