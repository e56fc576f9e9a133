import { FrameMeter } from "../frame-meter.js";
import { LiveReceiver } from "../live-receiver.js";
import { MediaSink } from "../media-sink.js";
import { endAt, rangeAfter, rangeAt } from "../ranges.js";
import { SegmentLoader } from "../segment-loader.js";
import { SessionEdge } from "../session-edge.js";
import { anchorsIn, programTimeAt } from "../timeline.js";
import { Watchdog } from "../watchdog.js";

const TICK_MS = 100;
const HOUSEKEEPING_TICKS = 10;
/** More than this ahead of the playhead, in seconds, and the feed is given up for segments. */
const MOST_AHEAD = 30;
/** A seek this near to the edge, in seconds, means "live". */
const NEAR_EDGE = 1.5;
const REBUILDS_A_MINUTE = 3;
/** Who watches at double speed has caught up this near to the target distance, in seconds, and is live. */
const CATCH_UP_MARGIN = 0.3;
/** A session has ended before its playlists say so: ask again after this. */
const END_LIST_MS = 1_000;

/**
 * What an engine tells the player.
 * @typedef {object} EngineHooks
 * @property {() => void} onChange
 * @property {() => void} onEnded the session is over; what is left is played, then replayed
 * @property {(problem: import("../../api.js").Problem) => void} onRefused the server does not give the media
 * @property {(failure: {code: string, detail: string}) => void} onFailed nothing more to try
 * @property {(codecs: string[]) => void} onUnplayable some tracks cannot be decoded here
 */

