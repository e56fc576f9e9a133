import { FeedConnection } from "./feed-connection.js";
import { FrameType, jsonOf } from "./feed-frames.js";
import { canPlay } from "./media-sink.js";
import { bestFirst } from "./picture-tracks.js";
import { anchorsOf } from "./timeline.js";

/** @typedef {import("./feed-frames.js").FeedFrame} FeedFrame */
/** @typedef {import("./media-sink.js").Kind} Kind */

/** A join sends what the segment has so far in one burst; this long a silence ends it. */
const QUIET_MS = 40;

/**
 * @typedef {object} FeedTrack
 * @property {number} track
 * @property {number} generation
 * @property {Kind} kind
 * @property {string} codec
 * @property {string} mime
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [frameRate]
 * @property {number} [sampleRate]
 * @property {number} [channels]
 * @property {string | null} [label]
 * @property {string} [language]
 * @property {{name: string, codec: string, mime: string}[]} [renditions] the same in other codings, each with a feed of its own
 * @property {string} [rendition] the one of them that is played
 */

/**
 * @typedef {object} ReceiverHooks
 * @property {() => void} onCaughtUp the burst of a join is over: the newest media is here
 * @property {(isAway: boolean) => void} onPublisher
 * @property {() => void} onDiscontinuity
 * @property {() => void} onEnd
 * @property {(state: import("./feed-connection.js").FeedState, problem: import("../api.js").Problem | null) => void} onState
 * @property {(codecs: string[], isAll: boolean) => void} onUnplayable codecs that this browser cannot decode
 */

/** Brings the `feed`'s frames into a sink: chooses tracks, opens buffers, appends what arrives. */
export class LiveReceiver {
  /** @type {import("./timeline.js").Anchor[]} */ anchors = [];
  /** @type {Map<Kind, FeedTrack>} */ chosen = new Map();
  /** @type {import("./sound-tracks.js").SoundTrack[]} */ sounds = [];
  /** @type {import("./picture-tracks.js").PictureTrack[]} the picture in all its sizes, the best first */ pictures = [];
  /** @type {Map<Kind, number>} the tracks to play, where the stream has them */ wanted = new Map();
  isCaughtUp = false;
  partsReceived = 0;
  #partDuration = 0.3;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #quiet;
  /** @type {FeedConnection | null} of the sound in another coding, where this browser cannot play its own */ #other = null;

  /**
   * @param {string} base @param {(url: string, signal: AbortSignal) => Promise<Response>} fetchMedia
   * @param {import("./media-sink.js").MediaSink} sink @param {ReceiverHooks} hooks
   */
  constructor(base, fetchMedia, sink, hooks) {
    this.base = base;
    this.fetchMedia = fetchMedia;
    this.sink = sink;
    this.hooks = hooks;
    this.connection = new FeedConnection(base, fetchMedia, {
      onFrame: (frame) => this.#frame(frame, undefined),
      onState: (state, problem) => this.#state(state, problem),
    });
  }

  get isRunning() {
    return this.connection.isRunning;
  }

  /** How far apart media comes at the most, in seconds: more while the feed has turns than while it holds a connection. */
  get partTarget() {
    return this.#partDuration + this.connection.round;
  }

  /** @param {{msn: number, part: number} | null} [from] a part, else the live edge */
  start(from = null) {
    this.isCaughtUp = false;
    this.connection.picture = this.wanted.get("video") ?? null;
    this.connection.start(from);
  }

  stop() {
    clearTimeout(this.#quiet);
    this.isCaughtUp = false;
    this.connection.stop();
    this.#closeOther();
  }

  /**
   * @param {FeedFrame} frame @param {string | undefined} rendition the coding whose feed it comes from, none for the stream's own
   * @returns {void | Promise<void>}
   */
  #frame(frame, rendition) {
    switch (frame.type) {
      case FrameType.init: return this.#buffer(frame.track, rendition)?.setInit(generationIn(frame), frame.payload);
      case FrameType.part: return this.#part(frame, rendition);
    }
    if (rendition !== undefined) return;
    switch (frame.type) {
      case FrameType.tracksChanged: return this.#tracks(jsonOf(frame));
      case FrameType.discontinuity: return this.hooks.onDiscontinuity();
      case FrameType.publisherAway: return this.hooks.onPublisher(true);
      case FrameType.publisherBack: return this.hooks.onPublisher(false);
      case FrameType.end: return this.#end();
    }
  }

