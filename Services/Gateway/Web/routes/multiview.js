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
  return { element: wall.element, title: "Multi-view", isFull: true, close: () => wall.close() };
}

/** The grid of live streams. */
class Wall {
  element = h("div", { className: "wall", role: "group", "aria-label": "Live streams" });
  /** @type {Map<string, Tile>} */ tiles = new Map();
  #clock = new ServerClock();
  #life = new AbortController();
  #events = new Events(null, () => void this.refresh());
  #poll = setInterval(() => { if (!this.#events.isOpen && !document.hidden) void this.refresh(); }, POLL_MS);
  #refresh = setInterval(() => { for (const tile of this.tiles.values()) tile.draw(); }, REFRESH_MS);

  constructor() {
    this.#clock.start();
    document.addEventListener("keydown", (event) => this.#key(event), { signal: this.#life.signal });
    this.element.addEventListener("tile", (/** @type {CustomEvent} */ event) => this.#asked(/** @type {Tile} */ (event.target), event.detail));
  }

  /** Streams come as they go live, and go when they end; the others stay where they are. */
  async refresh() {
    try {
      const live = itemsOf(await call("GET", "/api/v1/streams?limit=200")).filter((/** @type {any} */ stream) =>
        (stream.state === "live" || stream.state === "away") && stream.session);
      if (!this.#life.signal.aborted) this.#show(live);
    } catch (error) {
      if (error instanceof Problem && error.isRefusal) location.replace("/login?next=/multiview");
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
    const words = this.element.querySelector(".wall-empty");
    if (tiles.length > 0) words?.remove();
    else if (!words) this.element.append(nobody());
  }

  /** @param {Tile} tile @param {string} what */
  #asked(tile, what) {
    if (what === "hear") this.#hear(tile.isHeard ? null : tile);
    else if (what === "full") this.#fill(tile.classList.contains("full") ? null : tile);
    else void this.refresh();
  }

  /** @param {Tile | null} chosen */
  #hear(chosen) {
    for (const tile of this.tiles.values()) tile.isHeard = tile === chosen;
  }

  /** @param {Tile | null} chosen */
  #fill(chosen) {
    for (const tile of this.tiles.values()) tile.classList.toggle("full", tile === chosen);
    if (chosen) this.#hear(chosen);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const tiles = [...this.tiles.values()];
    const heard = tiles.find((tile) => tile.isHeard) ?? null;
    const numbered = /^Digit([1-9])$/.exec(event.code)?.[1];
    const tile = numbered ? tiles[Number(numbered) - 1] : undefined;
    if (tile && event.shiftKey) this.#fill(tile);
    else if (tile) this.#choose(tile);
    else if (event.key === "0" || event.key.toLowerCase() === "m") this.#hear(null);
    else if (event.key.toLowerCase() === "f" && heard) this.#fill(heard.classList.contains("full") ? null : heard);
    else if (event.key === "Escape") this.#fill(null);
  }

  /**
   * A number is heard at the first press, alone at the second; where one fills the window, another takes its place.
   * @param {Tile} tile
   */
  #choose(tile) {
    const isOneFull = [...this.tiles.values()].some((one) => one.classList.contains("full"));
    if (isOneFull) this.#fill(tile.classList.contains("full") ? null : tile);
    else if (tile.isHeard) this.#fill(tile);
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
  const page = messagePage("Nobody is live", "Streams show up here by themselves as soon as they go live. Numbers choose which one is heard.",
    h("a", { className: "button", href: "/studio" }, "Go live from here"));
  page.classList.add("wall-empty");
  return page;
}
