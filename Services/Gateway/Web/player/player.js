import { Problem } from "../api.js";
import { MseEngine } from "./engines/mse.js";
import { NativeEngine } from "./engines/native.js";
import { mediaSourceClass } from "./media-sink.js";
import { useMediaKeys } from "./media-keys.js";
import { MediaRights } from "./rights.js";
import { ServerClock } from "./server-clock.js";
import { rangesOf } from "./ranges.js";
import { Sound } from "./sound.js";
import { WatchLink } from "./watch-link.js";

/** @typedef {import("../api.js").WatchState} WatchState */
/** @typedef {MseEngine | NativeEngine} Engine */

/**
 * What the viewer has before them.
 * @typedef {"connecting" | "offline" | "live" | "dvr" | "replay" | "ended" | "denied" | "notFound" | "failed"} Mode
 */

/**
 * @typedef {object} OpenOptions
 * @property {string | null} [session] a past session to replay, instead of what the link shows now
 * @property {boolean} [isLinkVoid] the share link that led here is not valid any more
 * @property {number | null} [at] where to begin, in seconds since the session began
 */

/** @type {MseEngine["facts"] | NativeEngine["facts"]} */
const NO_FACTS = { source: "", target: null, codecs: [], bytesReceived: 0, reconnects: 0, stalls: 0, gaps: 0, errors: [] };
/** How often the server may refuse a session's media before that is believed: some thirteen seconds. */
const REFUSALS_TO_BEAR = 14;
const PASSING_SECONDS = 60;
/** The media of a session this young, in ms, may not be there yet. */
const YOUNG_MS = 10_000;