  /** @param {FeedFrame} frame @param {string | undefined} rendition */
  #part(frame, rendition) {
    const buffer = this.#buffer(frame.track, rendition);
    if (!buffer) return;
    this.partsReceived += 1;
    buffer.append(generationIn(frame), frame.payload);
    if (!this.isCaughtUp) this.#waitForQuiet();
  }

  #waitForQuiet() {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(async () => {
      await this.sink.idle();
      if (this.sink.buffered().length === 0 || !this.isRunning) return;
      this.isCaughtUp = true;
      this.hooks.onCaughtUp();
    }, QUIET_MS);
  }

  #end() {
    clearTimeout(this.#quiet);
    this.hooks.onEnd();
  }

  /** @param {number} track @param {string | undefined} rendition */
  #buffer(track, rendition) {
    for (const [kind, chosen] of this.chosen) {
      if (chosen.track === track && chosen.rendition === rendition) return this.sink.tracks.get(kind);
    }
    return undefined;
  }

  /** @param {{partTarget?: number, isAway?: boolean, anchors?: {decodeTime: number, wallClock: number}[], tracks?: FeedTrack[]}} set */
  async #tracks(set) {
    const anchors = anchorsOf(set.anchors);
    if (anchors.length > 0) this.anchors = anchors;
    if (set.partTarget) this.#partDuration = set.partTarget;
    if (set.isAway !== undefined) this.hooks.onPublisher(set.isAway);
    const tracks = (set.tracks ?? []).map((track) => playable(track, canPlay));
    this.chosen = choose(tracks, this.wanted);
    this.pictures = bestFirst(tracks.filter((track) => track.kind === "video" && canPlay(track.mime))
      .map(({ track, width, height }) => ({ track, width: width ?? 0, height: height ?? 0 })));
    this.sounds = tracks.filter((track) => track.kind === "audio" && canPlay(track.mime))
      .map(({ track, label, language }) => ({ track, label: label ?? "", language: language ?? "" }));
    const refused = tracks.filter((track) => !canPlay(track.mime)).map((track) => track.codec);
    const isSilent = this.chosen.size === 0 && tracks.length > 0;
    if (refused.length > 0) this.hooks.onUnplayable(refused, isSilent);
    if (this.chosen.size > 0) await this.#openSink();
    this.#followOther(this.chosen.get("audio")?.rendition);
  }

  /**
   * Opens the feed of another coding, or closes it where the stream's own is played.
   * @param {string | undefined} rendition
   */
  #followOther(rendition) {
    const base = `${this.base}${rendition}/`;
    if (this.#other?.base === base && this.#other.isRunning) return;
    this.#closeOther();
    if (rendition === undefined || !this.isRunning) return;
    this.#other = new FeedConnection(base, this.fetchMedia, {
      onFrame: (frame) => this.#frame(frame, rendition),
      onState: (_, problem) => { if (problem) void this.#leaveOutSound(); },
    });
    this.#other.start();
  }

  #closeOther() {
    this.#other?.stop();
    this.#other = null;
  }

  /** Nobody makes the coding that this browser could play: pictures without sound are better than nothing. */
  async #leaveOutSound() {
    const codec = this.chosen.get("audio")?.codec;
    this.#closeOther();
    if (codec === undefined || this.chosen.size < 2) return;
    this.chosen.delete("audio");
    this.hooks.onUnplayable([codec], false);
    await this.#openSink();
  }

  /** A buffer can change its codec, but a source cannot gain a kind of track: then a new source is needed. */
  async #openSink() {
    const kinds = [...this.chosen.keys()];
    const isSame = this.sink.isOpen && kinds.length === this.sink.tracks.size &&
      kinds.every((kind) => this.sink.tracks.has(kind));
    if (!isSame) await this.sink.open(new Map([...this.chosen].map(([kind, track]) => [kind, track.mime])));
  }

  /**
   * @param {import("./feed-connection.js").FeedState} state
   * @param {import("../api.js").Problem | null} problem
   */
  #state(state, problem) {
    if (state === "connecting") this.isCaughtUp = false;
    this.hooks.onState(state, problem);
  }
}

/**
 * What the buffers call a configuration generation of a track.
 * @param {FeedFrame} frame
 */
function generationIn({ track, generation }) {
  return `${track}/${generation}`;
}

/**
 * The first playable track of each kind, or the one that is wanted.
 * @param {FeedTrack[]} tracks @param {Map<Kind, number>} wanted
 */
function choose(tracks, wanted) {
  /** @type {Map<Kind, FeedTrack>} */ const chosen = new Map();
  for (const track of tracks) {
    const isWanted = track.track === wanted.get(track.kind);
    if ((isWanted || !chosen.has(track.kind)) && canPlay(track.mime)) chosen.set(track.kind, track);
  }
  return chosen;
}

/**
 * A track as this browser can play it: as it is, else in another coding that the stream offers.
 * @param {FeedTrack} track @param {(mime: string) => boolean} canPlay @returns {FeedTrack}
 */
export function playable(track, canPlay) {
  if (canPlay(track.mime)) return track;
  const other = track.renditions?.find(({ mime }) => canPlay(mime));
  return other ? { ...track, codec: other.codec, mime: other.mime, rendition: other.name } : track;
}
