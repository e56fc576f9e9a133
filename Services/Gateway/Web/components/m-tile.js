import { h, icon, iconButton, setIconButton, setText } from "../dom.js";
import { delay } from "../format.js";
import { Playback } from "../player/playback.js";
import { MediaRights } from "../player/rights.js";

/** @typedef {{id: string, slug: string, title: string, state: "live" | "away", session: import("../api.js").WatchSession}} LiveStream */

/** A wait shorter than this, in ms, needs no words. */
const PATIENCE_MS = 1_500;
/** What could not be played is tried again after so long, in ms. */
const RETRY_MS = 15_000;

/** One live stream among several: muted until it is chosen. */
export class Tile extends HTMLElement {
  /** @type {Playback | null} */ playback = null;
  /** @type {MediaRights | null} */ #rights = null;
  /** @type {LiveStream | null} */ stream = null;
  #video = h("video", { muted: true, playsInline: true, disablePictureInPicture: true, tabIndex: -1 });
  #title = h("span", {});
  #key = h("span", { className: "key", "aria-hidden": "true" });
  #way = h("div", { className: "way number" });
  #silent = h("div", { className: "silent", role: "status", hidden: true });
  #label = h("div", { className: "label", "aria-hidden": "true" }, this.#key, icon("volume"), this.#title);
  #ask = (/** @type {string} */ what) => this.dispatchEvent(new CustomEvent("tile", { detail: what, bubbles: true }));
  #hear = h("button", { type: "button", className: "hear", onclick: () => this.#ask("hear"), ondblclick: () => this.#ask("full") });
  #grow = iconButton("fullscreen", "Fill the window", () => this.#ask("full"), { className: "icon-button grow" });
  #life = new AbortController();
  /** When the picture was last seen to move, or there was no reason for it to. */
  #wellAt = performance.now();
  #failedAt = performance.now();

  /** @param {import("../player/server-clock.js").ServerClock} clock @param {LiveStream} stream */
  static of(clock, stream) {
    const tile = /** @type {Tile} */ (document.createElement("m-tile"));
    tile.#start(clock, stream);
    return tile;
  }

  /** @param {import("../player/server-clock.js").ServerClock} clock @param {LiveStream} stream */
  #start(clock, stream) {
    this.className = "tile-box";
    this.setAttribute("role", "group");
    this.append(this.#video, this.#silent, this.#label, this.#way, this.#hear, this.#grow);
    this.#rights = new MediaRights(stream.id);
    this.#rights.start();
    this.playback = new Playback(this.#video, {
      clock, sound: { play: () => this.#video.play().catch(() => {}) }, onChange: () => this.draw(), onDoubt: async () => { this.#ask("doubt"); } });
    this.playback.rights = this.#rights;
    addEventListener("online", () => this.playback?.lowDelay.networkChanged(), { signal: this.#life.signal });
    this.show(stream);
    this.isHeard = false;
  }

  /** @param {LiveStream} stream what is known of it now */
  show(stream) {
    const isOther = this.stream?.session.id !== stream.session.id;
    this.stream = stream;
    const { id: streamId, slug, title, state, session } = stream;
    this.playback?.follow({ streamId, slug, title, state, session, hlsUrl: "" });
    if (isOther) this.playback?.startLive(null);
    this.draw();
  }

  /** @param {boolean} isHeard */
  set isHeard(isHeard) {
    this.#video.muted = !isHeard;
    this.classList.toggle("heard", isHeard);
    this.#hear.setAttribute("aria-pressed", String(isHeard));
    this.#label.querySelector("svg")?.replaceWith(icon(isHeard ? "volume" : "muted"));
  }

  get isHeard() {
    return !this.#video.muted;
  }

  /**
   * Fills the window, or lies under another one that does.
   * @param {boolean} isFull @param {boolean} isAnyFull
   */
  fill(isFull, isAnyFull) {
    this.classList.toggle("full", isFull);
    setIconButton(this.#grow, isFull ? "windowed" : "fullscreen", isFull ? "Back to all (Escape)" : "Fill the window");
    if (this.playback) this.playback.isCovered = isAnyFull && !isFull;
  }

  get isFull() {
    return this.classList.contains("full");
  }

  /** @param {number} place from 1 */
  set place(place) {
    setText(this.#key, place <= 9 ? String(place) : "");
  }

  draw() {
    const { stream, playback } = this;
    if (!stream || !playback) return;
    const name = stream.title || stream.slug;
    setText(this.#title, name);
    this.#hear.title = name;
    this.setAttribute("aria-label", name);
    this.#hear.setAttribute("aria-label", `Hear ${name}`);
    const { engine, failure } = playback;
    const isAway = stream.state === "away";
    setText(this.#way, engine && !isAway ? `${engine.name === "WebRTC" ? "" : `${engine.name} `}${delay(engine.delay)}`.trim() : "");
    this.#way.hidden = this.#way.textContent === "";
    const words = isAway ? "The publisher's connection broke." : failure ? `It cannot be played here: ${failure.detail}.` : this.#waitWords;
    this.#silent.hidden = words === "";
    setText(this.#silent, words);
  }

  /** Nobody sits before a wall to press a button: what failed is tried again by itself. */
  look() {
    const now = performance.now();
    if (!this.playback?.failure) this.#failedAt = now;
    else if (now - this.#failedAt > RETRY_MS) this.playback.startLive(null);
    this.draw();
  }

  /** What is said while no picture comes. */
  get #waitWords() {
    const now = performance.now();
    if (this.#video.readyState >= 3) this.#wellAt = now;
    return now - this.#wellAt > PATIENCE_MS ? "Waiting for pictures…" : "";
  }

  snapshot() {
    return {
      slug: this.stream?.slug, engine: this.playback?.engine?.name ?? null, muted: this.#video.muted, readyState: this.#video.readyState,
      width: this.#video.videoWidth, delay: this.playback?.engine?.delay ?? null, frames: this.playback?.engine?.meter.frames ?? 0,
      why: this.playback?.lowDelay.reason ?? null,
    };
  }

  close() {
    this.#life.abort();
    this.playback?.stop();
    this.#rights?.stop();
    this.remove();
  }
}

customElements.define("m-tile", Tile);
