import { h, iconButton } from "../dom.js";

/** @type {[string, string][]} */
const SHORTCUTS = [
  ["Space or K", "Play, pause"], ["J or ←", "Back 10 s, 5 s"], ["→", "Forward 5 s"], ["L", "Go live"],
  ["0 … 9", "To that tenth"], ["M", "Mute"], ["↑ ↓", "Louder, quieter"], ["F", "Full screen"],
  ["P", "Picture in picture"], ["< >", "Slower, faster"], ["I", "Details"], ["?", "This list"],
];

/** What the keys do. */
export class Shortcuts extends HTMLElement {
  connectedCallback() {
    this.hidden = true;
    this.setAttribute("role", "dialog");
    this.setAttribute("aria-label", "Keyboard shortcuts");
    this.append(
      h("div", { className: "overlay-head" }, h("h2", {}, "Keyboard"), iconButton("close", "Close", () => this.toggle(false))),
      h("dl", {}, ...SHORTCUTS.flatMap(([keys, what]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, what)])));
  }

  /**
   * Shows it, hides it, or without a wish does the other.
   * @param {boolean} [isShown]
   */
  toggle(isShown) {
    this.hidden = isShown === undefined ? !this.hidden : !isShown;
  }
}

customElements.define("m-shortcuts", Shortcuts);
