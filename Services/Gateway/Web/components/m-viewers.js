import { call } from "../api.js";
import { account } from "../account.js";
import { h, setChildren, setText } from "../dom.js";
import { viewerTable } from "../studio/viewers.js";

const REFRESH_MS = 3_000;
const COLUMNS = ["For", "Round trip", "Loss", "Picture", "Rate", "How it goes"];

/** Who watches a stream by WebRTC, how each fares, and why one does not play: asked while somebody sees it. */
export class Viewers extends HTMLElement {
  #streamId = "";
  #isSeen = false;
  #isAsking = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;
  /** @type {Map<string, HTMLTableRowElement>} */ #rows = new Map();
  #summary = h("p", { className: "muted", role: "status" });
  #more = h("p", { className: "muted", hidden: true });
  #body = h("tbody");
  #table = h("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Viewers one by one", hidden: true },
    h("table", {}, h("thead", {}, h("tr", {}, ...COLUMNS.map((name) => h("th", { scope: "col" }, name)))), this.#body));
  #observer = new IntersectionObserver((entries) => {
    this.#isSeen = entries.at(-1)?.isIntersecting === true;
    void this.#refresh();
  });

  connectedCallback() {
    this.className = "panel viewers";
    this.append(h("h2", {}, "Viewers"), this.#summary, this.#table, this.#more);
    this.#observer.observe(this);
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS);
    account.addEventListener("change", this.#changed);
    document.addEventListener("visibilitychange", this.#changed);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    this.#observer.disconnect();
    account.removeEventListener("change", this.#changed);
    document.removeEventListener("visibilitychange", this.#changed);
  }

  #changed = () => void this.#refresh();

  /** @param {string} streamId */
  set streamId(streamId) {
    if (streamId === this.#streamId) return;
    this.#streamId = streamId;
    this.#show({ count: 0, items: [], ended: [] });
    void this.#refresh();
  }

  async #refresh() {
    const streamId = this.#streamId;
    const isOfUse = this.#isSeen && !document.hidden && streamId !== "" && account.mayManage;
    if (!isOfUse || this.#isAsking) return;
    this.#isAsking = true;
    const answer = await call("GET", `/api/v1/streams/${streamId}/viewers`).catch(() => null);
    this.#isAsking = false;
    if (streamId !== this.#streamId || !this.isConnected) return;
    if (answer) this.#show(answer);
    else setText(this.#summary, "The server does not tell just now who watches.");
  }

  /** @param {{count: number, items: import("../studio/viewers.js").Viewer[], ended: import("../studio/viewers.js").Viewer[]}} answer */
  #show(answer) {
    const { summary, rows, more } = viewerTable(answer, Date.now());
    setText(this.#summary, summary);
    this.#table.hidden = rows.length === 0;
    this.#more.hidden = more === 0;
    setText(this.#more, `And ${more} more.`);
    const shown = rows.map((row) => this.#drawn(row));
    setChildren(this.#body, shown);
    for (const [id, element] of this.#rows) if (!shown.includes(element)) this.#rows.delete(id);
  }

  /** @param {import("../studio/viewers.js").ViewerRow} row @returns {HTMLTableRowElement} */
  #drawn(row) {
    const texts = [row.since, row.roundTrip, row.loss, row.layer, row.bitrate, row.words];
    const element = this.#rows.get(row.id) ?? h("tr", {}, ...texts.map((_, index) =>
      h("td", { className: index < texts.length - 1 ? "number" : "how" })));
    this.#rows.set(row.id, element);
    for (const [index, text] of texts.entries()) setText(element.cells[index], text);
    element.className = row.isGone ? "gone" : row.isTrouble ? "trouble" : "";
    return element;
  }
}

customElements.define("m-viewers", Viewers);