/** One link in one media element: offline, live, rewound, replayed, without a reload. Tells `change`. */
export class Player extends EventTarget {
  /** @type {WatchState | null} */ watch = null;
  /** @type {Engine | null} */ engine = null;
  /** @type {Problem | null} */ problem = null;
  /** @type {{code: string, detail: string} | null} */ failure = null;
  /** @type {string[]} */ unplayable = [];
  /** @type {string | null} */ sessionId = null;
  /** @type {MediaRights | null} */ #rights = null;
  /** @type {WatchLink | null} */ #link = null;
  /** @type {OpenOptions} */ #options = {};
  #refusals = 0;
  /** @type {number | null} the sound track that the viewer chose */ #sound = null;
  /** Whether the viewer chose what plays, and did not just open a link before it went live. */
  #isChosen = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #patience;
  startedAt = performance.now();
  /** Milliseconds from opening the link to the first picture. */
  /** @type {number | null} */ firstPictureMs = null;

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    super();
    this.video = video;
    this.clock = new ServerClock();
    this.sound = new Sound(video, () => this.#changed());
    for (const type of ["ended", "pause", "play", "playing", "waiting", "seeking", "seeked", "volumechange", "resize"]) {
      video.addEventListener(type, () => this.#changed());
    }
    video.addEventListener("playing", () => { this.#refusals = 0; });
    video.addEventListener("playing", () => { this.firstPictureMs ??= performance.now() - this.startedAt; });
    video.addEventListener("ended", () => void this.#link?.refresh());
    useMediaKeys(this);
  }

  /**
   * @param {string} slug @param {OpenOptions} [options]
   */
  open(slug, options = {}) {
    this.close();
    this.#options = options;
    this.#isChosen = false;
    this.#sound = null;
    this.startedAt = performance.now();
    this.firstPictureMs = null;
    this.clock.start();
    this.#link = new WatchLink(slug, {
      onState: (state) => this.#stateIs(state), onProblem: (problem) => this.#problemIs(problem) });
    return this.#link.refresh();
  }

  close() {
    this.#link?.close();
    this.#link = null;
    this.#rights?.stop();
    this.#rights = null;
    this.clock.stop();
    this.#stopEngine();
    this.watch = null;
    this.problem = null;
  }

  /** @returns {Mode} */
  get mode() {
    if (this.failure) return "failed";
    if (this.engine?.isLive) return this.engine.following ? "live" : "dvr";
    if (this.engine) return this.video.ended ? "ended" : "replay";
    if (this.problem?.isRefusal) return this.problem.status === 404 ? "notFound" : "denied";
    return this.watch ? "offline" : "connecting";
  }

  /** The share link that led here is not valid any more. */
  get isLinkVoid() {
    return this.#options.isLinkVoid === true;
  }

  /** The publisher has lost its connection and may come back. */
  get isAway() {
    return this.engine?.isLive === true && (this.engine.isAway || this.watch?.state === "away");
  }

  /** Something that should be moving waits for media. */
  get isWaiting() {
    return this.engine !== null && !this.video.paused && !this.video.ended && this.video.readyState < 3;
  }

  /** A newer session is live than the one on the screen. */
  get hasNewerSession() {
    return this.#isOnAir && this.engine !== null && this.watch?.session?.id !== this.sessionId;
  }

  /** A replay that started by itself, and has not been watched for long: who waits for the stream sees that. */
  get #isPassingTime() {
    return !this.#isChosen && this.engine?.isLive === false && this.video.currentTime < PASSING_SECONDS;
  }

  get #isOnAir() {
    return this.watch?.state === "live" || this.watch?.state === "away";
  }

  /** What one may seek to, in seconds. */
  get seekable() {
    return this.engine?.seekable ?? { start: 0, end: 0 };
  }

  async play() {
    this.#isChosen = true;
    if (this.video.ended) this.seek(this.seekable.start);
    await this.sound.play();
  }

  pause() {
    this.engine?.holdStill();
    this.video.pause();
  }

  togglePlay() {
    if (this.video.paused || this.video.ended) void this.play();
    else this.pause();
  }

  /** @param {number} time seconds since the session began */
  seek(time) {
    this.#isChosen = true;
    const wasEnded = this.video.ended;
    this.engine?.seek(time);
    if (wasEnded) void this.sound.play();
    this.#changed();
  }

  /** @param {number} seconds */
  seekBy(seconds) {
    this.seek(this.video.currentTime + seconds);
  }

  /** To the newest picture of what is on the air, be it another session. */
  goLive() {
    if (this.hasNewerSession) this.#startLive();
    else if (this.engine?.isLive) this.engine.goLive();
    void this.sound.play();
  }

  /** The sound tracks to choose from. */
  get sounds() {
    return this.engine?.sounds ?? [];
  }

  /** The number of the sound track that plays. */
  get soundTrack() {
    return this.engine?.sound ?? null;
  }

  /** @param {number} track */
  chooseSound(track) {
    this.#sound = track;
    this.engine?.chooseSound(track);
    this.#changed();
  }

  /** @param {number} speed */
  setSpeed(speed) {
    if (!this.engine) return;
    this.engine.speed = speed;
    if (this.mode !== "live") this.video.playbackRate = speed;
    this.#changed();
  }

  /** Tries again from the start. */
  retry() {
    const at = this.video.currentTime;
    this.#stopEngine();
    if (this.watch && !this.#isOnAir) this.#options = { ...this.#options, at };
    void this.#link?.refresh();
  }

  /** @param {WatchState} state */
  #stateIs(state) {
    const isNewStream = this.watch?.streamId !== state.streamId;
    this.watch = state;
    this.problem = null;
    if (isNewStream) this.#useRights(state.streamId);
    if (this.failure && state.session?.id !== this.sessionId) this.#stopEngine();
    if (!this.failure) this.#follow(state);
    this.#changed();
  }

  /** @param {WatchState} state */
  #follow(state) {
    const session = state.session;
    const isCurrent = this.engine !== null && this.sessionId === session?.id;
    const { session: wanted } = this.#options;
    if (!this.engine && wanted) {
      this.#isChosen = true;
      return this.#startStored(wanted, wanted === session?.id && this.#isOnAir);
    }
    if (this.#isOnAir && session) {
      if (isCurrent) return;
      if (!this.engine || this.video.ended || this.#isPassingTime) this.#startLive();
      return;
    }
    if (isCurrent || (this.engine?.isLive && !session)) return this.engine?.sessionEnded();
    if (!this.engine && session) this.#startStored(session.id, false);
  }

  #startLive() {
    const session = this.watch?.session;
    if (!session) return;
    const at = this.#options.at ?? null;
    const engine = this.#newEngine(session.id);
    this.#options = {};
    if (at === null) engine.goLive();
    else void engine.startStored(at, true);
    void this.sound.play();
  }

  /** @param {string} sessionId @param {boolean} isLive */
  #startStored(sessionId, isLive) {
    const engine = this.#newEngine(sessionId);
    void engine.startStored(this.#options.at ?? 0, isLive);
    this.#options = {};
    void this.sound.play();
  }

  /** @param {string} sessionId @returns {Engine} */
  #newEngine(sessionId) {
    this.#stopEngine();
    this.sessionId = sessionId;
    const streamId = this.watch?.streamId ?? "";
    const rights = this.#rights;
    const parts = {
      base: `/live/${streamId}/${sessionId}/`, streamId, clock: this.clock, sound: this.#sound,
      mayBeEarly: () => this.#isYoung,
      fetchMedia: (/** @type {string} */ url, /** @type {AbortSignal} */ signal) =>
        /** @type {MediaRights} */ (rights).fetch(url, signal),
      hooks: {
        onChange: () => this.#changed(), onEnded: () => void this.#link?.refresh(),
        onRefused: (/** @type {Problem} */ problem) => this.#refused(problem),
        onFailed: (/** @type {{code: string, detail: string}} */ failure) => this.#failed(failure),
        onUnplayable: (/** @type {string[]} */ codecs) => { this.unplayable = codecs; this.#changed(); },
      },
    };
    this.engine = mediaSourceClass() ? new MseEngine(this.video, parts) : new NativeEngine(this.video, parts);
    return this.engine;
  }

  get #isYoung() {
    const session = this.watch?.session;
    return this.#isOnAir && session?.id === this.sessionId && this.clock.now() - Date.parse(session?.startedAt ?? "") < YOUNG_MS;
  }

