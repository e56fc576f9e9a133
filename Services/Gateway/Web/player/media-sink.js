import { intersection } from "./ranges.js";
import { TrackBuffer } from "./track-buffer.js";

/** @typedef {"video" | "audio"} Kind */
/** @typedef {import("./ranges.js").Range} Range */

const KEEP_BEHIND = 60;
const KEEP_AHEAD = 90;

/**
 * The Media Source API of this browser: `ManagedMediaSource` where Apple has only that.
 * @returns {any}
 */
export function mediaSourceClass() {
  const scope = /** @type {any} */ (globalThis);
  return scope.MediaSource ?? scope.ManagedMediaSource ?? null;
}

/**
 * Whether this browser says that it can decode a type.
 * @param {string} mime
 */
export function canPlay(mime) {
  return mediaSourceClass()?.isTypeSupported(mime) ?? false;
}

/** A media element's source: one MediaSource with one buffer a kind of track. */
export class MediaSink {
  /** @type {Map<Kind, TrackBuffer>} */ tracks = new Map();
  /** @type {any} */ #source = null;
  /** @type {string | null} */ #url = null;
  /** Ends the wait for a source that is given up before it has opened. */
  #giveUp = () => {};
  /** Whether the browser wants more media just now; only a managed source ever says no. */
  isHungry = true;

  /**
   * @param {HTMLVideoElement} video
   * @param {{onAppended: () => void, onFailed: (reason: string) => void}} hooks
   */
  constructor(video, hooks) {
    this.video = video;
    this.hooks = hooks;
  }

  get isOpen() {
    return this.#source?.readyState === "open" || this.#source?.readyState === "ended";
  }

  /** Whether no more media will come. */
  get isComplete() {
    return this.#source?.readyState === "ended";
  }

  /**
   * Attaches a new source with one buffer for each type.
   * @param {Map<Kind, string>} mimes
   */
  async open(mimes) {
    this.close();
    const source = new (mediaSourceClass())();
    this.#source = source;
    this.#attach(source);
    await new Promise((/** @type {(_?: unknown) => void} */ resolve) => {
      this.#giveUp = resolve;
      source.addEventListener("sourceopen", resolve, { once: true });
    });
    if (this.#source !== source) return;
    source.duration = Infinity;
    for (const [kind, mime] of mimes) {
      this.tracks.set(kind, new TrackBuffer(source.addSourceBuffer(mime), mime, {
        playhead: () => this.video.currentTime, onAppended: this.hooks.onAppended, onFailed: this.hooks.onFailed,
      }));
    }
  }

  /**
   * A new source stops the element: what was playing plays on.
   * @param {any} source
   */
  #attach(source) {
    source.addEventListener("startstreaming", () => { this.isHungry = true; });
    source.addEventListener("endstreaming", () => { this.isHungry = false; });
    const managed = !("MediaSource" in globalThis);
    if (managed) this.video.disableRemotePlayback = true;
    this.#url = URL.createObjectURL(source);
    const isPlaying = !this.video.paused;
    this.video.src = this.#url;
    if (isPlaying) void this.video.play().catch(() => {});
  }

  /**
   * What all tracks hold.
   * @returns {Range[]}
   */
  buffered() {
    const lists = [...this.tracks.values()].map((track) => track.ranges);
    return lists.length === 0 ? [] : lists.reduce(intersection);
  }

  /**
   * Lets the viewer seek from `start` to `end` of a session that goes on.
   * @param {number} start @param {number} end
   */
  setSeekable(start, end) {
    if (this.#source?.readyState !== "open" || end <= start) return;
    this.#source.setLiveSeekableRange?.(start, end);
  }

  /**
   * No more media will come: the session is `duration` seconds long.
   * @param {number} duration
   */
  async finish(duration) {
    const source = this.#source;
    await this.idle();
    if (this.#source !== source || source?.readyState !== "open") return;
    this.setDuration(duration);
    source.endOfStream();
  }

  /**
   * Sets how long the session is; never shorter than what is buffered.
   * @param {number} duration
   */
  setDuration(duration) {
    const buffers = [...this.tracks.values()];
    if (this.#source?.readyState !== "open" || buffers.some((track) => track.buffer.updating)) return;
    const end = Math.max(duration, ...buffers.map((track) => track.ranges.at(-1)?.[1] ?? 0));
    if (this.#source.duration !== end) this.#source.duration = end;
  }

  async idle() {
    await Promise.all([...this.tracks.values()].map((track) => track.idle()));
  }

  /** Forgets what is far from the playhead. */
  evict() {
    const { currentTime } = this.video;
    for (const track of this.tracks.values()) {
      if (!track.isIdle) continue;
      const ranges = track.ranges;
      if (ranges.length === 0) continue;
      const last = ranges[ranges.length - 1];
      if (ranges[0][0] < currentTime - KEEP_BEHIND - 5) track.remove(0, currentTime - KEEP_BEHIND);
      else if (last[1] > currentTime + KEEP_AHEAD + 5) track.remove(currentTime + KEEP_AHEAD, last[1]);
    }
  }

  /** Gives the source up, and leaves its last picture on the screen. */
  close() {
    for (const track of this.tracks.values()) track.close();
    this.tracks.clear();
    this.#source = null;
    this.#giveUp();
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = null;
  }

  /** Gives the source up, and empties the element. */
  empty() {
    const isOurs = this.#url !== null;
    this.close();
    if (!isOurs) return;
    this.video.removeAttribute("src");
    this.video.load();
  }
}
