import { LiveReceiver } from "./live-receiver.js";
import { MediaSink, canPlay } from "./media-sink.js";
import { endAt, rangeAt } from "./ranges.js";
import { SegmentLoader } from "./segment-loader.js";

/** @typedef {import("./media-sink.js").Kind} Kind */

/** A session has ended before its playlists say so: ask again after this. */
const END_LIST_MS = 1_000;

/**
 * @typedef {object} SupplyHooks
 * @property {() => void} onAppended more media is buffered
 * @property {(reason: string) => void} onBroken the element takes no more media
 * @property {() => void} onCaughtUp the feed has brought the newest media
 * @property {(isAway: boolean) => void} onPublisher
 * @property {() => void} onDiscontinuity
 * @property {() => void} onStored more is known of what is stored
 * @property {(duration: number | null) => void} onFinished the session is over; its length, where that is known
 * @property {(state: import("./feed-connection.js").FeedState, problem: import("../api.js").Problem | null) => void} onFeed
 * @property {(problem: unknown) => void} onProblem segments are not to be had
 * @property {(codecs: string[], isAll: boolean) => void} onUnplayable codecs that this browser cannot decode
 */

/** Brings one session's media into an element: from the feed at the live edge, elsewhere from stored segments. */
export class MediaSupply {
  /** Whether the session goes on, so that its segments lead to the feed. */
  isLive = true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #endSoon;

  /**
   * @param {HTMLVideoElement} video
   * @param {{base: string, fetchMedia: (url: string, signal: AbortSignal) => Promise<Response>,
   *   wanted?: Map<Kind, number>, mayBeEarly?: () => boolean}} parts
   * @param {SupplyHooks} hooks
   */
  constructor(video, { base, fetchMedia, wanted = new Map(), mayBeEarly = () => false }, hooks) {
    this.video = video;
    this.hooks = hooks;
    this.sink = new MediaSink(video, { onAppended: hooks.onAppended, onFailed: hooks.onBroken });
    this.receiver = new LiveReceiver(base, fetchMedia, this.sink, {
      onCaughtUp: hooks.onCaughtUp, onPublisher: hooks.onPublisher, onDiscontinuity: hooks.onDiscontinuity,
      onEnd: () => hooks.onFinished(null), onState: hooks.onFeed,
      onUnplayable: (codecs, isAll) => this.#unplayable(codecs, isAll),
    });
    this.loader = new SegmentLoader(base, fetchMedia, this.sink, {
      onProgress: hooks.onStored, onEdge: (msn) => this.#toFeed(msn), onComplete: hooks.onFinished, onProblem: hooks.onProblem });
    this.receiver.connection.mayBeEarly = mayBeEarly;
    this.receiver.wanted = new Map(wanted);
    this.loader.wanted = new Map(wanted);
  }

  get isRunning() {
    return this.receiver.isRunning || this.loader.isRunning;
  }

  /** Where what plays without a break from the playhead on ends, in seconds. */
  get bufferedEnd() {
    return endAt(this.sink.buffered(), this.video.currentTime);
  }

  get bytesReceived() {
    return this.receiver.connection.bytesReceived + this.loader.bytesReceived;
  }

  /**
   * The sound tracks that this browser can play.
   * @returns {import("./sound-tracks.js").SoundTrack[]}
   */
  get sounds() {
    return this.receiver.sounds.length > 0 ? this.receiver.sounds : this.loader.sounds;
  }

  /**
   * The sizes of the picture that this browser can play, the best first.
   * @returns {import("./picture-tracks.js").PictureTrack[]}
   */
  get pictures() {
    return this.receiver.pictures.length > 0 ? this.receiver.pictures : this.loader.pictures;
  }

  /**
   * The number of the track of a kind that plays, or null.
   * @param {Kind} kind
   */
  chosen(kind) {
    const isFeed = this.receiver.isRunning || this.loader.chosen(kind) === null;
    return isFeed ? this.receiver.chosen.get(kind)?.track ?? null : this.loader.chosen(kind);
  }

  /**
   * Reads the session's playlists and opens a source for what they name; false where nothing can be played.
   * @param {AbortSignal} signal
   */
  async openStored(signal) {
    await this.loader.open(signal);
    if (signal.aborted) return false;
    const refused = [...this.loader.mimes].filter(([, mime]) => !canPlay(mime));
    for (const [kind] of refused) this.loader.leaveOut(kind);
    const isAll = this.loader.mimes.size === 0;
    if (refused.length > 0) this.#unplayable(refused.map(([, mime]) => mime), isAll);
    if (!isAll) await this.sink.open(this.loader.mimes);
    return !isAll;
  }

  /** Brings the newest media, from the next keyframe's segment on. */
  toEdge() {
    this.loader.stop();
    if (!this.receiver.isCaughtUp) this.receiver.start();
  }

  /**
   * Leaves the feed running where its media reaches back to `time`; else segments fill what lies between.
   * @param {number} time
   */
  loadFrom(time) {
    const ranges = this.sink.buffered();
    const held = rangeAt(ranges, time);
    if (held && this.receiver.isRunning && held === ranges.at(-1)) return this.loader.stop();
    this.receiver.stop();
    this.loader.start(held ? held[1] : time);
  }

  /** Goes on from segments, where what is buffered ends. */
  loadOn() {
    this.receiver.stop();
    this.loader.start(this.bufferedEnd);
  }

  /**
   * Plays another track of a kind, from the playhead on.
   * @param {Kind} kind @param {number} track
   */
  choose(kind, track) {
    if (track === this.chosen(kind)) return;
    this.receiver.wanted.set(kind, track);
    const isFeed = this.receiver.isRunning;
    this.stop();
    this.loader.choose(kind, track);
    const buffer = this.sink.tracks.get(kind);
    buffer?.clearQueue();
    buffer?.remove(0, Infinity);
    if (isFeed) this.receiver.start();
    else this.loader.start(this.video.currentTime);
  }

  /** Gives the source up, and says what a new one must hold. */
  takeDown() {
    const mimes = new Map([...this.sink.tracks].map(([kind, track]) => [kind, track.mime]));
    this.stop();
    this.sink.close();
    return mimes;
  }

  stop() {
    clearTimeout(this.#endSoon);
    this.receiver.stop();
    this.loader.stop();
  }

  /** @param {number} msn */
  #toFeed(msn) {
    if (this.isLive) this.receiver.start({ msn, part: 0 });
    else this.#endSoon = setTimeout(() => this.loadOn(), END_LIST_MS);
  }

  /** @param {string[]} codecs @param {boolean} isAll */
  #unplayable(codecs, isAll) {
    if (isAll) this.receiver.stop();
    this.hooks.onUnplayable(codecs, isAll);
  }
}
