import { h, icon } from "../dom.js";
import { ago, codecName, lengthOf } from "../format.js";
import { logo } from "./logo.js";

/** Why the picture comes another way than wished is said for so long, in ms; the menu keeps it. */
const REASON_MS = 8_000;
/** A wait shorter than this, in ms, needs no words. */
const PATIENCE_MS = 500;

/**
 * What stands over the picture: words for every state that the picture does not tell by itself.
 * @typedef {object} Scene
 * @property {string} key tells scenes apart: an unchanged scene is not drawn again
 * @property {"" | "covering" | "veiled"} ground
 * @property {() => Node[]} draw
 */

/** The layer over the picture. */
export class Stage extends HTMLElement {
  #key = "";
  #waitingSince = 0;

  connectedCallback() {
    this.setAttribute("aria-live", "polite");
  }

  /** @param {import("../player/player.js").Player} player */
  update(player) {
    if (!player.isWaiting && player.mode !== "connecting") this.#waitingSince = 0;
    else if (this.#waitingSince === 0) this.#waitingSince = performance.now();
    const isLong = this.#waitingSince > 0 && performance.now() - this.#waitingSince > PATIENCE_MS;
    const scene = sceneOf(player, isLong);
    if (scene.key === this.#key) return;
    this.#key = scene.key;
    this.className = scene.ground;
    this.replaceChildren(...scene.draw());
  }
}

/**
 * @param {import("../player/player.js").Player} player @param {boolean} isLongWait
 * @returns {Scene}
 */
function sceneOf(player, isLongWait) {
  switch (player.mode) {
    case "connecting": return connecting(player, isLongWait);
    case "offline": return offline(player);
    case "denied": return denied(player);
    case "notFound": return notFound();
    case "failed": return failed(player);
    case "ended": return ended(player);
    default: return playing(player, isLongWait);
  }
}

/** @param {import("../player/player.js").Player} player @param {boolean} isLongWait @returns {Scene} */
function connecting(player, isLongWait) {
  const words = player.problem ? "The server does not answer. Trying again…" : "Opening the stream…";
  return { key: `connecting ${isLongWait} ${words}`, ground: "covering", draw: () => (isLongWait ? [spinner(words)] : []) };
}

/** @param {import("../player/player.js").Player} player @returns {Scene} */
function offline(player) {
  const title = player.watch?.title || player.watch?.slug || "This stream";
  const last = player.watch?.recordings?.find((recording) => recording.state === "complete");
  return {
    key: `offline ${title} ${last?.id}`, ground: "covering",
    draw: () => [words(logo(), `${title} is not live`, "Keep this page open: it starts by itself as soon as somebody publishes.",
      last ? [h("a", { className: "button", href: last.watchUrl },
        icon("play"), `Watch the last one, ${lengthOf(last.duration)}, ${ago(last.startedAt)}`)] : [])],
  };
}

/** @param {import("../player/player.js").Player} player @returns {Scene} */
function denied(player) {
  if (player.isLinkVoid) return notFound();
  return {
    key: "denied", ground: "covering",
    draw: () => [words(logo(), "Log in to watch", "This stream is private. Log in, or ask for a share link.",
      [h("a", { className: "button primary", href: loginAddress() }, "Log in")])],
  };
}

/** @returns {Scene} */
function notFound() {
  return {
    key: "not found", ground: "covering",
    draw: () => [words(logo(), "Nothing to see behind this link", "It was mistyped, has expired, or was taken back. Ask for a new one.",
      [h("a", { className: "button", href: "/" }, "Home"), h("a", { className: "button", href: loginAddress() }, "Log in")])],
  };
}

function loginAddress() {
  return `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
}

/** @type {Record<string, [title: string, text: string]>} */
const FAILURES = {
  "codec-unsupported": ["This browser cannot decode the stream", "Try another browser or device, or let the publisher send H.264 with AAC."],
  "decode-failed": ["The picture could not be decoded", "The browser's decoder gave up several times. Trying again may help."],
  "media-refused": ["The stream may not be played", "Your right to watch has ended or was taken back. Reload the page, or ask for a new link."],
  "playback-failed": ["The browser could not play the stream", "Check the connection, then try again."],
};

/** @param {import("../player/player.js").Player} player @returns {Scene} */
function failed(player) {
  const { code, detail } = player.failure ?? { code: "", detail: "" };
  const [title, text] = FAILURES[code] ?? FAILURES["playback-failed"];
  return {
    key: `failed ${code} ${detail}`, ground: "covering",
    draw: () => [words(icon("warning"), title, text,
      [h("button", { type: "button", className: "button primary", onclick: () => player.retry() }, "Try again")], `${code}: ${detail}`)],
  };
}

/** @param {import("../player/player.js").Player} player @returns {Scene} */
function ended(player) {
  const isNewer = player.hasNewerSession;
  return {
    key: `ended ${isNewer}`, ground: "veiled",
    draw: () => [words(null, "The stream has ended", "This link stays: it shows the next one, too.", [
      h("button", { type: "button", className: "button primary", onclick: () => player.play() }, icon("replay"), "Watch from the start"),
      ...(isNewer ? [h("button", { type: "button", className: "button", onclick: () => player.goLive() }, "Watch live")] : []),
    ])],
  };
}

/** @param {import("../player/player.js").Player} player @param {boolean} isLongWait @returns {Scene} */
function playing(player, isLongWait) {
  const { video } = player;
  const isBlocked = video.paused && !player.isWaiting && video.currentTime === 0 && video.readyState >= 2;
  const wait = isLongWait && !player.isAway ? waitWords(player) : "";
  const pill = pillOf(player);
  const isSoundOnly = video.videoWidth === 0 && video.readyState >= 2 && !isBlocked;
  return {
    key: `playing ${isBlocked} ${wait} ${pill?.text} ${isSoundOnly}`, ground: "",
    draw: () => [
      ...(isSoundOnly ? [words(logo(), player.watch?.title ?? "", "Sound only")] : []),
      ...(pill ? [h("div", { className: "pill", role: "status" }, icon(pill.icon), pill.text,
        pill.action && h("button", { type: "button", onclick: pill.onclick }, pill.action))] : []),
      ...(isBlocked ? [h("button", { type: "button", className: "big-play", "aria-label": "Play", onclick: () => player.play() }, icon("play"))] : []),
      ...(wait ? [spinner(wait)] : []),
    ],
  };
}

/** @param {import("../player/player.js").Player} player */
function waitWords(player) {
  if (player.problem) return "The server does not answer. Trying again…";
  const isReconnecting = player.engine && "isConnecting" in player.engine && player.engine.isConnecting && player.firstPictureMs !== null;
  return isReconnecting ? "The connection broke. Taking it up again…" : "Waiting for media…";
}

/**
 * @param {import("../player/player.js").Player} player
 * @returns {{icon: string, text: string, action?: string, onclick?: () => void} | null}
 */
function pillOf(player) {
  if (player.isAway) return { icon: "warning", text: "The publisher's connection broke. Waiting for it to come back." };
  if (player.hasNewerSession) return { icon: "streams", text: "Live again.", action: "Watch live", onclick: () => player.goLive() };
  const { reason, reasonSince, isWanted } = player.lowDelay;
  const isLater = player.mode === "live" && player.engine?.name !== "WebRTC" && isWanted;
  if (isLater && reason && performance.now() - reasonSince < REASON_MS) {
    return { icon: "bolt", text: `A little more delay: ${reason.words}.` };
  }
  if (player.unplayable.length > 0) {
    const codecs = player.unplayable.map(codecName).join(", ");
    return { icon: "warning", text: `This browser cannot decode ${codecs}: that part is missing.` };
  }
  return null;
}

/** @param {string} text */
function spinner(text) {
  return h("div", { className: "waiting", role: "status" }, h("div", { className: "spinner", "aria-hidden": "true" }), text);
}

/**
 * @param {Node | null} picture @param {string} title @param {string} text
 * @param {Node[]} actions @param {string} [code]
 */
function words(picture, title, text, actions = [], code = "") {
  return h("div", { className: "words" }, picture, h("h2", {}, title), h("p", {}, text),
    actions.length > 0 && h("div", { className: "actions" }, ...actions), code !== "" && h("p", { className: "code" }, code));
}

customElements.define("m-stage", Stage);
