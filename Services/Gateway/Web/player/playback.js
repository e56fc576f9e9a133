import { keepPicture } from "./curtain.js";
import { DirectPicture } from "./direct-picture.js";
import { MseEngine } from "./engines/mse.js";
import { NativeEngine } from "./engines/native.js";
import { WebRTCEngine } from "./engines/webrtc.js";
import { LowDelay } from "./low-delay.js";
import { canPlay, mediaSourceClass } from "./media-sink.js";
import { Refusals } from "./refusals.js";
import { picturesIn } from "./picture-tracks.js";
import { soundsIn } from "./sound-tracks.js";
import { TrackFinder } from "./track-finder.js";
import { WhepConnection } from "./whep.js";

/** @typedef {import("../api.js").WatchState} WatchState */
/** @typedef {MseEngine | NativeEngine | WebRTCEngine} Engine */

/** The media of a session this young, in ms, may not be there yet. */
const YOUNG_MS = 10_000;
/** Who paused a direct connection for longer than this, in ms, goes on where they paused. */
const SHORT_PAUSE_MS = 4_000;

/**
 * What playing needs of its surroundings.
 * @typedef {object} Surroundings
 * @property {import("./server-clock.js").ServerClock} clock
 * @property {{play: () => Promise<void>}} sound plays as loud as the viewer wants and the browser allows
 * @property {() => void} onChange
 * @property {() => Promise<void> | undefined} onDoubt what the link says may have changed: ask it
 */

/** Plays one session at a time, and changes engines under way: a direct connection for live, what is stored else. */
export class Playback {
  /** @type {WatchState | null} what the link shows */ watch = null;
  /** @type {Engine | null} */ engine = null;
  /** @type {string | null} */ sessionId = null;
  /** @type {{code: string, detail: string} | null} */ failure = null;
  /** @type {string[]} */ unplayable = [];
  /** @type {import("./rights.js").MediaRights | null} */ rights = null;
  /** @type {Map<import("./media-sink.js").Kind, number>} the tracks that the viewer chose */ #wanted = new Map();
  /** @type {{position: number, at: number} | null} where and when a direct connection was paused */ #paused = null;
  #tracks = new TrackFinder((url) => this.#send(url, {}));
  #refusals = new Refusals();
  /** @type {LowDelay} */ lowDelay;
  /** @type {DirectPicture} */ #directPicture;

