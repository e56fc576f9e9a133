import { codecName } from "../../format.js";
import { FrameMeter } from "../frame-meter.js";
import { MediaSupply } from "../media-supply.js";
import { Pilot } from "../pilot.js";
import { Recovery } from "../recovery.js";
import { anchorsIn, programTimeAt } from "../timeline.js";

const TICK_MS = 100;
const HOUSEKEEPING_TICKS = 10;
/** More than this ahead of the playhead, in seconds, and the feed is given up for segments. */
const MOST_AHEAD = 30;
/** A seek this near to the edge, in seconds, means "live". */
const NEAR_EDGE = 1.5;
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
  isAway = false;
  isConnecting = true;
  #ticks = 0;
  /** @type {Pilot} */ pilot;
  #life = new AbortController();
  /** @type {{at: number, abort: AbortController} | null} what is being opened, and where it shall begin */ #opening = null;
  /** @type {number | null} */ #total = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {{base: string, fetchMedia: (url: string, signal: AbortSignal) => Promise<Response>, wanted?: Map<import("../media-sink.js").Kind, number>,
   *   mayBeEarly?: () => boolean, clock: import("../server-clock.js").ServerClock, hooks: EngineHooks}} parts
   */
  constructor(video, { base, fetchMedia, wanted, mayBeEarly, clock, hooks }) {
    this.video = video;
    this.clock = clock;
    this.hooks = hooks;
    this.meter = new FrameMeter(video);
    this.supply = new MediaSupply(video, { base, fetchMedia, wanted, mayBeEarly }, {
      onAppended: () => this.pilot.appended(), onBroken: (reason) => void this.#rebuild(reason),
      onCaughtUp: () => this.#caughtUp(), onPublisher: (isAway) => this.#publisher(isAway),
      onDiscontinuity: () => this.pilot.edge.control.reset(), onStored: () => this.#stored(),
      onFinished: (duration) => this.#finished(duration ?? this.pilot.edge.newest),
      onFeed: (state, problem) => this.#feedState(state, problem), onProblem: (problem) => this.#segmentsProblem(problem),
      onUnplayable: (codecs, isAll) => this.#unplayable(codecs, isAll),
    });
    this.pilot = new Pilot(video, this.supply.sink, this.supply.receiver, clock);
    this.recovery = new Recovery(video, this.supply.sink);
    const { signal } = this.#life;
    video.addEventListener("waiting", () => this.#waiting(), { signal });
    video.addEventListener("pause", () => this.pilot.paused(), { signal });
    video.addEventListener("play", () => this.#resumed(), { signal });
    video.addEventListener("error", () => this.#elementError(), { signal });
    document.addEventListener("visibilitychange", () => this.#visible(), { signal });
    this.timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /**
   * Plays from the stored segments, of a session that is over or goes on.
   * @param {number} at seconds since it began @param {boolean} isLive
   */
  async startStored(at, isLive) {
    this.isLive = isLive;
    if (!isLive) this.pilot.edge.stop(performance.now(), 0);
    this.#opening?.abort.abort();
    const opening = { at, abort: new AbortController() };
    this.#opening = opening;
    try {
      const isOpen = await this.supply.openStored(opening.abort.signal);
      if (this.#opening !== opening) return;
      this.#opening = null;
      if (!isOpen) return;
      this.#stored();
      if (!isLive) this.#total = this.supply.loader.duration;
      this.seek(opening.at);
    } catch (error) {
      if (this.#opening === opening) this.#opening = null;
      this.#segmentsProblem(error);
    }
  }

  /** Whether the session goes on. */
  get isLive() {
    return this.supply.isLive;
  }

  set isLive(isLive) {
    this.supply.isLive = isLive;
  }

  /** Whether the viewer is at the live edge and stays there. */
  get following() {
    return this.pilot.following;
  }

  /** The viewer pauses: who comes back finds the picture where it stopped. */
  holdStill() {
    this.pilot.isHeldByViewer = true;
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
    return { start: Math.min(this.supply.loader.begin, this.edge), end: this.edge };
  }

  /** Where the session ends now, in seconds. */
  get edge() {
    return this.pilot.edge.at(performance.now());
  }

  /** The moment of the session that is on the screen, in seconds. */
  get position() {
    return this.video.currentTime;
  }

  /** Seconds between the picture on the screen and the moment it was taken; null while unknown. */
  get delay() {
    const { playlist } = this.supply.loader;
    const { anchors } = this.supply.receiver;
    const known = anchors.length === 0 && playlist ? anchorsIn(playlist) : anchors;
    const time = this.isLive ? programTimeAt(known, this.meter.onScreen) : null;
    return time === null ? null : (this.clock.now() - time) / 1000;
  }

  /** The sound tracks to choose from. */
  get sounds() {
    return this.supply.sounds;
  }

  /** The sizes of the picture to choose from, the best first. */
  get pictures() {
    return this.supply.pictures;
  }

  /** @param {import("../media-sink.js").Kind} kind */
  chosen(kind) {
    return this.supply.chosen(kind);
  }

  /** @param {import("../media-sink.js").Kind} kind @param {number} track */
  choose(kind, track) {
    this.recovery.expectMove();
    this.supply.choose(kind, track);
    this.hooks.onChange();
  }

  /** What the details overlay and tests want to know beside the playhead. */
  get facts() {
    const { connection, isRunning } = this.supply.receiver;
    const { stalls, gaps, errors } = this.recovery;
    return {
      source: isRunning ? "feed" : "segments", target: this.pilot.target,
      codecs: [...this.supply.sink.tracks.values()].map((track) => track.mime),
      bytesReceived: this.supply.bytesReceived, reconnects: connection.reconnects, stalls, gaps, errors,
    };
  }

  /** @param {number} time seconds since the session began */
  seek(time) {
    if (this.#opening) {
      this.#opening.at = time;
      return;
    }
    const { start, end } = this.seekable;
    if (this.isLive && time >= end - NEAR_EDGE) return this.goLive();
    const to = Math.max(start, Math.min(time, this.isLive ? end : end - LAST_MOMENT));
    this.pilot.following = false;
    this.recovery.expectMove();
    this.supply.sink.setSeekable(start, Math.max(end, to));
    this.video.currentTime = to;
    this.supply.loadFrom(to);
    this.hooks.onChange();
  }

  /** To the newest picture, and stay there. */
  goLive() {
    this.#opening?.abort.abort();
    this.#opening = null;
    this.pilot.following = true;
    this.supply.toEdge();
    if (this.supply.receiver.isCaughtUp) this.#jumpToEdge();
    this.hooks.onChange();
  }

  /** The server says elsewhere that the session is over. */
  sessionEnded() {
    if (!this.isLive) return;
    this.isLive = false;
    this.pilot.edge.stop(performance.now());
    if (!this.supply.isRunning) this.supply.loadOn();
    this.hooks.onEnded();
  }

  close() {
    this.#life.abort();
    this.#opening?.abort.abort();
    clearInterval(this.timer);
    this.supply.stop();
    this.meter.stop();
    this.supply.sink.empty();
  }

  // What the supply says

  #caughtUp() {
    this.isConnecting = false;
    this.pilot.joined();
    this.pilot.appended();
    if (this.following) this.#jumpToEdge();
    this.hooks.onChange();
  }

  #jumpToEdge() {
    if (this.pilot.jumpToEdge()) this.recovery.expectMove();
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
    this.hooks.onFailed({ code: "codec-unsupported", detail: codecs.map(codecName).join(", ") });
  }

  #stored() {
    this.pilot.edge.reaches(performance.now(), this.supply.loader.duration);
    this.hooks.onChange();
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
    void this.supply.sink.finish(this.#total);
    if (wasLive) this.hooks.onEnded();
    this.hooks.onChange();
  }

  /** @param {unknown} error */
  #segmentsProblem(error) {
    const problem = /** @type {any} */ (error);
    if (problem?.name === "AbortError" || this.#life.signal.aborted) return;
    this.recovery.note(`segments: ${problem?.message ?? problem}`);
    if (problem?.isRefusal) this.hooks.onRefused(problem);
    this.hooks.onChange();
  }

  // What time brings

  #tick() {
    this.#ticks += 1;
    const { receiver, loader } = this.supply;
    const stuck = this.recovery.heal((time) => receiver.isCaughtUp || loader.hasPassed(time));
    if (stuck) void this.#rebuild(stuck);
    this.pilot.steer();
    if (this.#ticks % HOUSEKEEPING_TICKS === 0) this.#housekeep();
  }

  #housekeep() {
    this.supply.sink.evict();
    if (this.isLive) this.supply.sink.setSeekable(this.seekable.start, this.edge);
    else if (this.#total !== null) this.#keepFinished(this.#total);
    if (this.supply.receiver.isRunning && this.supply.bufferedEnd - this.video.currentTime > MOST_AHEAD) {
      this.pilot.following = false;
      this.supply.loadOn();
    }
    this.hooks.onChange();
  }

  /**
   * Every removal and every seek opens the source again: it is told again where the session ends.
   * @param {number} total
   */
  #keepFinished(total) {
    this.supply.sink.setDuration(total);
    if (!this.supply.isRunning) void this.supply.sink.finish(total);
  }

  #waiting() {
    if (this.video.seeking || this.isAway || !this.isLive || this.isConnecting) return;
    if (!this.recovery.stalled()) return;
    if (this.following) this.pilot.edge.control.stalled(performance.now());
    this.hooks.onChange();
  }

  #resumed() {
    if (this.following && !this.isAway) this.pilot.resumed();
  }

  #elementError() {
    const { error } = this.video;
    if (error && this.supply.sink.isOpen) void this.#rebuild(error.message || `media error ${error.code}`);
  }

  /** A hidden tab's timers are slow, and browsers may pause its picture: who comes back sees what is live now. */
  #visible() {
    if (document.hidden) return;
    this.recovery.expectMove();
    if (this.isLive && this.pilot.returned()) this.goLive();
    else this.pilot.steer();
  }

  /**
   * Starts the element anew at the same place.
   * @param {string} reason
   */
  async #rebuild(reason) {
    if (!this.recovery.mayRebuild(reason)) return this.hooks.onFailed({ code: "decode-failed", detail: reason });
    const { currentTime } = this.video;
    const mimes = this.supply.takeDown();
    if (this.following) return this.goLive();
    await this.supply.sink.open(mimes);
    this.seek(currentTime);
    void this.video.play().catch(() => {});
  }
}
