import { useMediaKeys } from "./media-keys.js";
import { Playback } from "./playback.js";
import { MediaRights } from "./rights.js";
import { ServerClock } from "./server-clock.js";
import { snapshotOf } from "./snapshot.js";
import { Sound } from "./sound.js";
import { WatchLink } from "./watch-link.js";

/** @typedef {import("../api.js").WatchState} WatchState */
/** @typedef {import("../api.js").Problem} Problem */

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

/** A replay that began by itself counts as watched from here on, in seconds. */
const PASSING_SECONDS = 60;

/** One link in one media element: offline, live, rewound, replayed, without a reload. Tells `change`. */
export class Player extends EventTarget {
  /** @type {WatchState | null} */ watch = null;
  /** @type {Problem | null} */ problem = null;
  /** @type {WatchLink | null} */ #link = null;
  /** @type {OpenOptions} */ #options = {};
  /** From opening to closing. */
  #life = new AbortController();
  /** Whether the viewer chose what plays, and did not just open a link before it went live. */
  #isChosen = false;
  startedAt = performance.now();
  /** Milliseconds from opening the link to the first picture. */
  /** @type {number | null} */ firstPictureMs = null;

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    super();
    this.video = video;
    this.clock = new ServerClock();
    this.sound = new Sound(video, () => this.#changed());
    this.playback = new Playback(video, {
      clock: this.clock, sound: this.sound, onChange: () => this.#changed(), onDoubt: () => this.#link?.refresh() });
    for (const type of ["ended", "pause", "play", "playing", "waiting", "seeking", "seeked", "volumechange", "resize"]) {
      video.addEventListener(type, () => this.#changed());
    }
    video.addEventListener("playing", () => { this.firstPictureMs ??= performance.now() - this.startedAt; });
    video.addEventListener("ended", () => void this.#link?.refresh());
  }

  /**
   * @param {string} slug @param {OpenOptions} [options]
   */
  open(slug, options = {}) {
    this.close();
    this.#options = options;
    this.#isChosen = false;
    this.startedAt = performance.now();
    this.firstPictureMs = null;
    this.#life = new AbortController();
    useMediaKeys(this, this.#life.signal);
    addEventListener("online", () => this.lowDelay.networkChanged(), { signal: this.#life.signal });
    this.clock.start();
    this.#link = new WatchLink(slug, {
      onState: (state) => this.#stateIs(state), onProblem: (problem) => this.#problemIs(problem),
      onTracks: () => this.playback.tracksChanged() });
    return this.#link.refresh();
  }

  close() {
    this.#life.abort();
    this.#link?.close();
    this.#link = null;
    this.clock.stop();
    // The server is told of the end of a direct connection by a request, which needs the rights.
    this.playback.lowDelay.forget();
    this.playback.stop();
    this.playback.rights?.stop();
    this.watch = null;
    this.problem = null;
  }

  /** @returns {Mode} */
  get mode() {
    if (this.failure) return "failed";
    if (this.playback.isJoining) return "connecting";
    if (this.engine?.isLive) return this.engine.following ? "live" : "dvr";
    if (this.engine) return this.video.ended ? "ended" : "replay";
    if (this.problem?.isRefusal) return this.problem.status === 404 ? "notFound" : "denied";
    return this.watch ? "offline" : "connecting";
  }

  get engine() {
    return this.playback.engine;
  }

  get failure() {
    return this.playback.failure;
  }

  get unplayable() {
    return this.playback.unplayable;
  }

  get sessionId() {
    return this.playback.sessionId;
  }

  get lowDelay() {
    return this.playback.lowDelay;
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
    return this.playback.isOnAir && this.engine !== null && this.watch?.session?.id !== this.sessionId;
  }

  /** A replay that started by itself, and has not been watched for long: who waits for the stream sees that. */
  get #isPassingTime() {
    return !this.#isChosen && this.engine?.isLive === false && this.video.currentTime < PASSING_SECONDS;
  }

  /** What one may seek to, in seconds. */
  get seekable() {
    return this.engine?.seekable ?? { start: 0, end: 0 };
  }

  /** The moment of the session that is on the screen, in seconds. */
  get position() {
    return this.playback.position;
  }

  async play() {
    this.#isChosen = true;
    if (this.video.ended) this.seek(this.seekable.start);
    await this.playback.play();
  }

  pause() {
    this.playback.pause();
  }

  togglePlay() {
    if (this.video.paused || this.video.ended) void this.play();
    else this.pause();
  }

  /** @param {number} time seconds since the session began */
  seek(time) {
    this.#isChosen = true;
    const wasEnded = this.video.ended;
    this.playback.seek(time);
    if (wasEnded) void this.sound.play();
    this.#changed();
  }

  /** @param {number} seconds */
  seekBy(seconds) {
    this.seek(this.position + seconds);
  }

  /** To the newest picture of what is on the air, be it another session. */
  goLive() {
    if (this.hasNewerSession) this.playback.startLive(null);
    else this.playback.goLive();
    this.#changed();
  }

  /** The sound tracks to choose from. */
  get sounds() {
    return this.playback.sounds;
  }

  /** The number of the sound track that plays. */
  get soundTrack() {
    return this.playback.soundTrack;
  }

  /** The sizes of the picture to choose from, the best first. */
  get pictures() {
    return this.playback.pictures;
  }

  /** The number of the picture's track that the viewer wants, or null for the one that fits. */
  get wantedPicture() {
    return this.playback.wantedPicture;
  }

  /** @param {import("./media-sink.js").Kind} kind @param {number} track */
  choose(kind, track) {
    this.playback.choose(kind, track);
    this.#changed();
  }

  /** The picture that fits again. */
  chooseFittingPicture() {
    this.playback.chooseFittingPicture();
    this.#changed();
  }

  /** @param {boolean} isWanted the least delay, or a smoother picture a little later */
  setLowDelay(isWanted) {
    this.playback.setLowDelay(isWanted);
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
    const at = this.position;
    this.playback.stop();
    if (this.watch && !this.playback.isOnAir) this.#options = { ...this.#options, at };
    void this.#link?.refresh();
  }

  /** @param {WatchState} state */
  #stateIs(state) {
    const isNewStream = this.watch?.streamId !== state.streamId;
    this.watch = state;
    this.problem = null;
    this.playback.follow(state);
    if (isNewStream) this.#useRights(state.streamId);
    if (this.failure && state.session?.id !== this.sessionId) this.playback.stop();
    if (!this.failure) this.#follow(state);
    this.#changed();
  }

  /** @param {WatchState} state */
  #follow(state) {
    const { session } = state;
    const { isJoining, isOnAir } = this.playback;
    const isCurrent = (this.engine !== null || isJoining) && this.sessionId === session?.id;
    const { session: wanted } = this.#options;
    if (!this.engine && wanted) {
      this.#isChosen = true;
      return this.#startStored(wanted, wanted === session?.id && isOnAir);
    }
    if (isOnAir && session) {
      if (!isCurrent && (!this.engine || this.video.ended || this.#isPassingTime)) this.#startLive();
      return;
    }
    if (isCurrent || (this.engine?.isLive && !session)) return this.playback.sessionEnded();
    if (!this.engine && session) this.#startStored(session.id, false);
  }

  #startLive() {
    const at = this.#options.at ?? null;
    this.#options = {};
    this.playback.startLive(at);
  }

  /** @param {string} sessionId @param {boolean} isLive */
  #startStored(sessionId, isLive) {
    const at = this.#options.at ?? 0;
    this.#options = {};
    this.playback.startStored(sessionId, at, isLive);
  }

  /** @param {string} streamId */
  #useRights(streamId) {
    this.playback.rights?.stop();
    this.playback.rights = new MediaRights(streamId);
    this.playback.rights.start();
  }

  /** @param {Problem} problem */
  #problemIs(problem) {
    this.problem = problem;
    if (problem.isRefusal) this.playback.stop();
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** The state as plain data: for the details overlay, reports and tests. */
  snapshot() {
    return snapshotOf(this);
  }
}
