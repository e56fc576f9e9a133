import { h, iconButton, setIconButton, setText } from "../dom.js";
import { clockText } from "../player/timeline.js";
import "./m-delay.js";
import "./m-live-badge.js";
import "./m-quality.js";
import "./m-sounds.js";
import "./m-speed.js";
import "./m-timeline.js";
import "./m-volume.js";

/** The bar under the picture. */
export class Controls extends HTMLElement {
  /** @type {import("../player/player.js").Player | null} */ #player = null;
  #timeline = h("m-timeline");
  #badge = h("m-live-badge");
  #volume = h("m-volume");
  #delay = h("m-delay");
  #sounds = h("m-sounds");
  #quality = h("m-quality");
  #speed = h("m-speed");
  #play = iconButton("play", "Play (K)", () => this.#player?.togglePlay());
  #back = iconButton("back", "Back 10 seconds (J)", () => this.#player?.seekBy(-10), { className: "icon-button hide-narrow" });
  #forward = iconButton("forward", "Forward 10 seconds", () => this.#player?.seekBy(10), { className: "icon-button hide-narrow" });
  #now = h("span", {});
  #of = h("span", { className: "of" });
  #clock = h("span", { className: "clock number" }, this.#now, this.#of);
  #details = iconButton("info", "Details (I)", () => this.#ask("details"), { className: "icon-button hide-narrow" });
  #pip = iconButton("pip", "Picture in picture (P)", () => this.#ask("pip"), { className: "icon-button hide-tiny" });
  #fullscreen = iconButton("fullscreen", "Full screen (F)", () => this.#ask("fullscreen"));

  connectedCallback() {
    this.#pip.hidden = !document.pictureInPictureEnabled;
    this.append(this.#timeline, h("div", { className: "control-row" },
      this.#play, this.#back, this.#forward, this.#volume, this.#badge, this.#clock,
      h("span", { className: "spacer" }), this.#sounds, this.#quality, this.#delay, this.#speed, this.#details, this.#pip, this.#fullscreen));
  }

  /** Whether something is open or held that must not vanish under the hand. */
  get isBusy() {
    return [this.#speed, this.#sounds, this.#quality, this.#delay].some((menu) => menu.isOpen) || this.querySelector(".dragging") !== null || this.contains(focusedByKeyboard());
  }

  /** @param {import("../player/player.js").Player} player */
  update(player) {
    this.#player = player;
    const { video, mode } = player;
    const isStill = video.paused || video.ended;
    setIconButton(this.#play, video.ended ? "replay" : isStill ? "play" : "pause", video.ended ? "Play again (K)" : isStill ? "Play (K)" : "Pause (K)");
    setIconButton(this.#fullscreen, document.fullscreenElement ? "windowed" : "fullscreen", document.fullscreenElement ? "Leave full screen (F)" : "Full screen (F)");
    for (const part of [this.#timeline, this.#badge, this.#volume, this.#sounds, this.#quality, this.#delay, this.#speed]) part.update(player);
    this.#forward.disabled = mode === "live";
    const isLive = mode === "live" || mode === "dvr";
    setText(this.#now, isLive ? "" : clockText(player.position));
    setText(this.#of, isLive ? "" : ` / ${clockText(player.seekable.end)}`);
  }

  /** @param {string} what */
  #ask(what) {
    this.dispatchEvent(new CustomEvent("ask", { detail: what, bubbles: true }));
  }
}

function focusedByKeyboard() {
  return document.querySelector(":focus-visible");
}

customElements.define("m-controls", Controls);
