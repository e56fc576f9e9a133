import { h, icon } from "../dom.js";
import { Player } from "../player/player.js";
import "./m-controls.js";
import "./m-details.js";
import "./m-shortcuts.js";
import "./m-stage.js";
import { press } from "./player-keys.js";

const IDLE_MS = 2_500;
const REFRESH_MS = 250;
const DOUBLE_TAP_MS = 300;

/** The picture with everything around it. */
export class PlayerView extends HTMLElement {
  #video = h("video", { playsInline: true, preload: "auto", "aria-label": "Video" });
  player = new Player(this.#video);
  #stage = h("m-stage");
  #controls = h("m-controls");
  #details = h("m-details");
  #shortcuts = h("m-shortcuts");
  #unmute = h("button", { type: "button", className: "button unmute", onclick: () => this.player.sound.unmute() }, icon("muted"), "Tap for sound");
  #frame = 0;
  #lastTap = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #idle;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #refresh;

  connectedCallback() {
    this.tabIndex = -1;
    this.append(this.#video, this.#stage, this.#controls, this.#details, this.#shortcuts, this.#unmute);
    this.player.addEventListener("change", this.#changed);
    this.#refresh = setInterval(this.#changed, REFRESH_MS);
    document.addEventListener("keydown", this.#key);
    document.addEventListener("fullscreenchange", this.#changed);
    this.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") this.#wake(); });
    this.addEventListener("focusin", () => this.#wake());
    this.#controls.addEventListener("pointerdown", () => this.#wake());
    this.addEventListener("ask", (event) => this.#do(/** @type {CustomEvent} */ (event).detail));
    this.#video.addEventListener("click", (/** @type {PointerEvent} */ event) => this.#clicked(event));
    this.#video.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => this.#tapped(event));
    this.#wake();
    this.#draw();
  }

  disconnectedCallback() {
    clearInterval(this.#refresh);
    clearTimeout(this.#idle);
    cancelAnimationFrame(this.#frame);
    document.removeEventListener("keydown", this.#key);
    document.removeEventListener("fullscreenchange", this.#changed);
    this.player.removeEventListener("change", this.#changed);
    this.player.close();
  }

  #changed = () => {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  };

  #draw() {
    const { player } = this;
    this.#stage.update(player);
    this.#details.update(player);
    this.#controls.hidden = player.engine === null || player.mode === "failed";
    if (!this.#controls.hidden) this.#controls.update(player);
    this.#unmute.hidden = !player.sound.needsUnmute || player.engine === null || player.mode === "ended";
    this.classList.toggle("silenced", !this.#unmute.hidden);
    if (this.#video.paused || this.#video.ended) this.classList.remove("idle");
  }

  /** Shows the controls, and hides them again when nothing happens. */
  #wake() {
    this.classList.remove("idle");
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#rest(), IDLE_MS);
  }

  #rest() {
    if (this.#controls.isBusy) return this.#wake();
    if (!this.#video.paused && !this.#video.ended) this.classList.add("idle");
  }

  /**
   * A click of the mouse plays and pauses; a finger's first tap only shows the controls.
   * @param {PointerEvent} event
   */
  #clicked({ pointerType }) {
    const isMouse = pointerType ? pointerType === "mouse" : matchMedia("(hover: hover)").matches;
    if (isMouse) this.player.togglePlay();
  }

  /** @param {PointerEvent} event */
  #tapped(event) {
    if (event.pointerType === "mouse") return;
    const isSecond = event.timeStamp - this.#lastTap < DOUBLE_TAP_MS;
    this.#lastTap = event.timeStamp;
    if (!isSecond) return this.classList.contains("idle") ? this.#wake() : this.classList.add("idle");
    const box = this.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    if (share < 0.35) this.player.seekBy(-10);
    else if (share > 0.65) this.player.seekBy(10);
    else this.#do("fullscreen");
  }

  /** @param {KeyboardEvent} event */
  #key = (event) => {
    const isHandled = press(event, this.player, {
      toggleFullscreen: () => this.#do("fullscreen"), togglePictureInPicture: () => this.#do("pip"),
      toggleDetails: () => this.#do("details"), toggleShortcuts: () => this.#do("shortcuts"),
      closeOverlays: () => { this.#details.toggle(false); this.#shortcuts.toggle(false); },
    });
    if (!isHandled) return;
    event.preventDefault();
    this.#wake();
  };

  /** @param {string} what */
  #do(what) {
    switch (what) {
      case "details": return this.#details.toggle();
      case "shortcuts": return this.#shortcuts.toggle();
      case "fullscreen": return void this.#toggleFullscreen();
      case "pip": return void this.#togglePictureInPicture();
    }
  }

  async #toggleFullscreen() {
    if (document.fullscreenElement) return document.exitFullscreen();
    if (this.requestFullscreen) return this.requestFullscreen().catch(() => {});
    /** @type {any} */ (this.#video).webkitEnterFullscreen?.();
  }

  async #togglePictureInPicture() {
    if (document.pictureInPictureElement) return document.exitPictureInPicture();
    await this.#video.requestPictureInPicture?.().catch(() => {});
  }
}

customElements.define("m-player", PlayerView);
