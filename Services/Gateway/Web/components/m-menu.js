import { h, icon, iconButton } from "../dom.js";

/**
 * One thing to choose.
 * @typedef {object} Choice
 * @property {string} label
 * @property {string} [hint] a second line
 * @property {boolean} isChosen
 * @property {() => void} choose
 */

/** A button of the control bar that opens a list to choose one thing from. Subclasses say from what. */
export class Menu extends HTMLElement {
  /** @type {import("../player/player.js").Player | null} */ player = null;
  #button;
  #menu;

  /** @param {string} iconName @param {string} label @param {string} [className] */
  constructor(iconName, label, className = "") {
    super();
    this.label = label;
    this.extraClass = className;
    this.#button = iconButton(iconName, label, () => this.#toggle(), { "aria-haspopup": "menu", "aria-expanded": "false" });
    this.#menu = h("div", { className: "menu", role: "menu", "aria-label": label, hidden: true });
  }

  connectedCallback() {
    this.className = `menu-anchor ${this.extraClass}`;
    this.append(this.#button, this.#menu);
    this.addEventListener("keydown", (event) => this.#key(event));
    this.addEventListener("focusout", (event) => {
      if (!this.contains(/** @type {Node | null} */ (event.relatedTarget))) this.close();
    });
  }

  /** @param {import("../player/player.js").Player} player */
  update(player) {
    this.player = player;
    this.hidden = !this.isUseful(player);
    if (this.hidden) this.close();
  }

  /**
   * Whether there is anything to choose just now.
   * @param {import("../player/player.js").Player} _player
   */
  isUseful(_player) {
    return true;
  }

  /** @param {import("../player/player.js").Player} _player @returns {Choice[]} */
  choices(_player) {
    return [];
  }

  get isOpen() {
    return !this.#menu.hidden;
  }

  close() {
    this.#menu.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
  }

  #toggle() {
    if (this.isOpen || !this.player) return this.close();
    this.#menu.replaceChildren(...this.choices(this.player).map((choice) => this.#item(choice)));
    this.#menu.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    /** @type {HTMLElement | null} */ (this.#menu.querySelector('[aria-checked="true"]') ?? this.#menu.firstElementChild)?.focus();
  }

  /** @param {Choice} choice */
  #item({ label, hint, isChosen, choose }) {
    return h("button", {
      type: "button", role: "menuitemradio", "aria-checked": String(isChosen),
      onclick: () => { choose(); this.close(); this.#button.focus(); },
    }, icon("check"), h("span", {}, label, hint && h("small", {}, hint)));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.isOpen) return;
    const items = /** @type {HTMLElement[]} */ ([...this.#menu.children]);
    const index = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (event.key === "Escape") { this.close(); this.#button.focus(); }
    else if (event.key === "ArrowDown") items[(index + 1) % items.length].focus();
    else if (event.key === "ArrowUp") items[(index + items.length - 1) % items.length].focus();
    else if (event.key === "Home") items[0].focus();
    else if (event.key === "End") items[items.length - 1].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
