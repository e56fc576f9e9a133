/**
 * A media element that plays HLS by itself, as far as the native engine can tell: it loads what its source names, has
 * times of its own, is paused by a new source, seeks only where it has something, and ends.
 */
export class MediaElement extends EventTarget {
  paused = true;
  ended = false;
  seeking = false;
  readyState = 0;
  playbackRate = 1;
  error = null;
  #source = "";
  #time = 0;
  #isLoaded = false;

  /** @param {(source: string) => {start: number, end: number, begin?: number, startDate?: number, isOver?: boolean} | null} server */
  constructor(server) {
    super();
    this.server = server;
    /** @type {string[]} */ this.sources = [];
  }

  get src() {
    return this.#source;
  }

  /** The media element load algorithm: what played is over, and paused. */
  set src(source) {
    this.#source = source;
    this.sources.push(source);
    this.#empty();
  }

  removeAttribute() {
    this.#source = "";
  }

  load() {
    this.#empty();
  }

  #empty() {
    Object.assign(this, { paused: true, ended: false, readyState: 0, error: null });
    this.#time = 0;
    this.#isLoaded = false;
  }

  /** The playlist as it is now: a browser fetches it again and again. */
  get #playlist() {
    return this.#isLoaded ? this.server(this.#source) : null;
  }

  /** What the network brings: metadata first, then pictures; or that there is nothing to play. */
  arrive() {
    const playlist = this.server(this.#source);
    if (playlist === null) {
      this.error = { code: 4, message: "not supported" };
      this.pause();
      return this.#tell("error");
    }
    this.#isLoaded = true;
    this.#time = playlist.begin ?? playlist.start;
    this.readyState = 1;
    this.#tell("loadedmetadata");
    this.readyState = 4;
    this.#tell("canplay");
  }

  get seekable() {
    const { start = 0, end = 0 } = this.#playlist ?? {};
    return { length: end > start ? 1 : 0, start: () => start, end: () => end };
  }

  get currentTime() {
    return this.#time;
  }

  /** Where nothing is seekable, nothing is sought. */
  set currentTime(time) {
    const { length, start, end } = this.seekable;
    if (length === 0) return;
    this.#time = Math.min(Math.max(time, start()), end());
    this.ended = false;
    this.#tell("seeked");
  }

  async play() {
    this.paused = false;
    this.#tell("play");
  }

  pause() {
    this.paused = true;
    this.#tell("pause");
  }

  /** Plays on for some seconds, as far as there is something. @param {number} seconds */
  pass(seconds) {
    if (this.paused) return;
    const { length, end } = this.seekable;
    const time = this.#time + seconds * this.playbackRate;
    this.#time = length === 0 ? time : Math.min(time, end());
    if (!this.#playlist?.isOver || this.#time < end()) return;
    this.ended = true;
    this.pause();
    this.#tell("ended");
  }

  /** @param {string} type */
  #tell(type) {
    this.dispatchEvent(new Event(type));
  }
}

/** One that tells the date of its media time 0, as Safari does. */
export class DatedMediaElement extends MediaElement {
  getStartDate() {
    return new Date(this.server(this.src)?.startDate ?? NaN);
  }
}