  /** @param {HTMLVideoElement} video @param {Surroundings} surroundings */
  constructor(video, surroundings) {
    this.video = video;
    this.surroundings = surroundings;
    this.#directPicture = new DirectPicture(video, () => surroundings.onChange());
    this.lowDelay = new LowDelay({
      connect: (hooks) => this.#connection(hooks),
      onReady: (connection) => this.#useDirect(connection), onLost: () => this.#withoutDirect(),
      mayTry: () => this.#isAtEdge && !document.hidden,
    });
    video.addEventListener("playing", () => this.#refusals.forget());
  }

  get isOnAir() {
    return this.watch?.state === "live" || this.watch?.state === "away";
  }

  /** The first picture is on its way by a direct connection. */
  get isJoining() {
    return this.engine === null && this.lowDelay.isTrying;
  }

  /** The moment of the session that is on the screen, in seconds. */
  get position() {
    return this.#paused?.position ?? this.engine?.position ?? 0;
  }

  /** The sound tracks to choose from. */
  get sounds() {
    return this.engine?.sounds ?? [];
  }

  /** The number of the sound track that plays. */
  get soundTrack() {
    return this.engine?.chosen("audio") ?? null;
  }

  /** The sizes of the picture to choose from, the best first. */
  get pictures() {
    return this.engine?.pictures ?? [];
  }

  /** The number of the picture's track that the viewer wants, or null for the one that fits. */
  get wantedPicture() {
    return this.#wanted.get("video") ?? null;
  }

  /** @param {import("./media-sink.js").Kind} kind @param {number} track */
  choose(kind, track) {
    this.#wanted.set(kind, track);
    if (kind === "video") this.#directPicture.choose(this.pictures.find((one) => one.track === track) ?? null);
    if (!(this.engine instanceof WebRTCEngine)) this.engine?.choose(kind, track);
    else if (!this.#mayBeDirect) this.#withoutDirect();
    this.surroundings.onChange();
  }

  /** The picture that fits again: the best, or by a direct connection as large as it is shown. */
  chooseFittingPicture() {
    const best = this.pictures[0]?.track;
    if (best !== undefined) this.engine?.choose("video", best);
    this.#wanted.delete("video");
    this.#directPicture.choose(null);
    this.surroundings.onChange();
  }

  /** Something else on the page covers the picture whole. */
  set isCovered(/** @type {boolean} */ isCovered) {
    this.#directPicture.isCovered = isCovered;
  }

  /** The publisher sends other tracks than before. */
  tracksChanged() {
    this.#directPicture.tracksChanged();
    if (this.engine instanceof WebRTCEngine && this.sessionId) this.#findTracks(this.engine, this.sessionId);
  }

  /**
   * The least delay by a direct connection, or a smoother picture some tenths of a second later.
   * @param {boolean} isWanted
   */
  setLowDelay(isWanted) {
    this.lowDelay.setWanted(isWanted);
    if (!isWanted && this.engine instanceof WebRTCEngine) this.#withoutDirect();
    else if (isWanted && this.#isAtEdge && this.#mayBeDirect) this.lowDelay.try();
  }

  /** @param {WatchState} watch */
  follow(watch) {
    if (watch.streamId !== this.watch?.streamId) {
      this.#wanted.clear();
      this.#directPicture.forget();
    }
    this.watch = watch;
    if (this.lowDelay.connection) this.lowDelay.connection.isSilenceExpected = watch.state === "away";
  }

  /**
   * Plays what is on the air: its live edge, or from a moment on.
   * @param {number | null} at
   */
  startLive(at) {
    const session = this.watch?.session;
    if (!session) return;
    if (this.sessionId !== session.id) this.lowDelay.forget();
    if (at !== null) return this.startStored(session.id, at, true);
    if (this.#mayBeDirect) return this.#beginDirect(session.id);
    this.#storedEngine(session.id).goLive();
    void this.surroundings.sound.play();
  }

  /** @param {string} sessionId @param {number} at @param {boolean} isLive whether that session goes on */
  startStored(sessionId, at, isLive) {
    void this.#storedEngine(sessionId).startStored(at, isLive);
    void this.surroundings.sound.play();
  }

  async play() {
    const paused = this.#paused;
    this.#paused = null;
    const isStale = paused !== null && performance.now() - paused.at > SHORT_PAUSE_MS;
    if (isStale && this.engine instanceof WebRTCEngine) return this.#rewind(paused.position);
    await this.surroundings.sound.play();
  }

  pause() {
    const { engine, video } = this;
    engine?.holdStill();
    if (engine instanceof WebRTCEngine && !video.paused) this.#paused = { position: engine.position, at: performance.now() };
    video.pause();
  }

  /** @param {number} time seconds since the session began */
  seek(time) {
    this.#paused = null;
    this.engine?.seek(time);
  }

  /** To the newest picture of the session that plays. */
  goLive() {
    this.#paused = null;
    if (this.engine?.isLive) this.engine.goLive();
    if (!(this.engine instanceof WebRTCEngine) && this.#isAtEdge && this.#mayBeDirect) this.lowDelay.try();
    void this.surroundings.sound.play();
  }

  /** The session is over: what is left is played by the engine that has it; a direct connection has nothing left. */
  sessionEnded() {
    const { engine, sessionId, position } = this;
    this.lowDelay.stop();
    if (engine && !(engine instanceof WebRTCEngine)) return engine.sessionEnded();
    this.#paused = null;
    if (sessionId) this.startStored(sessionId, position, false);
  }

  /** Plays nothing more. */
  stop() {
    this.lowDelay.stop();
    this.#stopEngine();
  }

  // By a direct connection

  get #isAtEdge() {
    return this.engine?.isLive === true && this.engine.following && !this.video.paused;
  }

  /** Whether the live edge may come by a direct connection: other sounds than the first do not. */
  get #mayBeDirect() {
    const sound = this.#wanted.get("audio");
    const isFirstSound = sound === undefined || sound === (this.sounds[0]?.track ?? sound);
    return this.isOnAir && this.lowDelay.isPossible && isFirstSound && this.#directPicture.isPossible;
  }

  /** @param {{onReady: () => void, onLost: (reason: import("./whep.js").Reason) => void}} hooks */
  #connection(hooks) {
    const streamId = this.watch?.streamId;
    /** @type {WhepConnection} */ const connection = new WhepConnection(
      { url: `/whep/${streamId}`, viewers: `/api/v1/streams/${streamId}/viewers/`, send: this.#send },
      { ...hooks, onSession: () => this.#directPicture.bringBy(connection) });
    return connection;
  }

  /** @param {string} sessionId */
  #beginDirect(sessionId) {
    if (this.engine) keepPicture(this.video);
    this.#stopEngine();
    this.sessionId = sessionId;
    this.lowDelay.try();
    this.surroundings.onChange();
  }

  /**
   * Pictures arrive: shows them, where the live edge is wanted still.
   * @param {WhepConnection} connection
   */
  #useDirect(connection) {
    const session = this.watch?.session;
    if ((this.engine && !this.#isAtEdge) || !session || !this.#mayBeDirect) return this.lowDelay.stop();
    const { sounds, soundTrack, pictures } = this;
    keepPicture(this.video);
    this.#stopEngine();
    this.sessionId = session.id;
    const engine = new WebRTCEngine(this.video, {
      connection, clock: this.surroundings.clock, startedAt: Date.parse(session.startedAt), hooks: this.#hooks,
      rewind: (time) => this.#rewind(time) });
    this.engine = engine;
    engine.sounds = sounds;
    engine.sound = soundTrack;
    engine.pictures = pictures;
    this.#findTracks(engine, session.id);
    void this.surroundings.sound.play();
    this.surroundings.onChange();
  }

  /** Goes on at the live edge by the feed: the direct connection is gone, or not wanted. */
  #withoutDirect() {
    const isShown = this.engine === null || this.engine instanceof WebRTCEngine;
    if (!isShown || !this.sessionId) return this.surroundings.onChange();
    if (this.#paused) {
      void this.#storedEngine(this.sessionId).startStored(this.#paused.position, true);
    } else {
      this.#storedEngine(this.sessionId).goLive();
      void this.surroundings.sound.play();
    }
    this.surroundings.onChange();
  }

  /**
   * To a moment that only the recording holds.
   * @param {number} time
   */
  #rewind(time) {
    this.lowDelay.stop();
    if (this.sessionId) this.startStored(this.sessionId, time, true);
  }

  /**
   * A direct connection does not tell which tracks the stream has: its playlist does.
   * @param {WebRTCEngine} engine @param {string} sessionId
   */
  #findTracks(engine, sessionId) {
    this.#tracks.find(new URL(`${this.#baseOf(sessionId)}index.m3u8`, location.href).href, (all) => {
      const renditions = all.filter(({ kind, codec }) => canPlay(`${kind}/mp4; codecs="${codec}"`));
      engine.sounds = soundsIn(renditions);
      engine.pictures = picturesIn(renditions);
      engine.sound ??= engine.sounds[0]?.track ?? null;
      this.surroundings.onChange();
    });
  }

  // From what the server keeps

  /**
   * Media Source Extensions, else the browser by itself.
   * @param {string} sessionId @returns {MseEngine | NativeEngine}
   */
  #storedEngine(sessionId) {
    keepPicture(this.video);
    if (this.lowDelay.connection?.isReady) this.lowDelay.stop();
    this.#stopEngine();
    this.sessionId = sessionId;
    const parts = {
      base: this.#baseOf(sessionId), streamId: this.watch?.streamId ?? "", clock: this.surroundings.clock, wanted: this.#wanted,
      mayBeEarly: () => this.#isYoung, startedAt: this.#startOf(sessionId), hooks: this.#hooks,
      fetchMedia: (/** @type {string} */ url, /** @type {AbortSignal} */ signal) => this.#send(url, { signal }),
    };
    const engine = mediaSourceClass() ? new MseEngine(this.video, parts) : new NativeEngine(this.video, parts);
    this.engine = engine;
    return engine;
  }

  /**
   * When a session began, in ms since 1970: known of the one that the link shows.
   * @param {string} sessionId
   */
  #startOf(sessionId) {
    const session = this.watch?.session;
    return session?.id === sessionId ? Date.parse(session.startedAt) : null;
  }

