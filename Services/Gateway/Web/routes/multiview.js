import { Problem, call, itemsOf } from "../api.js";
import { Tile } from "../components/m-tile.js";
import { h } from "../dom.js";
import { Events } from "../events.js";
import { columnsFor } from "../player/columns.js";
import { ServerClock } from "../player/server-clock.js";
import { messagePage } from "./not-found.js";

const POLL_MS = 10_000;
const REFRESH_MS = 1_000;

/** @typedef {import("../components/m-tile.js").LiveStream} LiveStream */

/** Everything that is live, side by side: click or press its number to hear one. */
export async function multiviewPage() {
  const wall = new Wall();
  await Promise.race([wall.refresh(), new Promise((resolve) => setTimeout(resolve, 150))]);
  /** @type {any} */ (window).martlet = { wall };
  return { element: wall.element, title: "Multi-view", isDark: true, close: () => wall.close() };
}

/** The grid of live streams. */
class Wall {
  element = h("div", { className: "wall", role: "group", "aria-label": "Live streams" });
  /** @type {Map<string, Tile>} */ tiles = new Map();
  #clock = new ServerClock();
  #life = new AbortController();
  #events = new Events(null, () => void this.refresh());
  #poll = setInterval(() => { if (!this.#events.isOpen && !document.hidden) void this.refresh(); }, POLL_MS);
  #refresh = setInterval(() => { for (const tile of this.tiles.values()) tile.look(); }, REFRESH_MS);
  #questions = 0;

  constructor() {
    this.#clock.start();
    document.addEventListener("keydown", (event) => this.#key(event), { signal: this.#life.signal });
    this.element.addEventListener("tile", (/** @type {CustomEvent} */ event) => this.#asked(/** @type {Tile} */ (event.target), event.detail));
  }

  /** Streams come as they go live, and go when they end; the others stay where they are. */
  async refresh() {
    const question = ++this.#questions;
    try {
      const live = itemsOf(await call("GET", "/api/v1/streams?limit=200", undefined, this.#life.signal)).filter((/** @type {any} */ stream) =>
        (stream.state === "live" || stream.state === "away") && stream.session);
      if (question === this.#questions) this.#show(live);
    } catch (error) {
      if (this.#life.signal.aborted || question !== this.#questions) return;
      if (error instanceof Problem && error.isRefusal) location.replace("/login?next=/multiview");
      else if (this.tiles.size === 0) this.#say(noAnswer());
    }
  }

  /** @param {LiveStream[]} live */
  #show(live) {
    const known = new Map(live.map((stream) => [stream.id, stream]));
    for (const [id, tile] of this.tiles) {
      if (known.has(id)) continue;
      this.tiles.delete(id);
      tile.close();
    }
    for (const stream of live) {
      const tile = this.tiles.get(stream.id);
      if (tile) tile.show(stream);
      else this.#add(stream);
    }
    this.#arrange();
  }

  /** @param {LiveStream} stream */
  #add(stream) {
    const tile = Tile.of(this.#clock, stream);
    this.tiles.set(stream.id, tile);
    this.element.append(tile);
  }

  #arrange() {
    const tiles = [...this.tiles.values()];
    for (const [index, tile] of tiles.entries()) tile.place = index + 1;
    this.element.style.setProperty("--columns", String(columnsFor(tiles.length)));
    this.#fill(tiles.find((tile) => tile.isFull) ?? null);
    this.#say(tiles.length > 0 ? null : nobody());
  }

  /** @param {HTMLElement | null} words instead of pictures */
  #say(words) {
    const said = this.element.querySelector(".wall-empty");
    if (said?.textContent === words?.textContent) return;
    said?.remove();
    if (words) this.element.append(words);
  }

  /** @param {Tile} tile @param {string} what */
  #asked(tile, what) {
    if (what === "hear") this.#hear(tile.isHeard ? null : tile);
    else if (what === "full") this.#toggle(tile);
    else void this.refresh();
  }

  /** @param {Tile | null} chosen */
  #hear(chosen) {
    for (const tile of this.tiles.values()) tile.isHeard = tile === chosen;
  }

  /** @param {Tile} tile fills the window, or does so no more */
  #toggle(tile) {
    if (tile.isFull) this.#fill(null);
    else this.#alone(tile);
  }

  /** @param {Tile} tile fills the window and is heard */
  #alone(tile) {
    this.#fill(tile);
    this.#hear(tile);
  }

  /** @param {Tile | null} chosen */
  #fill(chosen) {
    for (const tile of this.tiles.values()) tile.fill(tile === chosen, chosen !== null);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const tiles = [...this.tiles.values()];
    const heard = tiles.find((tile) => tile.isHeard) ?? null;
    const numbered = /^Digit([1-9])$/.exec(event.code)?.[1];
    const tile = numbered ? tiles[Number(numbered) - 1] : undefined;
    if (tile && event.shiftKey) this.#alone(tile);
    else if (tile) this.#choose(tile);
    else if (event.key === "0" || event.key.toLowerCase() === "m") this.#hear(null);
    else if (event.key.toLowerCase() === "f" && heard) this.#toggle(heard);
    else if (event.key === "Escape") this.#fill(null);
  }

  /**
   * A number is heard at the first press, alone at the second; where one fills the window, another takes its place.
   * @param {Tile} tile
   */
  #choose(tile) {
    const isOneFull = [...this.tiles.values()].some((one) => one.isFull);
    if (isOneFull) this.#toggle(tile);
    else if (tile.isHeard) this.#alone(tile);
    else this.#hear(tile);
  }

  snapshot() {
    return [...this.tiles.values()].map((tile) => tile.snapshot());
  }

  close() {
    this.#life.abort();
    this.#events.close();
    this.#clock.stop();
    clearInterval(this.#poll);
    clearInterval(this.#refresh);
    for (const tile of this.tiles.values()) tile.close();
  }
}

function nobody() {
  return words("Nobody is live", "Streams show up here by themselves as soon as they go live. Numbers choose which one is heard.",
    h("a", { className: "button", href: "/studio" }, "Go live from here"));
}

function noAnswer() {
  return words("Martlet does not answer", "The server is starting, or the connection is gone. This page tries again by itself.",
    h("button", { type: "button", className: "button", onclick: () => location.reload() }, "Try now"));
}

/** @param {string} title @param {string} text @param {Node} action */
function words(title, text, action) {
  const page = messagePage(title, text, action);
  page.classList.add("wall-empty");
  return page;
}
