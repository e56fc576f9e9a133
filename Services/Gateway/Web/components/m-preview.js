import { h } from "../dom.js";
import { MseEngine } from "../player/engines/mse.js";
import { mediaSourceClass } from "../player/media-sink.js";
import { MediaRights } from "../player/rights.js";
import { ServerClock } from "../player/server-clock.js";

/** Feeds open for previews at a time: HTTP/1.1 allows a page six connections. */
const MOST_PREVIEWS = 2;
/** What could not be shown is tried again after so long, in ms. */
const RETRY_MS = 10_000;
let running = 0;
/** Those that can be seen and wait for their turn. @type {Set<Preview>} */ const waiting = new Set();

/** A live stream's moving picture on a card: muted, and only while it can be seen. */
export class Preview extends HTMLElement {
  #streamId = "";
  #sessionId = "";
  /** @type {MseEngine | null} */ #engine = null;
  /** @type {MediaRights | null} */ #rights = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #retry;
  #observer = new IntersectionObserver((entries) => this.#seen(entries[entries.length - 1].isIntersecting));

  /** @param {string} streamId @param {string} sessionId */
  static of(streamId, sessionId) {
    const preview = /** @type {Preview} */ (document.createElement("m-preview"));
    preview.#streamId = streamId;
    preview.#sessionId = sessionId;
    return preview;
  }

  connectedCallback() {
    const wantsStillness = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const savesData = /** @type {any} */ (navigator).connection?.saveData === true;
    if (!wantsStillness && !savesData && mediaSourceClass()) this.#observer.observe(this);
  }

  disconnectedCallback() {
    this.#observer.disconnect();
    this.#seen(false);
  }

  /** @param {boolean} isSeen */
  #seen(isSeen) {
    waiting.delete(this);
    clearTimeout(this.#retry);
    if (!isSeen) this.#stop();
    else if (this.#engine) return;
    else if (running < MOST_PREVIEWS) this.#start();
    else waiting.add(this);
  }

  #start() {
    running += 1;
    const video = h("video", { muted: true, playsInline: true, tabIndex: -1, "aria-hidden": "true", disablePictureInPicture: true });
    video.addEventListener("playing", () => video.classList.add("shown"));
    this.append(video);
    const rights = new MediaRights(this.#streamId);
    rights.start();
    this.#rights = rights;
    this.#engine = new MseEngine(video, {
      base: `/live/${this.#streamId}/${this.#sessionId}/`, clock: new ServerClock(),
      fetchMedia: (url, signal) => rights.fetch(url, signal),
      hooks: { onChange() {}, onUnplayable() {}, onEnded: () => this.#stop(), onRefused: () => this.#rest(), onFailed: () => this.#rest() },
    });
    this.#engine.goLive();
    void video.play().catch(() => {});
  }

  /** Leaves its turn to others for a while. */
  #rest() {
    if (!this.#engine) return;
    this.#stop();
    this.#retry = setTimeout(() => this.#seen(true), RETRY_MS);
  }

  #stop() {
    if (!this.#engine) return;
    running -= 1;
    this.#engine.close();
    this.#rights?.stop();
    this.#engine = null;
    this.replaceChildren();
    const [next] = waiting;
    if (next) next.#seen(true);
  }
}

customElements.define("m-preview", Preview);
