import { Problem, call, itemsOf } from "../api.js";
import { account } from "../account.js";
import { recordingCard, streamCard } from "../components/cards.js";
import { CopyField } from "../components/m-copy.js";
import { logo } from "../components/logo.js";
import { h } from "../dom.js";
import { Events } from "../events.js";
import { rtmpAddress, siteFacts } from "../site.js";
import { messagePage } from "./not-found.js";

const RECORDINGS = 24;
const POLL_MS = 10_000;

/** What is live, and what was. */
export async function homePage() {
  const element = h("div", { className: "page" }, skeletons());
  const refresh = async () => {
    try {
      const [streams, recordings, site] = await Promise.all([
        call("GET", "/api/v1/streams"), call("GET", `/api/v1/recordings?limit=${RECORDINGS}`), siteFacts()]);
      draw(element, itemsOf(streams), itemsOf(recordings), site);
    } catch (error) {
      drawProblem(element, error);
    }
  };
  await Promise.race([refresh(), new Promise((resolve) => setTimeout(resolve, 150))]);
  const events = new Events(null, () => void refresh());
  const timer = setInterval(() => { if (!events.isOpen && !document.hidden) void refresh(); }, POLL_MS);
  return { element, title: "Martlet", close: () => { events.close(); clearInterval(timer); } };
}

/**
 * @param {HTMLElement} page @param {any[]} streams @param {any[]} recordings
 * @param {import("../site.js").Site} site
 */
function draw(page, streams, recordings, site) {
  const onAir = streams.filter((stream) => stream.state === "live" || stream.state === "away");
  const kept = recordings.filter((recording) => recording.state !== "recording");
  const key = JSON.stringify([onAir.map((one) => [one.slug, one.state, one.title]), kept.map((one) => [one.id, one.duration])]);
  if (page.dataset.key === key) return;
  page.dataset.key = key;
  if (onAir.length === 0 && kept.length === 0) return page.replaceChildren(...emptyHome(streams, site));
  page.replaceChildren(h("h1", { className: "visually-hidden" }, "Martlet"),
    section("Live now", onAir.map(streamCard), "cards large", "Nobody is live. This page tells when somebody is."),
    section("Recordings", kept.map(recordingCard), "cards", "Streams are kept here after they end."));
}

/** @param {string} title @param {Node[]} cards @param {string} className @param {string} otherwise */
function section(title, cards, className, otherwise) {
  return h("section", { className: "section" }, h("h2", { className: "section-title" }, title),
    cards.length > 0 ? h("div", { className }, ...cards) : h("p", { className: "muted" }, otherwise));
}

/**
 * The first visit: how to get a picture here.
 * @param {any[]} streams @param {import("../site.js").Site} site
 */
function emptyHome(streams, site) {
  const address = rtmpAddress(site);
  const stream = streams[0];
  const step = (/** @type {number} */ number, /** @type {Node[]} */ ...body) =>
    h("li", {}, h("span", { className: "step", "aria-hidden": "true" }, String(number)), h("div", { className: "body" }, ...body));
  return [h("div", { className: "empty" }, logo(), h("h1", {}, "Ready for the first stream"),
    h("p", { className: "lead" }, "Publish from OBS or anything else that speaks RTMP. It shows up here within a second, and can be watched again afterwards."),
    h("ol", { className: "panel steps" },
      step(1, h("h3", {}, "In OBS, open Settings, Stream, and choose Custom"), h("p", { className: "muted" }, "As the server, enter:"),
        CopyField.of(address, "the server address")),
      step(2, h("h3", {}, "Enter a stream key"), h("p", { className: "muted" }, "Every publisher gets a key of their own, which can be taken back."),
        ...(account.mayManage ? [h("a", { className: "button", href: "/streams" }, "Make a stream key"), ...(stream ? [h("p", { className: "muted" }, "Or without OBS: ",
          h("a", { className: "text-link", href: "/studio" }, "show your camera or a screen from this browser"), ".")] : [])] : [h("p", { className: "muted" }, "Ask an administrator for one.")])),
      step(3, h("h3", {}, "Start streaming"), h("p", { className: "muted" }, "Keyframes every 2 seconds, no B-frames and the tune “zerolatency” give the shortest delay."),
        ...(stream ? [h("a", { className: "button", href: `/watch/${encodeURIComponent(stream.slug)}` }, "Open the watch page")] : []))))];
}

function skeletons() {
  const card = () => h("div", { className: "card" }, h("div", { className: "art skeleton" }));
  return h("div", { className: "section", "aria-busy": "true" }, h("div", { className: "cards" }, card(), card(), card()));
}

/** @param {HTMLElement} page @param {unknown} error */
function drawProblem(page, error) {
  if (error instanceof Problem && error.isRefusal) return location.replace("/login?next=/");
  if (page.dataset.key) return;
  page.replaceChildren(messagePage("Martlet does not answer", "The server is starting, or the connection is gone. This page tries again by itself.",
    h("button", { type: "button", className: "button", onclick: () => location.reload() }, "Try now")));
}
