import { h, setText } from "../dom.js";
import { delay } from "../format.js";
import { clockText, clockWords } from "../player/timeline.js";

const REFRESH_MS = 1_000;

/** Live, and how much later than life; or how far behind, and the way back. */
export class LiveBadge extends HTMLElement {
  #dot = h("span", { className: "dot", "aria-hidden": "true" });
  #word = h("span", {});
  #delay = h("span", { className: "delay number" });
  #button = h("button", { type: "button" }, this.#dot, this.#word, this.#delay);
  #shownAt = 0;

  connectedCallback() {
    this.append(this.#button);
  }

  /** @param {import("../player/player.js").Player} player */
  update(player) {
    const { mode } = player;
    this.hidden = mode !== "live" && mode !== "dvr" && !player.hasNewerSession;
    if (this.hidden) return;
    this.#button.onclick = () => player.goLive();
    const atEdge = mode === "live";
    this.#button.classList.toggle("at-edge", atEdge);
    this.#button.classList.toggle("away", player.isAway);
    setText(this.#word, atEdge ? "LIVE" : "GO LIVE");
    if (performance.now() - this.#shownAt < REFRESH_MS && !player.video.seeking) return;
    this.#shownAt = performance.now();
    const seconds = player.engine?.delay ?? null;
    setText(this.#delay, player.isAway || player.hasNewerSession ? "" : atEdge ? delay(seconds) : `−${clockText(seconds ?? 0)}`);
    this.#button.title = atEdge ? "The picture is this much later than life" : "Jump to the live picture (L)";
    this.#button.setAttribute("aria-label", atEdge ? `Live, ${delay(seconds)} behind life` : `${clockWords(seconds ?? 0)} behind: go live`);
  }
}

customElements.define("m-live-badge", LiveBadge);
