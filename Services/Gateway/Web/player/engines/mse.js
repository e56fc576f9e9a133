import { codecName } from "../../format.js";
import { FrameMeter } from "../frame-meter.js";
import { LiveReceiver } from "../live-receiver.js";
import { MediaSink, canPlay } from "../media-sink.js";
import { Pilot } from "../pilot.js";
import { endAt, rangeAt } from "../ranges.js";
import { Recovery } from "../recovery.js";
import { SegmentLoader } from "../segment-loader.js";
import { anchorsIn, programTimeAt } from "../timeline.js";

const TICK_MS = 100;
const HOUSEKEEPING_TICKS = 10;
/** More than this ahead of the playhead, in seconds, and the feed is given up for segments. */
const MOST_AHEAD = 30;
/** A seek this near to the edge, in seconds, means "live". */
const NEAR_EDGE = 1.5;
/** A session has ended before its playlists say so: ask again after this. */
const END_LIST_MS = 1_000;
/** The last moment of a session that one may seek to lies this far before its end, in seconds. */
const LAST_MOMENT = 0.05;

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
  isLive = true;
  isAway = false;
  isConnecting = true;
  #ticks = 0;
  #isClosed = false;
  /** @type {Pilot} */ pilot;
  /** @type {AbortController | null} */ #opening = null;
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
      onAppended: () => this.#appended(), onFailed: (reason) => void this.#rebuild(reason) });
    this.receiver = new LiveReceiver(base, fetchMedia, this.sink, {
      onCaughtUp: () => this.#caughtUp(),
      onPublisher: (isAway) => this.#publisher(isAway),
      onDiscontinuity: () => this.pilot.edge.control.reset(),
      onEnd: () => this.#finished(this.pilot.edge.newest),
      onState: (state, problem) => this.#feedState(state, problem),
      onUnplayable: (codecs, isAll) => this.#unplayable(codecs, isAll),
    });
    this.loader = new SegmentLoader(base, fetchMedia, this.sink, {
      onProgress: () => this.#stored(),
      onEdge: (msn) => this.#toFeed(msn),
      onComplete: (duration) => this.#finished(duration),
      onProblem: (problem) => this.#loaderProblem(problem),
    });
    this.pilot = new Pilot(video, this.sink, this.receiver, clock);
    this.recovery = new Recovery(video, this.sink);
    video.addEventListener("waiting", this.#waiting);
    video.addEventListener("play", this.#resumed);
    video.addEventListener("error", this.#elementError);
    document.addEventListener("visibilitychange", this.#visible);
    this.timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /**
   * Plays from the stored segments, of a session that is over or goes on.
   * @param {number} at seconds since it began @param {boolean} isLive
   */
  async startStored(at, isLive) {
    this.isLive = isLive;
    if (!isLive) this.pilot.edge.stop(performance.now(), 0);
    this.#opening = new AbortController();
    try {
      await this.loader.open(this.#opening.signal);
      if (!this.#leaveOutUnplayable()) return;
      await this.sink.open(this.loader.mimes);
      this.#stored();
      if (!isLive) this.#total = this.loader.duration;
      this.seek(at);
    } catch (error) {
      this.#loaderProblem(error);
    }
  }

  /**
   * Tells of codecs that this browser cannot decode; false where nothing is left to play.
   * @returns {boolean}
   */
  #leaveOutUnplayable() {
    const refused = [...this.loader.mimes].filter(([, mime]) => !canPlay(mime));
    for (const [kind] of refused) this.loader.leaveOut(kind);
    const isAll = this.loader.mimes.size === 0;
    if (refused.length > 0) this.#unplayable(refused.map(([, mime]) => mime), isAll);
    return !isAll;
  }

  /** Whether the viewer is at the live edge and stays there. */
  get following() {
    return this.pilot.following;
  }

  /** How fast what is not live plays. */
  get speed() {
    return this.pilot.speed;
  }

  set speed(speed) {
    this.pilot.speed = speed;
  }

  /**
   * The seconds of the session that one may seek to.
   * @returns {{start: number, end: number}}
   */
  get seekable() {
    return { start: Math.min(this.loader.begin, this.edge), end: this.edge };
  }

  /** Where the session ends now, in seconds. */
  get edge() {
    return this.pilot.edge.at(performance.now());
  }

  /** Seconds between the picture on the screen and the moment it was taken; null while unknown. */
  get delay() {
    const { playlist } = this.loader;
    const { anchors } = this.receiver;
    const known = anchors.length === 0 && playlist ? anchorsIn(playlist) : anchors;
    const time = this.isLive ? programTimeAt(known, this.meter.onScreen) : null;
    return time === null ? null : (this.clock.now() - time) / 1000;
  }

  /** What the details overlay and tests want to know beside the playhead. */
  get facts() {
    const { connection } = this.receiver;
    const { stalls, gaps, errors } = this.recovery;
    return {
      source: this.receiver.isRunning ? "feed" : "segments", target: this.pilot.target,
      codecs: [...this.sink.tracks.values()].map((track) => track.mime),
      bytesReceived: connection.bytesReceived + this.loader.bytesReceived,
      reconnects: connection.reconnects, stalls, gaps, errors,
    };
  }

  /** @param {number} time seconds since the session began */
  seek(time) {
    const { start, end } = this.seekable;
    if (this.isLive && time >= end - NEAR_EDGE) return this.goLive();
    const to = Math.max(start, Math.min(time, this.isLive ? end : end - LAST_MOMENT));
    this.pilot.following = false;
    this.recovery.expectMove();
    this.sink.setSeekable(start, Math.max(end, to));
    this.video.currentTime = to;
    this.#loadFrom(to);
    this.hooks.onChange();
  }

  /**
   * Leaves the feed running where its media reaches back to `time`; else segments fill what lies between.
   * @param {number} time
   */
  #loadFrom(time) {
    const ranges = this.sink.buffered();
    const held = rangeAt(ranges, time);
    if (held && this.receiver.isRunning && held === ranges.at(-1)) return this.loader.stop();
    this.receiver.stop();
    this.loader.start(held ? held[1] : time);
  }

  /** To the newest picture, and stay there. */
  goLive() {
    this.pilot.following = true;
    this.loader.stop();
    if (this.receiver.isCaughtUp) this.#jumpToEdge();
    else this.receiver.start();
    this.hooks.onChange();
  }

  /** The server says elsewhere that the session is over. */
  sessionEnded() {
    if (!this.isLive) return;
    this.isLive = false;
    this.pilot.edge.stop(performance.now());
    if (!this.receiver.isRunning && !this.loader.isRunning) this.loader.start(this.#bufferedEnd);
    this.hooks.onEnded();
  }

  close() {
    this.#isClosed = true;
    clearInterval(this.timer);
    clearTimeout(this.#endSoon);
    this.#opening?.abort();
    this.video.removeEventListener("waiting", this.#waiting);
    this.video.removeEventListener("play", this.#resumed);
    this.video.removeEventListener("error", this.#elementError);
    document.removeEventListener("visibilitychange", this.#visible);
    this.receiver.stop();
    this.loader.stop();
    this.meter.stop();
    this.sink.empty();
  }

  get #bufferedEnd() {
    return endAt(this.sink.buffered(), this.video.currentTime);
  }

  // What the feed says

  #caughtUp() {
    this.isConnecting = false;
    this.pilot.edge.joined(this.receiver.partTarget);
    this.#appended();
    if (this.following) this.#jumpToEdge();
    this.hooks.onChange();
  }

  #jumpToEdge() {
    if (this.pilot.jumpToEdge()) this.recovery.expectMove();
  }

  #appended() {
    if (!this.receiver.isCaughtUp) return;
    this.pilot.edge.arrived(performance.now(), this.sink.buffered().at(-1)?.[1] ?? 0);
  }

  /** @param {boolean} isAway */
  #publisher(isAway) {
    if (isAway === this.isAway) return;
    this.isAway = isAway;
    if (isAway) this.pilot.edge.stop(performance.now());
    else this.pilot.edge.goOn(performance.now());
    this.hooks.onChange();
  }

  /**
   * @param {import("../feed-connection.js").FeedState} state
   * @param {import("../../api.js").Problem | null} problem
   */
  #feedState(state, problem) {
    if (state === "waiting" && problem) this.recovery.note(`feed: ${problem.message}`);
    if (state === "connecting" || state === "waiting") this.isConnecting = true;
    if (state === "open") this.isConnecting = false;
    if (state === "refused" && problem) this.hooks.onRefused(problem);
    this.hooks.onChange();
  }

  /** @param {string[]} codecs @param {boolean} isAll */
  #unplayable(codecs, isAll) {
    if (!isAll) return this.hooks.onUnplayable(codecs);
    this.receiver.stop();
    this.hooks.onFailed({ code: "codec-unsupported", detail: codecs.map(codecName).join(", ") });
  }

  // What the segments say

  #stored() {
    this.pilot.edge.reaches(performance.now(), this.loader.duration);
    this.hooks.onChange();
  }

  /** @param {number} msn */
  #toFeed(msn) {
    if (this.isLive) this.receiver.start({ msn, part: 0 });
    else this.#endSoon = setTimeout(() => this.loader.start(this.#bufferedEnd), END_LIST_MS);
  }

  /** @param {number} duration */
  #finished(duration) {
    this.#total = Math.max(duration, this.pilot.edge.newest);
    this.pilot.edge.stop(performance.now(), this.#total);
    const wasLive = this.isLive;
    this.isLive = false;
    this.isAway = false;
    this.isConnecting = false;
    this.pilot.following = false;
    void this.sink.finish(this.#total);
    if (wasLive) this.hooks.onEnded();
    this.hooks.onChange();
  }

  /** @param {unknown} error */
  #loaderProblem(error) {
    const problem = /** @type {any} */ (error);
    if (problem?.name === "AbortError" || this.#isClosed) return;
    this.recovery.note(`segments: ${problem?.message ?? problem}`);
    if (problem?.isRefusal) this.hooks.onRefused(problem);
    this.hooks.onChange();
  }

  // What time brings

  #tick() {
    this.#ticks += 1;
    const isStuck = this.recovery.heal((time) => this.receiver.isCaughtUp || this.loader.hasPassed(time));
    if (isStuck) void this.#rebuild("playback stood still with media at hand");
    this.pilot.steer();
    if (this.#ticks % HOUSEKEEPING_TICKS === 0) this.#housekeep();
  }

  #housekeep() {
    this.sink.evict();
    if (this.isLive) this.sink.setSeekable(this.seekable.start, this.edge);
    else if (this.#total !== null) this.#keepFinished(this.#total);
    if (this.receiver.isRunning && this.#bufferedEnd - this.video.currentTime > MOST_AHEAD) {
      this.pilot.following = false;
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
    if (!this.loader.isRunning && !this.receiver.isRunning) void this.sink.finish(total);
  }

  #waiting = () => {
    if (this.video.seeking || this.isAway || !this.isLive || this.isConnecting) return;
    if (!this.recovery.stalled()) return;
    if (this.following) this.pilot.edge.control.stalled(performance.now());
    this.hooks.onChange();
  };

  #resumed = () => {
    if (this.following && !this.isAway) this.pilot.resumed();
  };

  #elementError = () => {
    const { error } = this.video;
    if (error && this.sink.isOpen) void this.#rebuild(error.message || `media error ${error.code}`);
  };

  #visible = () => {
    if (document.hidden) return;
    this.recovery.expectMove();
    this.pilot.steer();
  };

  /**
   * Starts the element anew at the same place.
   * @param {string} reason
   */
  async #rebuild(reason) {
    if (!this.recovery.mayRebuild(reason)) return this.hooks.onFailed({ code: "decode-failed", detail: reason });
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
}
