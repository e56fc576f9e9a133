import { h, setText } from "../dom.js";
import { rangesOf } from "../player/ranges.js";
import { clockText, clockWords, heldShare, tickStep } from "../player/timeline.js";

const KEY_STEP = 5;
const PAGE_STEP = 60;

/** The session from its beginning to its edge: what is held, what has played, where one may go. */
export class Timeline extends HTMLElement {
  /** @type {import("../player/player.js").Player | null} */ #player = null;
  #dragTo = /** @type {number | null} */ (null);
  #held = h("div", { className: "held" });
  #played = h("div", { className: "played" });
  #ticks = h("div", { className: "ticks" });
  #knob = h("div", { className: "knob" });
  #hover = h("div", { className: "hover-time number", "aria-hidden": "true" });
  #area = h("div", { className: "rail-area", role: "slider", tabIndex: 0, "aria-label": "Position", "aria-valuemin": "0" },
    h("div", { className: "rail" }, this.#held, this.#played, this.#ticks), this.#knob, this.#hover);

  connectedCallback() {
    this.append(this.#area);
    this.#area.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => this.#grab(event));
    this.#area.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.#move(event));
    this.#area.addEventListener("pointerup", () => this.#drop());
    this.#area.addEventListener("pointercancel", () => this.#letGo());
    this.#area.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
  }

  /** @param {import("../player/player.js").Player} player */
  update(player) {
    this.#player = player;
    const { start, end } = player.seekable;
    const span = Math.max(end - start, 0.001);
    const isLive = player.mode === "live";
    const now = this.#dragTo ?? (isLive ? end : player.position);
    const at = Math.min(Math.max((now - start) / span, 0), 1);
    this.#played.style.transform = `scaleX(${at})`;
    this.#knob.style.left = `${at * 100}%`;
    this.#showHeld(player, start, span);
    this.#showTicks(start, span);
    this.classList.toggle("live", isLive);
    this.#area.setAttribute("aria-valuemax", String(Math.round(end)));
    this.#area.setAttribute("aria-valuenow", String(Math.round(now)));
    this.#area.setAttribute("aria-valuetext", isLive ? "live" : `${clockWords(now)} of ${clockWords(end)}`);
  }

  /** @param {import("../player/player.js").Player} player @param {number} start @param {number} span */
  #showHeld({ video, position }, start, span) {
    const [from, to] = heldShare(rangesOf(video.buffered), video.currentTime, position, start, span);
    this.#held.style.transform = `translateX(${from * 100}%) scaleX(${to - from})`;
  }

  /**
   * Marks at whole minutes or hours of the session: one picture that repeats itself.
   * @param {number} start @param {number} span
   */
  #showTicks(start, span) {
    const step = tickStep(span);
    this.#ticks.hidden = step === null;
    if (step === null) return;
    const first = ((Math.floor(start / step) + 1) * step - start) / span;
    this.#ticks.style.left = `${first * 100}%`;
    this.#ticks.style.width = `${(1 - first) * 100}%`;
    this.#ticks.style.backgroundSize = `${(step / span / (1 - first)) * 100}% 100%`;
  }

  /** @param {PointerEvent} event */
  #timeAt(event) {
    const box = this.#area.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    const { start, end } = this.#player?.seekable ?? { start: 0, end: 0 };
    return { time: start + share * (end - start), share, end };
  }

  /** @param {PointerEvent} event */
  #grab(event) {
    if (event.button !== 0) return;
    this.#area.setPointerCapture(event.pointerId);
    this.#area.classList.add("dragging");
    this.#dragTo = this.#timeAt(event).time;
    this.#move(event);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const { time, share, end } = this.#timeAt(event);
    const isLive = this.#player?.mode === "live" || this.#player?.mode === "dvr";
    setText(this.#hover, isLive ? `−${clockText(end - time)}` : clockText(time));
    this.#hover.style.left = `clamp(24px, ${share * 100}%, calc(100% - 24px))`;
    if (this.#dragTo === null) return;
    this.#dragTo = time;
    if (this.#player) this.update(this.#player);
  }

  #drop() {
    if (this.#dragTo !== null) this.#player?.seek(this.#dragTo);
    this.#letGo();
  }

  #letGo() {
    this.#area.classList.remove("dragging");
    this.#dragTo = null;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const steps = /** @type {Record<string, number>} */ ({
      ArrowLeft: -KEY_STEP, ArrowDown: -KEY_STEP, ArrowRight: KEY_STEP, ArrowUp: KEY_STEP, PageDown: -PAGE_STEP, PageUp: PAGE_STEP });
    if (event.key in steps) this.#player?.seekBy(steps[event.key]);
    else if (event.key === "Home") this.#player?.seek(0);
    else if (event.key === "End") this.#player?.seek(this.#player.seekable.end);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

customElements.define("m-timeline", Timeline);
