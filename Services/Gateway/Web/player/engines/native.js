import { Problem, call } from "../../api.js";
import { FrameMeter } from "../frame-meter.js";

const TOKEN_SECONDS = 24 * 3600;
/** A seek this near to the edge, in seconds, means "live": the browser itself stays some seconds behind. */
const LIVE_BEHIND = 6;
const TICK_MS = 500;
/** Who paused at the live edge for longer than this, in ms, goes on where they paused: the last minute moves on. */
const SHORT_PAUSE_MS = 4_000;
/** How far from the place that was asked for a browser may begin, in seconds, before it is told once more. */
const NEAR_PLACE = 2;

/**
 * Plays HLS by the browser itself, where it has no Media Source Extensions: older iPhones and televisions. The live
 * edge is a playlist of the last minute, with parts; everything else is the playlist of the whole session.
 */
export class NativeEngine {
  name = "Native HLS";
  following = false;
  isLive = true;
  isAway = false;
  #speed = 1;
  /** Whether the element has the playlist of the whole session, and not that of its last minute. */
  #isWhole = false;
  /** @type {number | null} the moment that is being opened, until the element shows it */ #target = null;
  /** @type {number | null} where the session ended, as far as it was seen */ #total = null;
  /** What the session's times have over the element's, in seconds, where its end was the session's when it began. */
  #assumedOffset = 0;
  /** @type {{position: number, at: number} | null} where and when the viewer paused at the edge */ #held = null;
  /** Whether the viewer wants it to play: a source that fails, and a new one, pause the element. */
  #shallPlay = false;
  /** @type {Promise<string> | null} where the stream's media lie */ #prefix = null;
  /** What is being opened now, or was last. */
  #opening = new AbortController();
  #stalls = 0;
  /** @type {string[]} */ #errors = [];
  #life = new AbortController();

