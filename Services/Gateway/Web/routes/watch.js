import { Problem, call } from "../api.js";
import { account } from "../account.js";
import { h, icon, setText } from "../dom.js";
import { ago, dayAndHour, exactly, lengthOf } from "../format.js";
import { backOff } from "../player/pause.js";
import { clockText } from "../player/timeline.js";
import { copy } from "../components/m-copy.js";
import "../components/m-advice.js";
import "../components/m-player.js";

/** @typedef {import("../player/player.js").Player} Player */

/**
 * The one link: offline, live, rewound, replayed.
 * @param {{slug: string, query: URLSearchParams}} place
 */
export async function watchPage({ slug, query }) {
  const secret = takeSecret();
  const view = /** @type {import("../components/m-player.js").PlayerView} */ (document.createElement("m-player"));
  const { player } = view;
  const title = h("h1", {}, slug);
  const meta = h("div", { className: "meta" });
  const actions = h("div", { className: "actions" });
  const list = h("div", {});
  const advice = h("m-advice");
  const page = h("div", { className: "watch" },
    h("div", { className: "stage-box" }, view),
    h("div", { className: "about" }, h("div", { className: "title" }, title, meta), actions, advice),
    h("aside", { "aria-label": "Recordings" }, list));
  const drawn = { state: "", recordings: "" };
  const draw = () => {
    actions.hidden = player.watch === null;
    advice.streamId = player.watch?.state === "live" ? player.watch.streamId : "";
    drawAbout(player, { title, meta, list }, drawn);
  };
  player.addEventListener("change", draw);
  const life = new AbortController();
  const drawActions = () => actions.replaceChildren(...actionsOf(player, slug));
  account.addEventListener("change", drawActions, { signal: life.signal });
  drawActions();
  draw();
  /** @type {any} */ (window).martlet = { player };
  void openWith(player, slug, secret, query, life.signal);
  return { element: page, title: slug, close: () => life.abort() };
}

/**
 * A share link's secret is exchanged before anything is asked for.
 * @param {Player} player @param {string} slug @param {string | null} secret @param {URLSearchParams} query
 * @param {AbortSignal} signal ends the page, and what plays there
 */
export async function openWith(player, slug, secret, query, signal) {
  signal.addEventListener("abort", () => player.close(), { once: true });
  const isLinkVoid = secret !== null && !(await exchanged(secret, signal));
  if (signal.aborted) return;
  if (!account.isKnown) void account.refresh();
  const at = Number.parseFloat(query.get("t") ?? "");
  await player.open(slug, { session: query.get("session"), isLinkVoid, at: Number.isFinite(at) && at >= 0 ? at : null });
}

/** @param {string} secret @param {AbortSignal} signal */
async function exchanged(secret, signal) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await call("POST", "/api/v1/share/exchange", { secret }, signal);
      return true;
    } catch (error) {
      if (!(error instanceof Problem) || !error.isTemporary) return false;
      await backOff(attempt, signal);
    }
  }
}

/** Reads the secret in `#s=` and removes it from the address at once. */
export function takeSecret() {
  const secret = new URLSearchParams(location.hash.slice(1)).get("s");
  if (secret) history.replaceState(history.state, "", location.pathname + location.search);
  return secret;
}

/**
 * @param {Player} player @param {{title: HTMLElement, meta: HTMLElement, list: HTMLElement}} parts
 * @param {{state: string, recordings: string}} drawn what is on the page: unchanged parts stay as they are
 */
function drawAbout(player, { title, meta, list }, drawn) {
  const { watch, mode } = player;
  if (!watch) return;
  const name = watch.title || watch.slug;
  setText(title, name);
  document.title = mode === "live" ? `● ${name}` : name;
  const { videoWidth, videoHeight } = player.video;
  const facts = [stateWords(player), videoHeight > 0 ? `${videoWidth} × ${videoHeight}` : ""].filter(Boolean).join("|");
  const state = `${mode} ${player.isAway} ${facts}`;
  if (state !== drawn.state) {
    drawn.state = state;
    meta.replaceChildren(badgeOf(player), ...facts.split("|").map((fact) => h("span", { className: "number" }, fact)));
  }
  const recordings = (watch.recordings ?? []).filter((one) => one.state !== "recording");
  const key = JSON.stringify([recordings.map((one) => [one.id, one.duration]), player.sessionId]);
  if (key === drawn.recordings) return;
  drawn.recordings = key;
  list.replaceChildren(h("h2", {}, "Recordings"), ...(recordings.length > 0
    ? recordings.map((one) => recordingRow(one, player))
    : [h("p", { className: "muted" }, "What is streamed here can be watched again afterwards, from this link.")]));
}

/** @param {Player} player */
function badgeOf({ mode, isAway }) {
  if (isAway) return h("span", { className: "badge away" }, h("span", { className: "dot" }), "INTERRUPTED");
  if (mode === "live" || mode === "dvr") return h("span", { className: "badge live" }, h("span", { className: "dot" }), "LIVE");
  const words = { replay: "REPLAY", ended: "ENDED", offline: "OFFLINE", denied: "PRIVATE", notFound: "NOT FOUND", failed: "NOT PLAYING" };
  return h("span", { className: "badge" }, words[/** @type {"replay"} */ (mode)] ?? "…");
}

/** @param {Player} player */
function stateWords({ watch, mode, sessionId }) {
  const recording = watch?.recordings?.find((one) => one.sessionId === sessionId);
  const started = watch?.session?.id === sessionId ? watch?.session?.startedAt : recording?.startedAt;
  if (mode === "offline") return "Starts by itself";
  return started ? `Started ${ago(started)}` : "";
}

/** @param {import("../api.js").Recording} recording @param {Player} player */
function recordingRow(recording, player) {
  const isCurrent = player.sessionId === recording.sessionId;
  return h("a", { className: "recording", href: recording.watchUrl, "aria-current": isCurrent ? "true" : undefined },
    h("span", { className: "tile" }, icon("play")),
    h("span", { className: "grow" }, h("span", {}, dayAndHour(recording.startedAt)),
      h("small", { className: "muted", title: exactly(recording.startedAt) }, ago(recording.startedAt))),
    h("span", { className: "length number", title: lengthOf(recording.duration) },
      recording.duration === null ? "" : clockText(recording.duration)));
}

/** @param {Player} player @param {string} slug */
function actionsOf(player, slug) {
  const label = h("span", {}, account.mayManage ? "Share" : "Copy link");
  const share = async () => {
    const address = await shareAddress(player, slug).catch(() => null);
    const isCopied = address !== null && await copy(address);
    setText(label, isCopied ? "Link copied" : "Could not copy");
    setTimeout(() => setText(label, account.mayManage ? "Share" : "Copy link"), 1_800);
  };
  return [...(account.mayManage ? [h("a", { className: "button", href: `/studio?stream=${encodeURIComponent(slug)}` }, icon("camera"), "Studio")] : []),
    h("button", { type: "button", className: "button", onclick: share }, icon("share"), label)];
}

/**
 * An administrator's link carries a share secret, so that it opens without a login.
 * @param {Player} player @param {string} slug
 */
async function shareAddress(player, slug) {
  const plain = `${location.origin}/watch/${encodeURIComponent(slug)}`;
  if (!account.mayManage || !player.watch) return plain;
  const share = await call("POST", `/api/v1/streams/${player.watch.streamId}/shares`, {});
  return share.watchUrl ?? `${plain}#s=${share.secret}`;
}
