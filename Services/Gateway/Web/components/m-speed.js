import { h, icon, iconButton } from "../dom.js";

const SPEEDS = [0.25, 0.5, 1, 1.25, 1.5, 2];

/** How fast what is not live plays. */
export class Speed extends HTMLElement {
  /** @type {import("../player/player.js").Player | null} */ #player = null;
  #button = iconButton("speed", "Speed", () => this.#toggle(), { "aria-haspopup": "menu", "aria-expanded": "false" });
  #menu = h("div", { className: "menu", role: "menu", hidden: true });

  connectedCallback() {
    this.className = "menu-anchor";
    this.append(this.#button, this.#menu);
    this.addEventListener("keydown", (event) => this.#key(event));
    this.addEventListener("focusout", (event) => {
      if (!this.contains(/** @type {Node | null} */ (event.relatedTarget))) this.#close();
    });
  }

  /** @param {import("../player/player.js").Player} player */
  update(player) {
    this.#player = player;
    this.hidden = player.mode === "live" || player.engine === null;
    if (this.hidden) this.#close();
  }

  get isOpen() {
    return !this.#menu.hidden;
  }

  #toggle() {
    if (this.isOpen) return this.#close();
    const chosen = this.#player?.engine?.speed ?? 1;
    this.#menu.replaceChildren(...SPEEDS.map((speed) => h("button", {
      type: "button", role: "menuitemradio", "aria-checked": String(speed === chosen),
      onclick: () => { this.#player?.setSpeed(speed); this.#close(); },
    }, icon("check"), speed === 1 ? "Normal" : `${speed}×`)));
    this.#menu.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    /** @type {HTMLElement | null} */ (this.#menu.querySelector('[aria-checked="true"]'))?.focus();
  }

  #close() {
    this.#menu.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.isOpen) return;
    const items = /** @type {HTMLElement[]} */ ([...this.#menu.children]);
    const index = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (event.key === "Escape") this.#close();
    else if (event.key === "ArrowDown") items[(index + 1) % items.length].focus();
    else if (event.key === "ArrowUp") items[(index + items.length - 1) % items.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

customElements.define("m-speed", Speed);