  /**
   * @param {HTMLVideoElement} video
   * @param {{streamId: string, base: string, clock: import("../server-clock.js").ServerClock, startedAt?: number | null,
   *   fetchMedia: (url: string, signal: AbortSignal) => Promise<Response>, mayBeEarly?: () => boolean,
   *   hooks: import("./mse.js").EngineHooks}} parts
   *   `startedAt`: when the session began, in ms since 1970, as far as that is known
   */
  constructor(video, { streamId, base, clock, startedAt = null, fetchMedia, mayBeEarly = () => false, hooks }) {
    this.video = video;
    this.streamId = streamId;
    this.base = base;
    this.clock = clock;
    this.startedAt = startedAt;
    this.fetchMedia = fetchMedia;
    this.mayBeEarly = mayBeEarly;
    this.hooks = hooks;
    this.meter = new FrameMeter(video);
    const { signal } = this.#life;
    video.addEventListener("error", () => void this.#failed(), { signal });
    video.addEventListener("waiting", () => this.#waiting(), { signal });
    video.addEventListener("play", () => this.#resumed(), { signal });
    video.addEventListener("pause", () => { if (video.error === null) this.#shallPlay = false; }, { signal });
    this.timer = setInterval(() => hooks.onChange(), TICK_MS);
  }

  /** @param {number} at @param {boolean} isLive */
  startStored(at, isLive) {
    this.isLive = isLive;
    this.following = false;
    return this.#open(true, at);
  }

  /**
   * Gives the element the playlist of the whole session or of its last minute; what was playing plays on.
   * @param {boolean} isWhole @param {number | null} at null for where the browser begins by itself
   */
  async #open(isWhole, at) {
    this.#opening.abort();
    const opening = new AbortController();
    this.#opening = opening;
    this.#isWhole = isWhole;
    this.#target = at;
    this.#held = null;
    try {
      const prefix = await (this.#prefix ??= this.#mediaPrefix());
      if (opening.signal.aborted) return;
      this.#shallPlay ||= !this.video.paused;
      const { signal } = opening;
      this.video.addEventListener("loadedmetadata", () => this.#opened(), { signal });
      this.video.addEventListener("canplay", () => this.#canPlay(), { signal });
      this.video.src = `${prefix}${this.#address}`;
      this.video.playbackRate = this.following ? 1 : this.speed;
      if (this.#shallPlay) void this.video.play().catch(() => {});
    } catch (error) {
      this.#prefix = null;
      if (!opening.signal.aborted) this.hooks.onRefused(/** @type {any} */ (error));
    }
    this.hooks.onChange();
  }

  async #mediaPrefix() {
    const { hlsUrl } = await call("POST", `/api/v1/streams/${this.streamId}/media-token`, { ttl: TOKEN_SECONDS });
    return String(hlsUrl).slice(0, hlsUrl.indexOf(this.streamId));
  }

  get #address() {
    return `${this.base.replace("/live/", "")}index.m3u8${this.#isWhole ? "?dvr=1" : ""}`;
  }

  #opened() {
    const edge = this.isLive ? this.#clockEdge : this.#total;
    this.#assumedOffset = this.#isWhole || edge === null ? 0 : edge - (this.#window.end || this.video.currentTime);
    if (this.#target !== null) this.video.currentTime = this.#elementTime(this.#target);
  }

  /** Some browsers go to the live edge first, whatever they were told before they can play. */
  #canPlay() {
    const to = this.#target === null ? null : this.#elementTime(this.#target);
    this.#target = null;
    if (to !== null && Math.abs(this.video.currentTime - to) > NEAR_PLACE) this.video.currentTime = to;
  }

  /** What the browser tells of its own player: little. */
  get facts() {
    /** @type {string[]} */ const codecs = [];
    return { source: "playlist", target: null, codecs, bytesReceived: 0, reconnects: 0, stalls: this.#stalls, gaps: 0, errors: this.#errors };
  }

  /** What the element holds, by its own times. */
  get #window() {
    const ranges = this.video.seekable;
    return ranges.length === 0 ? { start: 0, end: 0 } : { start: ranges.start(0), end: ranges.end(ranges.length - 1) };
  }

  /** The seconds of the session that one may seek to: all that has been, whatever the element holds of it. */
  get seekable() {
    return { start: 0, end: this.edge };
  }

  /** Where the session ends now, in seconds: while it goes on by the clock, for playlists tell of it late. */
  get edge() {
    const { end } = this.#window;
    if (this.isLive) return this.#clockEdge ?? end + this.#offset;
    if (this.#isWhole && end > 0) return end + this.#offset;
    return this.#total ?? end + this.#offset;
  }

  get #clockEdge() {
    return this.startedAt === null ? null : Math.max(0, (this.clock.now() - this.startedAt) / 1000);
  }

  /** The date of media time 0, in ms since 1970, where the browser tells it, as Safari does. */
  get #startDate() {
    const date = /** @type {any} */ (this.video).getStartDate?.()?.getTime();
    return Number.isFinite(date) ? /** @type {number} */ (date) : null;
  }

  /**
   * What the session's times have over the element's, in seconds: nothing in the playlist of the whole session. That of
   * the last minute begins somewhere: the dates in it tell where, else that its end was the session's.
   */
  get #offset() {
    if (this.#isWhole) return 0;
    if (this.#startDate !== null && this.startedAt !== null) return (this.#startDate - this.startedAt) / 1000;
    return this.#assumedOffset;
  }

  /** @param {number} time seconds since the session began */
  #elementTime(time) {
    const { start, end } = this.#window;
    return end > 0 ? Math.max(start, Math.min(time - this.#offset, end)) : time - this.#offset;
  }

  /** Safari tells the date of media time 0; else only what is rewound to can be told. */
  get delay() {
    if (!this.isLive) return null;
    if (this.#startDate !== null) return (this.clock.now() - this.#startDate) / 1000 - this.video.currentTime;
    return this.following ? null : this.edge - this.position;
  }

  /** The moment of the session that is on the screen, in seconds. */
  get position() {
    if (this.following && this.video.readyState === 0) return this.edge;
    const at = this.#target ?? this.video.currentTime + this.#offset;
    // An element that tells nothing of its window may have leapt within it.
    return this.isLive ? Math.min(at, this.edge) : at;
  }

  /** How fast what is not live plays. */
  get speed() {
    return this.#speed;
  }

  set speed(speed) {
    this.#speed = speed;
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

  /** The viewer pauses: the browser keeps its place for as long as the playlist has it. */
  holdStill() {
    if (this.following) this.#held = { position: this.position, at: performance.now() };
  }

  #resumed() {
    this.#shallPlay = true;
    const held = this.#held;
    this.#held = null;
    if (held && this.following && this.#window.end > 0 && performance.now() - held.at > SHORT_PAUSE_MS) this.#rewind(held.position);
  }

  /** @param {number} time seconds since the session began */
  seek(time) {
    if (this.isLive && time >= this.edge - LIVE_BEHIND) return this.goLive();
    this.#rewind(Math.max(0, Math.min(time, this.edge)));
  }

  /** @param {number} time */
  #rewind(time) {
    this.following = false;
    if (!this.#isWhole) return void this.#open(true, time);
    if (this.#target !== null) this.#target = time;
    this.video.currentTime = this.#elementTime(time);
    this.video.playbackRate = this.speed;
  }

  goLive() {
    const isThere = this.video.src !== "" && !this.#isWhole && this.video.error === null && this.#window.end > 0;
    this.following = true;
    this.#held = null;
    if (!isThere) return void this.#open(false, null);
    this.video.currentTime = this.#window.end;
    this.video.playbackRate = 1;
  }

  /** What the element holds is played to its end; what was before is opened when somebody goes there. */
  sessionEnded() {
    if (!this.isLive) return;
    this.#total = this.edge;
    this.isLive = false;
    this.following = false;
    this.hooks.onEnded();
  }

  close() {
    this.#life.abort();
    this.#opening.abort();
    clearInterval(this.timer);
    this.meter.stop();
    this.video.removeAttribute("src");
    this.video.load();
  }

  #waiting() {
    if (!this.video.seeking) this.#stalls += 1;
  }

  /** An element does not say what the server answered: a session's media may not be there yet, or not for this viewer. */
  async #failed() {
    const detail = this.video.error?.message || "the browser could not play the stream";
    const { signal } = this.#opening;
    try {
      await this.fetchMedia(`/live/${this.#address}`, signal);
    } catch (problem) {
      if (!signal.aborted) this.hooks.onRefused(/** @type {any} */ (problem));
      return;
    }
    if (signal.aborted) return;
    // Who does not know parts finds no segment in the first seconds of a session.
    if (this.isLive && this.mayBeEarly()) return this.hooks.onRefused(new Problem({ code: "nothing-yet", detail }));
    this.#errors = [...this.#errors, `${new Date().toISOString()} ${detail}`].slice(-20);
    this.hooks.onFailed({ code: "playback-failed", detail });
  }
}
