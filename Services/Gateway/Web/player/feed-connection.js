import { Problem } from "../api.js";
import { FeedReader, FrameType } from "./feed-frames.js";
import { pagePlaces } from "./feed-places.js";
import { backOff, pause } from "./pause.js";

/** The server says something every 5 s; after this silence the connection is taken for dead. */
const SILENCE_MS = 12_000;
/** A session is announced some moments before its media is there: ask again after this many seconds. */
const EARLY_SECONDS = 0.1;
/** A turn is over when nothing more has come for so long, in ms: what there was is here. */
const TURN_OVER_MS = 50;
/** A turn without media is over, and one without an answer has failed, after so long, in ms: others wait. */
const TURN_ANSWER_MS = 2_000;
/** Seconds between two turns of one feed, at least. */
const BETWEEN_TURNS = 0.4;
/** With several feeds that have turns, their media comes about so long apart, in seconds. */
const USUAL_ROUND = 1;
/** So many segments behind the others, a track has ended. */
const ENDED_SEGMENTS = 3;

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
  /** @type {import("./feed-places.js").Place | null} */ #place = null;

  /**
   * @param {string} base URL of the session, with a slash at its end
   * @param {(url: string, signal: AbortSignal) => Promise<Response>} fetchMedia
   * @param {FeedHooks} hooks @param {import("./feed-places.js").FeedPlaces} [places]
   */
  constructor(base, fetchMedia, hooks, places = pagePlaces) {
    this.base = base;
    this.fetchMedia = fetchMedia;
    this.hooks = hooks;
    this.places = places;
  }

  /** How far apart media comes beside what parts last, in seconds: 0 where this feed holds a connection. */
  get round() {
    return this.#place?.isTurn ? USUAL_ROUND : 0;
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
    const parts = [...this.#next.values()].sort(inOrder);
    const newest = parts.at(-1);
    return parts.find(({ msn }) => newest !== undefined && msn > newest.msn - ENDED_SEGMENTS) ?? null;
  }

  /**
   * @param {AbortController} abort
   * @param {{msn: number, part: number} | null} from
   */
  async #run(abort, from) {
    for (let failures = 0; !abort.signal.aborted; ) {
      if (this.state !== "open") this.#enter("connecting");
      const before = this.bytesReceived;
      /** @type {Problem | null} */ let problem = null;
      const place = await this.places.take(abort.signal);
      if (abort.signal.aborted) return;
      this.#place = place;
      try {
        const outcome = await this.#read(abort.signal, this.#resumeFrom ?? from, place.isTurn);
        if (outcome === "ended") return this.#finish(abort, "ended", null);
        if (outcome === "turn over") {
          place.leave();
          failures = 0;
          await pause(BETWEEN_TURNS, abort.signal);
          continue;
        }
      } catch (error) {
        problem = error instanceof Problem ? error : new Problem({ detail: String(error) });
      } finally {
        place.leave();
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
   * Reads one response to its end, or as long as something comes in one go where it is a turn.
   * @param {AbortSignal} signal @param {{msn: number, part: number} | null} from @param {boolean} isTurn
   * @returns {Promise<"ended" | "broken" | "turn over">}
   */
  async #read(signal, from, isTurn) {
    const watch = new SilenceWatch(signal, isTurn ? TURN_ANSWER_MS : SILENCE_MS);
    let hasHeard = false;
    try {
      const response = await this.fetchMedia(this.#url(from), watch.signal);
      const body = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
      const reader = new FeedReader();
      for (;;) {
        const { done, value } = await body.read();
        if (done || !value) return "broken";
        watch.waitFor(SILENCE_MS);
        hasHeard = true;
        this.bytesReceived += value.length;
        if (this.state !== "open") this.#enter("open");
        for (const frame of reader.push(value)) {
          await this.#deliver(frame);
          if (signal.aborted) return "broken";
          if (frame.type === FrameType.end) return "ended";
        }
        if (isTurn) watch.waitFor(this.#next.size > 0 ? TURN_OVER_MS : TURN_ANSWER_MS);
      }
    } catch (error) {
      if (isTurn && hasHeard && watch.isOver) return "turn over";
      throw error;
    } finally {
      watch.end();
    }
  }

  /** @param {FeedFrame} frame */
  async #deliver(frame) {
    if (frame.type === FrameType.part) {
      const next = this.#next.get(frame.track);
      // What another track still lacked brings this one's again.
      if (next && inOrder(frame, next) < 0) return;
      this.#next.set(frame.track, { msn: frame.msn, part: frame.part + 1 });
    }
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

/**
 * @param {{msn: number, part: number}} one @param {{msn: number, part: number}} other
 */
function inOrder(one, other) {
  return one.msn - other.msn || one.part - other.part;
}

/** Aborts a response that has fallen silent, or when its owner gives up. */
class SilenceWatch {
  #controller = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #forward = () => this.#controller.abort();
  /** Whether nothing came for as long as was waited. */
  isOver = false;

  /** @param {AbortSignal} owner @param {number} milliseconds */
  constructor(owner, milliseconds) {
    this.owner = owner;
    owner.addEventListener("abort", this.#forward);
    this.waitFor(milliseconds);
  }

  get signal() {
    return this.#controller.signal;
  }

  /** @param {number} milliseconds from now on */
  waitFor(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isOver = true;
      this.#forward();
    }, milliseconds);
  }

  end() {
    clearTimeout(this.#timer);
    this.owner.removeEventListener("abort", this.#forward);
    this.#controller.abort();
  }
}
