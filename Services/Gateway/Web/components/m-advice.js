import { Problem, call } from "../api.js";
import { account } from "../account.js";
import { h, icon } from "../dom.js";
import { adviceFor } from "../studio/advice.js";

const REFRESH_MS = 10_000;

/** What the publisher of a stream could do better, for those who may manage it. */
export class Advice extends HTMLElement {
  #streamId = "";
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;

  connectedCallback() {
    this.setAttribute("role", "status");
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS);
    account.addEventListener("change", this.#changed);
    void this.#refresh();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    account.removeEventListener("change", this.#changed);
  }

  #changed = () => void this.#refresh();

  /** @param {string} streamId the stream to speak of, or "" while it is not live */
  set streamId(streamId) {
    if (streamId === this.#streamId) return;
    this.#streamId = streamId;
    void this.#refresh();
  }

  async #refresh() {
    const streamId = this.#streamId;
    const isOfUse = streamId !== "" && account.mayManage && this.isConnected && !document.hidden;
    const report = isOfUse ? await call("GET", `/api/v1/streams/${streamId}/publisher`).catch(asNone) : null;
    if (isOfUse && report === undefined) return;
    if (streamId === this.#streamId) this.#show(report ? adviceFor(report) : []);
  }

  /** @param {string[]} texts */
  #show(texts) {
    const key = texts.join("|");
    if (this.dataset.key === key) return;
    this.dataset.key = key;
    this.replaceChildren(...texts.map((text) => h("p", { className: "notice" }, icon("warning"), h("span", {}, text))));
  }
}

/**
 * Nobody publishes: nothing to say. What could not be asked leaves what was said.
 * @param {unknown} error
 */
function asNone(error) {
  return error instanceof Problem && error.status === 404 ? null : undefined;
}

customElements.define("m-advice", Advice);
