import { Problem } from "../api.js";
import { FeedReader, FrameType } from "./feed-frames.js";
import { backOff, pause } from "./pause.js";

/** The server says something every 5 s; after this silence the connection is taken for dead. */
const SILENCE_MS = 12_000;
/** A session is announced some moments before its media is there: ask again after this many seconds. */
const EARLY_SECONDS = 0.1;

/** @typedef {import("./feed-frames.js").FeedFrame} FeedFrame */
/** @typedef {"idle" | "connecting" | "open" | "waiting" | "ended" | "refused"} FeedState */

/**
 * @typedef {object} FeedHooks
 * @property {(frame: FeedFrame) => void | Promise<void>} onFrame
 * @property {(state: FeedState, problem: Problem | null) => void} onState
 */

/** The endless `feed` response of a session: reads it, and takes it up again where it broke off. */
export class FeedConnection {
  /** @type {FeedState} */ state = "idle";
  /** @type {AbortController | null} */ #abort = null;
  /** @type {Map<number, {msn: number, part: number}>} */ #next = new Map();
  /** @type {number | null} the size of the picture to ask for, the best where nobody chose */ picture = null;
  /** Whether the session is so new that its media may not be there yet. */
  mayBeEarly = () => false;
  bytesReceived = 0;
  reconnects = 0;

  /**
   * @param {string} base URL of the session, with a slash at its end
   * @param {(url: string, signal: AbortSignal) => Promise<Response>} fetchMedia
   * @param {FeedHooks} hooks
   */
  constructor(base, fetchMedia, hooks) {
    this.base = base;
    this.fetchMedia = fetchMedia;
    this.hooks = hooks;
  }

  get isRunning() {
    return this.#abort !== null;
  }

  /**
   * Starts at the live edge, or at a part.
   * @param {{msn: number, part: number} | null} [from]
   */
  start(from = null) {
    this.stop();
    this.#next.clear();
    const abort = new AbortController();
    this.#abort = abort;
    void this.#run(abort, from);
  }

  stop() {
    this.#abort?.abort();
    this.#abort = null;
    this.#enter("idle");
  }

  /** The part to go on from: the earliest that some track still lacks. */
  get #resumeFrom() {
    const parts = [...this.#next.values()].sort((one, other) => one.msn - other.msn || one.part - other.part);
    return parts[0] ?? null;
  }

  /**
   * @param {AbortController} abort
   * @param {{msn: number, part: number} | null} from
   */
  async #run(abort, from) {
    for (let failures = 0; !abort.signal.aborted; ) {
      this.#enter("connecting");
      const before = this.bytesReceived;
      /** @type {Problem | null} */ let problem = null;
      try {
        if (await this.#read(abort.signal, this.#resumeFrom ?? from)) return this.#finish(abort, "ended", null);
      } catch (error) {
        problem = error instanceof Problem ? error : new Problem({ detail: String(error) });
      }
      if (abort.signal.aborted) return;
      if (problem?.status === 404 && this.mayBeEarly()) {
        await pause(EARLY_SECONDS, abort.signal);
        continue;
      }
      if (problem?.isRefusal) return this.#finish(abort, "refused", problem);
      failures = this.bytesReceived > before ? 0 : failures + 1;
      this.reconnects += 1;
      this.#enter("waiting", problem);
      await backOff(failures, abort.signal);
    }
  }

  /**
   * @param {AbortController} abort @param {FeedState} state @param {Problem | null} problem
   */
  #finish(abort, state, problem) {
    if (this.#abort === abort) this.#abort = null;
    this.#enter(state, problem);
  }

  /**
   * Reads one response to its end; true when the session has ended.
   * @param {AbortSignal} signal @param {{msn: number, part: number} | null} from
   */
  async #read(signal, from) {
    const watch = new SilenceWatch(signal);
    try {
      const response = await this.fetchMedia(this.#url(from), watch.signal);
      const body = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
      const reader = new FeedReader();
      for (;;) {
        const { done, value } = await body.read();
        if (done || !value) return false;
        watch.heard();
        this.bytesReceived += value.length;
        if (this.state !== "open") this.#enter("open");
        for (const frame of reader.push(value)) {
          await this.#deliver(frame);
          if (signal.aborted) return false;
          if (frame.type === FrameType.end) return true;
        }
      }
    } finally {
      watch.end();
    }
  }

  /** @param {FeedFrame} frame */
  async #deliver(frame) {
    if (frame.type === FrameType.part) this.#next.set(frame.track, { msn: frame.msn, part: frame.part + 1 });
    const pending = this.hooks.onFrame(frame);
    if (pending) await pending;
  }

  /** @param {{msn: number, part: number} | null} from */
  #url(from) {
    const query = new URLSearchParams();
    if (this.picture !== null) query.set("picture", String(this.picture));
    if (from) query.set("from", `${from.msn}.${from.part}`);
    const text = query.toString();
    return `${this.base}feed${text ? `?${text}` : ""}`;
  }

  /** @param {FeedState} state @param {Problem | null} [problem] */
  #enter(state, problem = null) {
    if (this.state === state) return;
    this.state = state;
    this.hooks.onState(state, problem);
  }
}

/** Aborts a response that has fallen silent, or when its owner gives up. */
class SilenceWatch {
  #controller = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #forward = () => this.#controller.abort();

  /** @param {AbortSignal} owner */
  constructor(owner) {
    this.owner = owner;
    owner.addEventListener("abort", this.#forward);
    this.heard();
  }

  get signal() {
    return this.#controller.signal;
  }

  heard() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#forward, SILENCE_MS);
  }

  end() {
    clearTimeout(this.#timer);
    this.owner.removeEventListener("abort", this.#forward);
    this.#controller.abort();
  }
}
