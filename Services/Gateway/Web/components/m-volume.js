import { h, iconButton, setIconButton } from "../dom.js";

/** Mute and loudness. */
export class Volume extends HTMLElement {
  /** @type {import("../player/player.js").Player | null} */ #player = null;
  #mute = iconButton("volume", "Mute (M)", () => this.#player?.sound.toggleMute());
  #slider = h("input", {
    type: "range", min: "0", max: "1", step: "0.02", "aria-label": "Volume",
    oninput: () => this.#player?.sound.setVolume(Number(this.#slider.value)),
  });

  connectedCallback() {
    this.append(this.#mute, this.#slider);
  }

  /** @param {import("../player/player.js").Player} player */
  update(player) {
    this.#player = player;
    const { volume, muted } = player.video;
    const isSilent = muted || volume === 0;
    setIconButton(this.#mute, isSilent ? "muted" : volume < 0.5 ? "quiet" : "volume", isSilent ? "Unmute (M)" : "Mute (M)");
    const level = isSilent ? "0" : String(volume);
    if (this.#slider.value !== level) this.#slider.value = level;
  }
}

customElements.define("m-volume", Volume);