/** Plays one session through Media Source Extensions: live from the feed, the rest from segments. */
export class MseEngine {
  name = "Low latency";
  following = false;
  isLive = true;
  isAway = false;
  isConnecting = true;
  speed = 1;
  stalls = 0;
  gaps = 0;
  /** @type {string[]} */ errors = [];
  #edge = new SessionEdge();
  #watchdog = new Watchdog();
  /** @type {AbortController | null} */ #opening = null;
  #startsAtEdge = false;
  #ticks = 0;
  #isClosed = false;
  /** @type {number[]} */ #rebuilds = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #endSoon;
  /** @type {number | null} */ #total = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {{base: string, fetchMedia: (url: string, signal: AbortSignal) => Promise<Response>,
   *   clock: import("../server-clock.js").ServerClock, hooks: EngineHooks}} parts
   */
  constructor(video, { base, fetchMedia, clock, hooks }) {
    this.video = video;
    this.clock = clock;
    this.hooks = hooks;
    this.meter = new FrameMeter(video);
    this.sink = new MediaSink(video, {
      onAppended: () => this.#appended(), onFailed: (reason) => this.#rebuild(reason) });
    this.receiver = new LiveReceiver(base, fetchMedia, this.sink, {
      onCaughtUp: () => this.#caughtUp(),
      onPublisher: (isAway) => this.#publisher(isAway),
      onDiscontinuity: () => this.#edge.control.reset(),
      onEnd: () => this.#finished(this.#edge.newest),
      onState: (state, problem) => this.#feedState(state, problem),
      onUnplayable: (codecs, isAll) => this.#unplayable(codecs, isAll),
    });
    this.loader = new SegmentLoader(base, fetchMedia, this.sink, {
      onProgress: () => this.#stored(),
      onEdge: (msn) => this.#toFeed(msn),
      onComplete: (duration) => this.#finished(duration),
      onProblem: (problem) => this.#loaderProblem(problem),
    });
    video.addEventListener("waiting", this.#waiting);
    video.addEventListener("error", this.#elementError);
    this.timer = setInterval(() => this.#tick(), TICK_MS);
    document.addEventListener("visibilitychange", this.#visible);
  }

  /**
   * Plays from the stored segments, of a session that is over or goes on.
   * @param {number} at seconds since it began @param {boolean} isLive
   */
  async startStored(at, isLive) {
    this.isLive = isLive;
    if (!isLive) this.#edge.stop(performance.now(), 0);
    this.#opening = new AbortController();
    try {
      await this.loader.open(this.#opening.signal);
      await this.sink.open(this.loader.mimes);
      this.#stored();
      if (!isLive) this.#total = this.loader.duration;
      this.seek(at);
    } catch (error) {
      this.#loaderProblem(error);
    }
  }

  /**
   * The seconds of the session that one may seek to.
   * @returns {{start: number, end: number}}
   */
  get seekable() {
    const first = this.loader.playlist?.segments[0];
    return { start: first ? Math.max(0, first.start) : 0, end: this.edge };
  }

  /** Where the session ends now, in seconds. */
  get edge() {
    return this.#edge.at(performance.now());
  }

  /** Seconds between the picture on the screen and the moment it was taken; null while unknown. */
  get delay() {
    const time = this.isLive ? programTimeAt(this.anchors, this.meter.onScreen) : null;
    return time === null ? null : (this.clock.now() - time) / 1000;
  }

  get anchors() {
    if (this.receiver.anchors.length > 0) return this.receiver.anchors;
    return this.loader.playlist ? anchorsIn(this.loader.playlist) : [];
  }

  get bytesReceived() {
    return this.receiver.connection.bytesReceived + this.loader.bytesReceived;
  }

  get source() {
    return this.receiver.isRunning ? "feed" : "segments";
  }

  /** The distance to the edge that the engine aims at, in seconds. */
  get target() {
    return this.#edge.control.target(performance.now());
  }

  get codecs() {
    return [...this.sink.tracks.values()].map((track) => track.mime);
  }

  /** @param {number} time seconds since the session began */
  seek(time) {
    const { start, end } = this.seekable;
    if (this.isLive && time >= end - NEAR_EDGE) return this.goLive();
    const to = Math.max(start, Math.min(time, this.isLive ? end : Math.max(0, end - 0.05)));
    this.following = false;
    this.#startsAtEdge = false;
    this.#watchdog.reset(performance.now());
    this.sink.setSeekable(start, Math.max(end, to));
    this.video.currentTime = to;
    const ranges = this.sink.buffered();
    const end0 = rangeAt(ranges, to)?.[1] ?? null;
    const reachesFeed = end0 !== null && this.receiver.isRunning && end0 >= (ranges.at(-1)?.[1] ?? 0);
    if (!reachesFeed) {
      this.receiver.stop();
      this.loader.start(end0 ?? to);
    }
    this.hooks.onChange();
  }

  /** To the newest picture, and stay there. */
  goLive() {
    this.following = true;
    this.loader.stop();
    if (this.receiver.isCaughtUp) this.#jumpToEdge();
    else this.#joinFeed();
    this.hooks.onChange();
  }

  #joinFeed() {
    this.#startsAtEdge = true;
    this.#edge.control.reset();
    this.receiver.start();
  }

  /** The server says elsewhere that the session is over. */
  sessionEnded() {
    if (!this.isLive) return;
    this.isLive = false;
    this.#edge.stop(performance.now());
    if (!this.receiver.isRunning && !this.loader.isRunning) this.loader.start(this.#bufferedEnd);
    this.hooks.onEnded();
  }

  close() {
    this.#isClosed = true;
    clearInterval(this.timer);
    clearTimeout(this.#endSoon);
    this.#opening?.abort();
    this.video.removeEventListener("waiting", this.#waiting);
    this.video.removeEventListener("error", this.#elementError);
    document.removeEventListener("visibilitychange", this.#visible);
    this.receiver.stop();
    this.loader.stop();
    this.meter.stop();
    this.sink.close();
  }

  get #bufferedEnd() {
    return endAt(this.sink.buffered(), this.video.currentTime);
  }

  #caughtUp() {
    this.isConnecting = false;
    this.#edge.joined(this.receiver.partTarget);
    this.#appended();
    if (this.#startsAtEdge || this.following) this.#jumpToEdge();
    this.#startsAtEdge = false;
    this.hooks.onChange();
  }

  #jumpToEdge() {
    const range = this.sink.buffered().at(-1);
    if (!range) return;
    const { currentTime } = this.video;
    const to = this.#edge.startIn(performance.now(), range, this.#age(range[1]));
    if (currentTime >= range[0] && currentTime < range[1] && Math.abs(currentTime - to) < 0.5) return;
    this.#watchdog.reset(performance.now());
    this.sink.setSeekable(0, range[1]);
    this.video.currentTime = to;
  }

  /**
   * How long ago the newest part was complete.
   * @param {number} end
   */
  #age(end) {
    const time = this.clock.isSet ? programTimeAt(this.receiver.anchors, end) : null;
    if (time === null) return 0;
    return Math.min(Math.max((this.clock.now() - time) / 1000 - 0.05, 0), this.receiver.partTarget);
  }

  #appended() {
    if (!this.receiver.isCaughtUp) return;
    this.#edge.arrived(performance.now(), this.sink.buffered().at(-1)?.[1] ?? 0);
  }

  #stored() {
    this.#edge.reaches(performance.now(), this.loader.duration);
    this.hooks.onChange();
  }

  /** @param {boolean} isAway */
  #publisher(isAway) {
    if (isAway === this.isAway) return;
    this.isAway = isAway;
    if (isAway) this.#edge.stop(performance.now());
    else this.#edge.goOn(performance.now());
    this.hooks.onChange();
  }

  /** @param {number} duration */
  #finished(duration) {
    this.#total = Math.max(duration, this.#edge.newest);
    this.#edge.stop(performance.now(), this.#total);
    const wasLive = this.isLive;
    this.isLive = false;
    this.isAway = false;
    this.isConnecting = false;
    this.following = false;
    void this.sink.finish(this.#total);
    if (wasLive) this.hooks.onEnded();
    this.hooks.onChange();
  }

  /** @param {number} msn */
  #toFeed(msn) {
    if (this.isLive) this.receiver.start({ msn, part: 0 });
    else this.#endSoon = setTimeout(() => this.loader.start(this.#bufferedEnd), END_LIST_MS);
  }

  /**
   * @param {import("../feed-connection.js").FeedState} state
   * @param {import("../../api.js").Problem | null} problem
   */
  #feedState(state, problem) {
    if (state === "waiting" && problem) this.#note(`feed: ${problem.message}`);
    if (state === "connecting" || state === "waiting") this.isConnecting = true;
    if (state === "open") this.isConnecting = false;
    if (state === "refused" && problem) this.hooks.onRefused(problem);
    this.hooks.onChange();
  }

  /** @param {unknown} error */
  #loaderProblem(error) {
    const problem = /** @type {any} */ (error);
    if (problem?.name === "AbortError" || this.#isClosed) return;
    this.#note(`segments: ${problem?.message ?? problem}`);
    if (problem?.isRefusal) this.hooks.onRefused(problem);
    this.hooks.onChange();
  }

  /** @param {string[]} codecs @param {boolean} isAll */
  #unplayable(codecs, isAll) {
    if (!isAll) return this.hooks.onUnplayable(codecs);
    this.receiver.stop();
    this.hooks.onFailed({ code: "codec-unsupported", detail: codecs.join(", ") });
  }

  #tick() {
    this.#ticks += 1;
    this.#heal(performance.now());
    this.#steer(performance.now());
    if (this.#ticks % HOUSEKEEPING_TICKS === 0) this.#housekeep();
  }

  /** @param {number} now */
  #heal(now) {
    const { video } = this;
    const remedy = this.#watchdog.check(now, {
      playhead: video.currentTime, ranges: this.sink.buffered(),
      isWanted: !video.ended && !document.hidden && (!video.paused || video.seeking),
      isReal: (time) => this.receiver.isCaughtUp || this.loader.hasPassed(time),
    });
    if (remedy.action === "rebuild") this.#rebuild("playback stood still with media at hand");
    if (remedy.action !== "move") return;
    if (remedy.over === "gap") this.gaps += 1;
    video.currentTime = remedy.to;
  }

  /** @param {number} now */
  #steer(now) {
    const { video } = this;
    if (video.paused || video.seeking) return;
    if (!this.receiver.isCaughtUp || this.isAway) return this.#setRate(this.following ? 1 : this.speed);
    const { rate, jumpTo, behind } = this.#edge.control.decide(now, video.currentTime);
    if (this.speed > 1 && behind < this.target + CATCH_UP_MARGIN) this.#caughtUpBySpeed();
    if (!this.following) return this.#setRate(this.speed);
    this.#setRate(rate);
    if (jumpTo !== null && rangeAt(this.sink.buffered(), jumpTo)) video.currentTime = jumpTo;
  }

  #caughtUpBySpeed() {
    this.following = true;
    this.speed = 1;
  }

  /** @param {number} rate */
  #setRate(rate) {
    if (this.video.playbackRate !== rate) this.video.playbackRate = rate;
  }

  #housekeep() {
    this.sink.evict();
    if (this.isLive) this.sink.setSeekable(this.seekable.start, this.edge);
    else if (this.#total !== null) this.#keepFinished(this.#total);
    const ahead = this.#bufferedEnd - this.video.currentTime;
    if (ahead > MOST_AHEAD && this.receiver.isRunning) {
      this.following = false;
      this.receiver.stop();
      this.loader.start(this.#bufferedEnd);
    }
    this.hooks.onChange();
  }

  /**
   * Every removal and every seek opens the source again: it is told again where the session ends.
   * @param {number} total
   */
  #keepFinished(total) {
    this.sink.setDuration(total);
    if (!this.loader.isRunning) void this.sink.finish(total);
  }

  #waiting = () => {
    if (this.video.seeking || this.isAway || !this.isLive || this.isConnecting) return;
    const ranges = this.sink.buffered();
    const isGap = rangeAfter(ranges, this.video.currentTime) !== null;
    if (ranges.length === 0 || isGap) return;
    this.stalls += 1;
    if (this.following) this.#edge.control.stalled(performance.now());
    this.hooks.onChange();
  };

  #elementError = () => {
    const error = this.video.error;
    if (error && this.sink.isOpen) this.#rebuild(error.message || `media error ${error.code}`);
  };

  #visible = () => {
    if (document.hidden) return;
    this.#watchdog.reset(performance.now());
    if (this.following && this.receiver.isCaughtUp && !this.video.paused) this.#steer(performance.now());
  };

  /**
   * Starts the element anew at the same place.
   * @param {string} reason
   */
  async #rebuild(reason) {
    this.#note(reason);
    const now = performance.now();
    this.#rebuilds = [...this.#rebuilds.filter((at) => at > now - 60_000), now];
    if (this.#rebuilds.length > REBUILDS_A_MINUTE) return this.hooks.onFailed({ code: "decode-failed", detail: reason });
    const { currentTime } = this.video;
    const mimes = new Map([...this.sink.tracks].map(([kind, track]) => [kind, track.mime]));
    this.receiver.stop();
    this.loader.stop();
    this.sink.close();
    if (this.following) return this.goLive();
    await this.sink.open(mimes);
    this.seek(currentTime);
    void this.video.play().catch(() => {});
  }

  /** @param {string} error */
  #note(error) {
    this.errors = [...this.errors, `${new Date().toISOString()} ${error}`].slice(-20);
  }
}
