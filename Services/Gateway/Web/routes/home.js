import { Problem, call, itemsOf } from "../api.js";
import { account } from "../account.js";
import { recordingCard, streamCard } from "../components/cards.js";
import { CopyField } from "../components/m-copy.js";
import { logo } from "../components/logo.js";
import { h, setChildren } from "../dom.js";
import { Events } from "../events.js";
import { rtmpAddress, siteFacts } from "../site.js";
import { messagePage } from "./not-found.js";

const RECORDINGS = 24;
const POLL_MS = 10_000;

/** What is live, and what was. */
export async function homePage() {
  const home = new Home();
  await Promise.race([home.refresh(), new Promise((resolve) => setTimeout(resolve, 150))]);
  return { element: home.element, title: "Martlet", close: () => home.close() };
}

/** The page, which changes where something goes live or ends, and stays as it is elsewhere. */
class Home {
  element = h("div", { className: "page" }, skeletons());
  #life = new AbortController();
  #events = new Events(null, () => void this.refresh());
  #timer = setInterval(() => { if (!this.#events.isOpen && !document.hidden) void this.refresh(); }, POLL_MS);
  #questions = 0;
  #drawn = "";
  #live = new Shelf("Live now", "cards large", "Nobody is live. This page tells when somebody is.");
  #kept = new Shelf("Recordings", "cards", "Streams are kept here after they end.");
  #title = h("h1", { className: "visually-hidden" }, "Martlet");

  constructor() {
    // What an empty page proposes depends on who looks.
    account.addEventListener("change", () => void this.refresh(), { signal: this.#life.signal });
  }

  async refresh() {
    const question = ++this.#questions;
    const get = (/** @type {string} */ path) => call("GET", path, undefined, this.#life.signal).then(itemsOf);
    try {
      const [streams, recordings, site] = await Promise.all([get("/api/v1/streams"), get(`/api/v1/recordings?limit=${RECORDINGS}`), siteFacts()]);
      if (question === this.#questions) this.#draw(streams, recordings, site);
    } catch (error) {
      if (question === this.#questions && !this.#life.signal.aborted) this.#drawProblem(error);
    }
  }

  /** @param {any[]} streams @param {any[]} recordings @param {import("../site.js").Site} site */
  #draw(streams, recordings, site) {
    const onAir = streams.filter((stream) => stream.state === "live" || stream.state === "away");
    const kept = recordings.filter((recording) => recording.state !== "recording");
    if (onAir.length === 0 && kept.length === 0) {
      const key = `empty ${account.mayManage} ${streams[0]?.slug ?? ""}`;
      if (this.#drawn !== key) this.element.replaceChildren(...emptyHome(streams, site));
      this.#drawn = key;
      return;
    }
    this.#drawn = "shelves";
    this.#live.show(onAir, (one) => [one.id, one.state, one.title, one.session?.id], streamCard);
    this.#kept.show(kept, (one) => [one.id, one.duration, one.title], recordingCard);
    setChildren(this.element, [this.#title, this.#live.element, this.#kept.element]);
  }

  /** @param {unknown} error */
  #drawProblem(error) {
    if (error instanceof Problem && error.isRefusal) return location.replace("/login?next=/");
    if (this.#drawn !== "") return;
    this.element.replaceChildren(messagePage("Martlet does not answer", "The server is starting, or the connection is gone. This page tries again by itself.",
      h("button", { type: "button", className: "button", onclick: () => location.reload() }, "Try now")));
  }

  close() {
    this.#life.abort();
    this.#events.close();
    clearInterval(this.#timer);
  }
}

/** Cards under a heading; a card stays as long as what it says holds. */
class Shelf {
  /** @type {Map<string, HTMLElement>} */ #cards = new Map();
  #list;
  #otherwise;

  /** @param {string} title @param {string} className @param {string} otherwise what is said where there is no card */
  constructor(title, className, otherwise) {
    this.#list = h("div", { className });
    this.#otherwise = h("p", { className: "muted" }, otherwise);
    this.element = h("section", { className: "section" }, h("h2", { className: "section-title" }, title), this.#otherwise);
  }

  /** @param {any[]} items @param {(item: any) => unknown[]} facts what a card says @param {(item: any) => HTMLElement} make */
  show(items, facts, make) {
    const known = this.#cards;
    this.#cards = new Map(items.map((item) => {
      const key = JSON.stringify(facts(item));
      return [key, known.get(key) ?? make(item)];
    }));
    setChildren(this.#list, [...this.#cards.values()]);
    setChildren(this.element, [this.element.firstChild, items.length > 0 ? this.#list : this.#otherwise]);
  }
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