  #stopEngine() {
    clearTimeout(this.#patience);
    this.engine?.close();
    this.engine = null;
    this.failure = null;
    this.unplayable = [];
    this.sessionId = null;
  }

  /** @param {string} streamId */
  #useRights(streamId) {
    this.#rights?.stop();
    this.#rights = new MediaRights(streamId);
    this.#rights.start();
  }

  /**
   * The media is not to be had; the link's state says whether that is an end or a refusal.
   * @param {Problem} problem
   */
  async #refused(problem) {
    await this.#link?.refresh();
    if (!this.engine || (!this.engine.isLive && this.video.readyState > 0)) return;
    this.#refusals += 1;
    if (this.#refusals <= REFUSALS_TO_BEAR) {
      this.#patience = setTimeout(() => this.#again(), 120 * 1.25 ** this.#refusals);
      return;
    }
    this.#stopEngine();
    this.failure = { code: "media-refused", detail: problem.message };
    this.#changed();
  }

  /** A session is announced a moment before its media is there, and media is there after its session. */
  #again() {
    const { engine, sessionId, video } = this;
    if (!engine || !sessionId) return;
    if (engine.isLive && engine.following) engine.goLive();
    else void engine.startStored(video.currentTime, engine.isLive);
  }

  /** @param {{code: string, detail: string}} failure */
  #failed(failure) {
    this.failure = failure;
    this.#changed();
  }

  /** @param {Problem} problem */
  #problemIs(problem) {
    this.problem = problem;
    if (problem.isRefusal) this.#stopEngine();
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** The state as plain data: for the details overlay, reports and tests. */
  snapshot() {
    const { video, engine } = this;
    const quality = video.getVideoPlaybackQuality?.();
    return {
      mode: this.mode, slug: this.watch?.slug ?? null, streamId: this.watch?.streamId ?? null,
      sessionId: this.sessionId, engine: engine?.name ?? null, ...(engine?.facts ?? NO_FACTS),
      currentTime: video.currentTime, seekable: this.seekable, paused: video.paused, ended: video.ended,
      readyState: video.readyState, isWaiting: this.isWaiting, isAway: this.isAway,
      delay: engine?.delay ?? null, behind: engine ? engine.edge - video.currentTime : null,
      rate: video.playbackRate, buffered: rangesOf(video.buffered),
      width: video.videoWidth, height: video.videoHeight,
      frames: {
        decoded: quality?.totalVideoFrames ?? 0, dropped: quality?.droppedVideoFrames ?? 0,
        shown: engine?.meter.frames ?? 0, rate: engine?.meter.frameRate ?? 0,
      },
      failure: this.failure, problem: this.problem?.code ?? null,
      sounds: this.sounds, soundTrack: this.soundTrack,
      muted: video.muted, volume: video.volume, needsUnmute: this.sound.needsUnmute,
      firstPictureMs: this.firstPictureMs,
    };
  }
}
