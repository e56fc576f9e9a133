import { h, icon, iconButton, setText } from "../dom.js";
import { delay } from "../format.js";
import { Playback } from "../player/playback.js";
import { MediaRights } from "../player/rights.js";

/** @typedef {{id: string, slug: string, title: string, state: "live" | "away", session: import("../api.js").WatchSession}} LiveStream */

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
  #label = h("div", { className: "label" }, this.#key, icon("volume"), this.#title);
  #ask = (/** @type {string} */ what) => this.dispatchEvent(new CustomEvent("tile", { detail: what, bubbles: true }));
  #grow = iconButton("fullscreen", "Fill the window", () => this.#ask("full"), { className: "icon-button grow" });

  /** @param {import("../player/server-clock.js").ServerClock} clock @param {LiveStream} stream */
  static of(clock, stream) {
    const tile = /** @type {Tile} */ (document.createElement("m-tile"));
    tile.#start(clock, stream);
    return tile;
  }

  /** @param {import("../player/server-clock.js").ServerClock} clock @param {LiveStream} stream */
  #start(clock, stream) {
    this.className = "tile-box";
    this.tabIndex = 0;
    this.setAttribute("role", "button");
    this.append(this.#video, this.#silent, this.#label, this.#way, this.#grow);
    this.addEventListener("click", (event) => { if (!this.#grow.contains(/** @type {Node} */ (event.target))) this.#ask("hear"); });
    this.addEventListener("dblclick", () => this.#ask("full"));
    this.addEventListener("keydown", (event) => { if (event.target === this && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); this.#ask("hear"); } });
    this.#rights = new MediaRights(stream.id);
    this.#rights.start();
    this.playback = new Playback(this.#video, {
      clock, sound: { play: () => this.#video.play().catch(() => {}) }, onChange: () => this.draw(), onDoubt: async () => { this.#ask("doubt"); } });
    this.playback.rights = this.#rights;
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
    this.setAttribute("aria-pressed", String(isHeard));
    this.#label.querySelector("svg")?.replaceWith(icon(isHeard ? "volume" : "muted"));
  }

  get isHeard() {
    return !this.#video.muted;
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
    this.setAttribute("aria-label", `Hear ${name}`);
    const { engine, failure } = playback;
    const isAway = stream.state === "away";
    setText(this.#way, engine && !isAway ? `${engine.name === "WebRTC" ? "" : `${engine.name} `}${delay(engine.delay)}`.trim() : "");
    this.#way.hidden = this.#way.textContent === "";
    const words = isAway ? "The publisher's connection broke." : failure ? `It cannot be played here: ${failure.detail}` : "";
    this.#silent.hidden = words === "";
    setText(this.#silent, words);
  }

  snapshot() {
    return {
      slug: this.stream?.slug, engine: this.playback?.engine?.name ?? null, muted: this.#video.muted, readyState: this.#video.readyState,
      width: this.#video.videoWidth, frames: this.playback?.engine?.meter.frames ?? 0, why: this.playback?.lowDelay.reason ?? null,
    };
  }

  close() {
    this.playback?.stop();
    this.#rights?.stop();
    this.remove();
  }
}

customElements.define("m-tile", Tile);