  /** @param {string} sessionId */
  #baseOf(sessionId) {
    return `/live/${this.watch?.streamId}/${sessionId}/`;
  }

  /** @param {string} url @param {RequestInit} options */
  #send = (url, options) => /** @type {import("./rights.js").MediaRights} */ (this.rights).send(url, options);

  /** @type {import("./engines/mse.js").EngineHooks} */
  #hooks = {
    onChange: () => this.#considered(),
    onEnded: () => void this.surroundings.onDoubt(),
    onRefused: (problem) => void this.#refused(problem),
    onFailed: (failure) => { this.failure = failure; this.surroundings.onChange(); },
    onUnplayable: (codecs) => { this.unplayable = codecs; this.surroundings.onChange(); },
  };

  /** A size that the publisher does not send any more is no choice. */
  #forgetLostChoice() {
    const { pictures, wantedPicture } = this;
    if (wantedPicture === null || pictures.length === 0 || pictures.some(({ track }) => track === wantedPicture)) return;
    this.#wanted.delete("video");
    this.#directPicture.choose(null);
  }

  /** Who has come to the live edge, however that was, gets the least delay. */
  #considered() {
    this.#forgetLostChoice();
    const isOther = !(this.engine instanceof WebRTCEngine) && this.#isAtEdge && this.video.readyState >= 3;
    if (isOther && this.lowDelay.isIdle && this.#mayBeDirect && !document.hidden) this.lowDelay.try();
    this.surroundings.onChange();
  }

  get #isYoung() {
    const session = this.watch?.session;
    const age = this.surroundings.clock.now() - Date.parse(session?.startedAt ?? "");
    return this.isOnAir && session?.id === this.sessionId && age < YOUNG_MS;
  }

  #stopEngine() {
    this.#refusals.stop();
    this.#tracks.stop();
    this.engine?.close();
    this.engine = null;
    this.failure = null;
    this.unplayable = [];
    this.sessionId = null;
  }

  /**
   * The media is not to be had; the link's state says whether that is an end or a refusal.
   * @param {import("../api.js").Problem} problem
   */
  async #refused(problem) {
    await this.surroundings.onDoubt();
    if (!this.engine || (!this.engine.isLive && this.video.readyState > 0)) return;
    if (this.#refusals.bear(() => this.#again())) return;
    this.#stopEngine();
    this.failure = { code: "media-refused", detail: problem.message };
    this.surroundings.onChange();
  }

  /** A session is announced a moment before its media is there, and media is there after its session. */
  #again() {
    const { engine, sessionId } = this;
    if (!engine || !sessionId || engine instanceof WebRTCEngine) return;
    if (engine.isLive && engine.following) engine.goLive();
    else void engine.startStored(engine.position, engine.isLive);
  }
}
