import { call } from "../../api.js";
import { FrameMeter } from "../frame-meter.js";

const TOKEN_SECONDS = 24 * 3600;
const LIVE_BEHIND = 6;
const TICK_MS = 500;

/** Plays HLS by the browser itself, where it has no Media Source Extensions: older iPhones and televisions. */
export class NativeEngine {
  name = "Native HLS";
  following = false;
  isLive = true;
  isAway = false;
  speed = 1;
  #stalls = 0;
  /** @type {string[]} */ #errors = [];
  #life = new AbortController();

  /**
   * @param {HTMLVideoElement} video
   * @param {{streamId: string, base: string, clock: import("../server-clock.js").ServerClock,
   *   hooks: import("./mse.js").EngineHooks}} parts
   */
  constructor(video, { streamId, base, clock, hooks }) {
    this.video = video;
    this.streamId = streamId;
    this.base = base;
    this.clock = clock;
    this.hooks = hooks;
    this.meter = new FrameMeter(video);
    video.addEventListener("error", () => this.#failed(), { signal: this.#life.signal });
    video.addEventListener("waiting", () => this.#waiting(), { signal: this.#life.signal });
    this.timer = setInterval(() => hooks.onChange(), TICK_MS);
  }

  /** @param {number} at @param {boolean} isLive */
  startStored(at, isLive) {
    this.isLive = isLive;
    this.following = false;
    return this.#open("?dvr=1", at);
  }

  /** @param {string} query @param {number | null} at */
  async #open(query, at) {
    try {
      const { hlsUrl } = await call("POST", `/api/v1/streams/${this.streamId}/media-token`, { ttl: TOKEN_SECONDS });
      if (this.#life.signal.aborted) return;
      const prefix = hlsUrl.slice(0, hlsUrl.indexOf(this.streamId));
      this.video.src = `${prefix}${this.base.replace("/live/", "")}index.m3u8${query}`;
      if (at !== null) this.video.addEventListener("loadedmetadata", () => { this.video.currentTime = at; },
        { once: true, signal: this.#life.signal });
    } catch (error) {
      if (!this.#life.signal.aborted) this.hooks.onRefused(/** @type {any} */ (error));
    }
  }

  /** What the browser tells of its own player: little. */
  get facts() {
    /** @type {string[]} */ const codecs = [];
    return { source: "playlist", target: null, codecs, bytesReceived: 0, reconnects: 0, stalls: this.#stalls, gaps: 0, errors: this.#errors };
  }

  get seekable() {
    const ranges = this.video.seekable;
    return ranges.length === 0 ? { start: 0, end: 0 } : { start: ranges.start(0), end: ranges.end(ranges.length - 1) };
  }

  get edge() {
    return this.seekable.end;
  }

  /** Safari tells the date of media time 0. */
  get delay() {
    const start = /** @type {any} */ (this.video).getStartDate?.()?.getTime();
    return Number.isFinite(start) ? (this.clock.now() - start) / 1000 - this.video.currentTime : null;
  }

  /** The moment of the session that is on the screen, in seconds. */
  get position() {
    return this.video.currentTime;
  }

  /** Safari tells of sound tracks, other browsers do not. */
  get #audioTracks() {
    return [.../** @type {any} */ (this.video).audioTracks ?? []];
  }

  /** @returns {import("../sound-tracks.js").SoundTrack[]} */
  get sounds() {
    return this.#audioTracks.map(({ label, language }, track) => ({ track, label: label ?? "", language: language ?? "" }));
  }

  /** @type {import("../picture-tracks.js").PictureTrack[]} The browser chooses the picture by itself. */
  pictures = [];

  /** @param {import("../media-sink.js").Kind} kind */
  chosen(kind) {
    return kind === "audio" ? this.#audioTracks.findIndex((track) => track.enabled) : null;
  }

  /** @param {import("../media-sink.js").Kind} kind @param {number} track */
  choose(kind, track) {
    if (kind !== "audio") return;
    for (const [index, one] of this.#audioTracks.entries()) one.enabled = index === track;
  }

  /** The browser keeps its own place when paused. */
  holdStill() {}

  /** @param {number} time */
  seek(time) {
    const { start, end } = this.seekable;
    this.following = this.isLive && time >= end - LIVE_BEHIND;
    this.video.currentTime = Math.min(Math.max(time, start), end);
    this.video.playbackRate = this.following ? 1 : this.speed;
  }

  goLive() {
    if (this.video.src) return this.seek(this.edge);
    this.following = true;
    void this.#open("", null);
  }

  sessionEnded() {
    if (!this.isLive) return;
    this.isLive = false;
    this.following = false;
    this.hooks.onEnded();
  }

  close() {
    this.#life.abort();
    clearInterval(this.timer);
    this.meter.stop();
    this.video.removeAttribute("src");
    this.video.load();
  }

  #waiting() {
    if (!this.video.seeking) this.#stalls += 1;
  }

  #failed() {
    const detail = this.video.error?.message ?? "the browser could not play the stream";
    this.#errors = [...this.#errors, `${new Date().toISOString()} ${detail}`].slice(-20);
    this.hooks.onFailed({ code: "playback-failed", detail });
  }
}
