import { h, iconButton, setText } from "../dom.js";
import { bitrate } from "../format.js";
import { endAt } from "../player/ranges.js";
import { copy } from "./m-copy.js";

export const PLAYER_VERSION = "1.1";
const SAMPLE_MS = 500;
const SAMPLES = 120;

/** Rows in the order in which they stand; one without a value is left out. */
const ROWS = ["State", "Engine", "Why not WebRTC", "Codecs", "Resolution", "Frame rate", "Bitrate", "Buffer", "Delay", "Playback rate",
  "Frames", "Stalls, gaps", "Loss", "Freezes", "Round trip", "First picture", "Session", "Player"];

/**
 * What the rows say.
 * @param {ReturnType<typeof import("../player/snapshot.js").snapshotOf>} state @param {number} rate bits a second
 * @returns {Record<string, string>}
 */
function valuesOf(state, rate) {
  const { inbound, whyNotDirect } = state;
  const ahead = inbound ? state.jitterBuffer : endAt(state.buffered, state.currentTime) - state.currentTime;
  const seconds = (/** @type {number | null} */ value) => (value === null ? "–" : `${value.toFixed(2)} s`);
  return {
    State: state.isWaiting ? `${state.mode}, waiting` : state.mode,
    Engine: state.engine ? `${state.engine} (${inbound ? inbound.route || "direct" : state.source})` : "–",
    "Why not WebRTC": whyNotDirect && !inbound && state.wantsLowDelay ? `${whyNotDirect.words} (${whyNotDirect.code})` : "",
    Codecs: state.codecs.map((mime) => /codecs="([^"]*)"/.exec(mime)?.[1] ?? mime.replace(/^(video|audio)\//, "")).join(", ") || "–",
    Resolution: state.width ? `${state.width} × ${state.height}` : "–",
    "Frame rate": `${Math.round(state.frames.rate)} fps`,
    Bitrate: bitrate(rate),
    Buffer: `${seconds(ahead)}${state.target !== null && state.mode === "live" ? `, aims at ${seconds(state.target)}` : ""}`,
    Delay: seconds(state.delay),
    "Playback rate": inbound ? "" : `${state.rate.toFixed(2)}×`,
    Frames: `${state.frames.decoded} decoded, ${state.frames.dropped} dropped`,
    "Stalls, gaps": inbound ? "" : `${state.stalls}, ${state.gaps}`,
    Loss: inbound ? lossOf(inbound) : "",
    Freezes: inbound ? `${inbound.freezes}, ${inbound.freezeSeconds.toFixed(1)} s in all` : "",
    "Round trip": inbound && inbound.roundTrip !== null ? `${Math.round(inbound.roundTrip * 1000)} ms` : "",
    "First picture": state.firstPictureMs === null ? "–" : `${Math.round(state.firstPictureMs)} ms`,
    Session: state.sessionId ?? "–",
    Player: PLAYER_VERSION,
  };
}

/** @param {import("../rtc/inbound-stats.js").Inbound} inbound */
function lossOf({ packetsLost, packetsReceived, nacks }) {
  const share = packetsLost / Math.max(packetsLost + packetsReceived, 1);
  return `${(share * 100).toFixed(1)} %, ${packetsLost} lost, ${nacks} asked again`;
}

/** What the player knows about what it is doing, for those who want to know. */
export class Details extends HTMLElement {
  /** @type {import("../player/player.js").Player | null} */ #player = null;
  /** @type {{at: number, bytes: number}[]} */ #samples = [];
  /** @type {object | null} the engine that the samples are of */ #measured = null;
  /** @type {Map<string, HTMLElement>} */ #values = new Map();
  #canvas = h("canvas", { width: 292 * 2, height: 48 * 2, role: "img", "aria-label": "Bitrate over the last minute" });
  #copied = h("button", { type: "button", className: "button", onclick: () => this.#report() }, "Copy report");
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;

  connectedCallback() {
    this.hidden = true;
    const rows = ROWS.flatMap((name) => {
      const value = h("dd", { className: "number" });
      this.#values.set(name, value);
      return [h("dt", {}, name), value];
    });
    this.append(
      h("div", { className: "overlay-head" }, h("h2", {}, "Details"), iconButton("close", "Close details", () => this.toggle(false))),
      h("dl", {}, ...rows), this.#canvas, this.#copied);
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  /**
   * Shows it, hides it, or without a wish does the other.
   * @param {boolean} [isShown]
   */
  toggle(isShown) {
    this.hidden = isShown === undefined ? !this.hidden : !isShown;
    this.#sample();
  }

  /** @param {import("../player/player.js").Player} player */
  update(player) {
    this.#player = player;
  }

  #sample() {
    const engine = this.#player?.engine ?? null;
    const bytes = engine?.facts.bytesReceived ?? 0;
    const last = this.#samples.at(-1);
    const isOther = this.#measured !== engine || last?.bytes === 0 || (last !== undefined && bytes < last.bytes);
    if (isOther) this.#samples = [];
    this.#measured = engine;
    this.#samples = [...this.#samples, { at: performance.now(), bytes }].slice(-SAMPLES);
    if (!this.hidden && this.#player) this.#show(this.#player);
  }

  /** Bits a second between samples. */
  get #rates() {
    return this.#samples.slice(1).map((sample, index) => {
      const before = this.#samples[index];
      return ((sample.bytes - before.bytes) * 8000) / Math.max(sample.at - before.at, 1);
    });
  }

  /** @param {import("../player/player.js").Player} player */
  #show(player) {
    const state = player.snapshot();
    const rates = this.#rates;
    const recent = rates.slice(-8);
    const mean = recent.reduce((sum, rate) => sum + rate, 0) / Math.max(recent.length, 1);
    const values = valuesOf(state, mean);
    for (const [name, element] of this.#values) {
      setText(element, values[name] ?? "");
      for (const part of [element, element.previousElementSibling]) if (part instanceof HTMLElement) part.hidden = !values[name];
    }
    this.#draw(rates);
  }

  /** @param {number[]} rates */
  #draw(rates) {
    const { width, height } = this.#canvas;
    const context = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
    const top = Math.max(...rates, 1);
    context.clearRect(0, 0, width, height);
    context.fillStyle = "#5aa9ff";
    const step = width / SAMPLES;
    for (const [index, rate] of rates.entries()) {
      const tall = (rate / top) * (height - 2);
      context.fillRect(width - (rates.length - index) * step, height - tall, step * 0.7, tall);
    }
  }

  async #report() {
    if (!this.#player) return;
    const report = { ...this.#player.snapshot(), player: PLAYER_VERSION, browser: navigator.userAgent, page: location.pathname };
    const isCopied = await copy(JSON.stringify(report, null, 2));
    setText(this.#copied, isCopied ? "Copied" : "Copying is not allowed here");
    setTimeout(() => setText(this.#copied, "Copy report"), 1_600);
  }
}

customElements.define("m-details", Details);
