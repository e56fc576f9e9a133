import { h } from "../dom.js";
import { LevelMeter, SILENCE_DB } from "../studio/level-meter.js";

/** Louder than this, in decibels, sound is about to clip. */
const LOUD_DB = -3;
/** How fast the peak's mark falls, in decibels a second. */
const FALL = 24;

/** How loud a sound track is: a bar, and a mark at the latest peak. */
export class Level extends HTMLElement {
  #meter = new LevelMeter();
  #bar = h("div", { className: "bar" });
  #mark = h("div", { className: "peak" });
  #peak = SILENCE_DB;
  #at = 0;
  #frame = 0;

  connectedCallback() {
    this.setAttribute("role", "meter");
    this.setAttribute("aria-label", "Loudness of the microphone");
    this.setAttribute("aria-valuemin", String(SILENCE_DB));
    this.setAttribute("aria-valuemax", "0");
    this.replaceChildren(this.#bar, this.#mark);
    this.#draw(performance.now());
  }

  disconnectedCallback() {
    cancelAnimationFrame(this.#frame);
    this.#meter.close();
  }

  /** @param {MediaStreamTrack | null} track */
  listenTo(track) {
    this.#meter.listenTo(track);
  }

  /** The loudness just now, in decibels below full scale. */
  get level() {
    return this.#meter.level;
  }

  /** @param {number} now */
  #draw(now) {
    const { level } = this.#meter;
    this.#peak = Math.max(level, this.#peak - (FALL * (now - this.#at)) / 1000);
    this.#at = now;
    this.#bar.style.transform = `scaleX(${shareOf(level)})`;
    this.#mark.style.left = `${shareOf(this.#peak) * 100}%`;
    this.classList.toggle("loud", this.#peak > LOUD_DB);
    const rounded = String(Math.round(level));
    if (this.getAttribute("aria-valuenow") !== rounded) this.setAttribute("aria-valuenow", rounded);
    this.#frame = requestAnimationFrame((next) => this.#draw(next));
  }
}

/** @param {number} level */
const shareOf = (level) => (level - SILENCE_DB) / -SILENCE_DB;

customElements.define("m-level", Level);
