import { Problem, watchState } from "../api.js";
import { Events } from "../events.js";

const POLL_MS = 2_000;
const POLL_BESIDE_EVENTS_MS = 15_000;
/** Who may not see this will hardly be allowed to in the next seconds. */
const POLL_REFUSED_MS = 10_000;

/** @typedef {import("../api.js").WatchState} WatchState */

/** Follows what stands behind one link: told by events, else by asking. */
export class WatchLink {
  /** @type {Events | null} */ #events = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #abort = new AbortController();
  #asked = 0;
  #heard = 0;

  /**
   * @param {string} slug
   * @param {{onState: (state: WatchState) => void, onProblem: (problem: Problem) => void, onTracks: () => void}} hooks
   *   `onTracks`: the publisher sends other tracks than before
   */
  constructor(slug, hooks) {
    this.slug = slug;
    this.hooks = hooks;
  }

  /** Asks now, and tells every change until closed. */
  async refresh() {
    clearTimeout(this.#timer);
    const question = ++this.#asked;
    let isRefused = false;
    try {
      const state = await watchState(this.slug, this.#abort.signal);
      if (this.#abort.signal.aborted || question < this.#heard) return;
      this.#heard = question;
      this.#events ??= new Events(state.streamId, (type) => this.#told(type));
      this.hooks.onState(state);
    } catch (error) {
      if (this.#abort.signal.aborted || question < this.#heard) return;
      const problem = error instanceof Problem ? error : new Problem({ detail: String(error) });
      isRefused = problem.isRefusal;
      this.hooks.onProblem(problem);
    }
    clearTimeout(this.#timer);
    const pause = isRefused ? POLL_REFUSED_MS : this.#events?.isOpen ? POLL_BESIDE_EVENTS_MS : POLL_MS;
    this.#timer = setTimeout(() => void this.refresh(), pause);
  }

  /** @param {string} type of an event */
  #told(type) {
    if (type === "tracks.changed") this.hooks.onTracks();
    void this.refresh();
  }

  close() {
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#events?.close();
  }
}
