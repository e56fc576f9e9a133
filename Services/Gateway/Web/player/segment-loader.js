import { Problem } from "../api.js";
import { decodeTimeOf, timescaleOf } from "./fmp4.js";
import { canPlay } from "./media-sink.js";
import { PlaylistError, endOf, parseMaster, parseMedia, segmentIndexAt } from "./playlist.js";
import { picturesIn } from "./picture-tracks.js";
import { rangeAt } from "./ranges.js";
import { soundsIn } from "./sound-tracks.js";
import { MEDIA_TIME_ORIGIN } from "./timeline.js";
import { backOff, pause } from "./pause.js";

/** @typedef {import("./playlist.js").MediaPlaylist} MediaPlaylist */
/** @typedef {import("./playlist.js").Rendition} Rendition */
/** @typedef {import("./media-sink.js").Kind} Kind */

/** How far ahead of the playhead segments are loaded, in seconds. */
const LOAD_AHEAD = 20;
/** A delta update needs a base that is not older than the server's skip boundary, six target durations. */
const DELTA_FRESH_MS = 12_000;
const DELTA_SEGMENTS = 20;
const MOST_MISSING = 3;

/**
 * @typedef {object} Cursor
 * @property {Rendition} rendition
 * @property {MediaPlaylist | null} playlist
 * @property {number} index the next segment to append; at the list's end all are
 * @property {number} loadedAt when the playlist was asked for, by `performance.now()`
 * @property {number} missing segments in a row that the server did not have
 * @property {number} offset seconds to add to the playlist's times, learnt from the media
 */

/**
 * @typedef {object} LoaderHooks
 * @property {() => void} onProgress something was appended or learnt
 * @property {(msn: number) => void} onEdge all that is complete is appended; live goes on at this segment
 * @property {(duration: number) => void} onComplete the session's last segment is appended
 * @property {(problem: unknown) => void} onProblem
 */

/** Plays a session from its whole-session playlists: replay, and rewinding while live. */
export class SegmentLoader {
  /** @type {Map<Kind, Cursor>} */ #cursors = new Map();
  /** @type {AbortController | null} */ #abort = null;
  /** @type {Promise<void> | null} */ #opening = null;
  /** @type {Rendition[]} those that this browser can play */ #renditions = [];
  /** @type {Map<Kind, number>} the tracks to play, where the stream has them */ wanted = new Map();
  bytesReceived = 0;

  /**
   * @param {string} base URL of the session, with a slash at its end
   * @param {(url: string, signal: AbortSignal) => Promise<Response>} fetchMedia
   * @param {import("./media-sink.js").MediaSink} sink @param {LoaderHooks} hooks
   */
  constructor(base, fetchMedia, sink, hooks) {
    this.base = base;
    this.fetchMedia = fetchMedia;
    this.sink = sink;
    this.hooks = hooks;
  }

  get isRunning() {
    return this.#abort !== null;
  }

  /**
   * The playlist that leads: the video's, else the sound's.
   * @returns {MediaPlaylist | null}
   */
  get playlist() {
    return this.#lead?.playlist ?? null;
  }

  /** Seconds of the session in complete segments, as far as known. */
  get duration() {
    const lead = this.#lead;
    return lead?.playlist ? endOf(lead.playlist) + lead.offset : 0;
  }

  /** Where the stored session begins: not at 0 where retention has taken its beginning. */
  get begin() {
    const lead = this.#lead;
    const first = lead?.playlist?.segments[0];
    return lead && first ? Math.max(0, first.start + lead.offset) : 0;
  }

  get #lead() {
    return this.#cursors.get("video") ?? this.#cursors.get("audio");
  }

  /**
   * Whether everything up to `time` has been loaded or does not exist.
   * @param {number} time
   */
  hasPassed(time) {
    return this.isRunning && [...this.#cursors.values()].every((cursor) => {
      const next = cursor.playlist?.segments[cursor.index];
      return cursor.playlist !== null && (!next || next.start + cursor.offset > time + 0.05);
    });
  }

  /**
   * Reads the session's playlists; once, and again only if that failed.
   * @param {AbortSignal} signal
   */
  open(signal) {
    this.#opening ??= this.#open(signal).catch((error) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  /** @param {AbortSignal} signal */
  async #open(signal) {
    const url = `${this.base}index.m3u8?dvr=1`;
    const renditions = parseMaster(await this.#text(url, signal), new URL(url, location.href).href);
    for (const kind of /** @type {Kind[]} */ (["video", "audio"])) {
      const ofKind = renditions.filter((rendition) => rendition.kind === kind);
      const wanted = ofKind.find((one) => one.track === this.wanted.get(kind));
      const rendition = wanted ?? ofKind.find((one) => one.isDefault) ?? ofKind[0];
      if (rendition) this.#cursors.set(kind, cursorOf(rendition));
    }
    this.#renditions = renditions.filter((one) => canPlay(`${one.kind}/mp4; codecs="${one.codec}"`));
    await Promise.all([...this.#cursors.values()].map((cursor) => this.#reload(cursor, signal)));
  }

  /**
   * The sound tracks that this browser can play.
   * @returns {import("./sound-tracks.js").SoundTrack[]}
   */
  get sounds() {
    return soundsIn(this.#renditions);
  }

  /**
   * The sizes of the picture that this browser can play, the best first.
   * @returns {import("./picture-tracks.js").PictureTrack[]}
   */
  get pictures() {
    return picturesIn(this.#renditions);
  }

  /**
   * The number of the track of a kind that is loaded, or null.
   * @param {Kind} kind
   */
  chosen(kind) {
    return this.#cursors.get(kind)?.rendition.track ?? null;
  }

  /**
   * Another track from now on; whoever says so starts the loading again.
   * @param {Kind} kind @param {number} track
   */
  choose(kind, track) {
    this.wanted.set(kind, track);
    const rendition = this.#renditions.find((one) => one.kind === kind && one.track === track);
    if (rendition && this.#cursors.has(kind)) this.#cursors.set(kind, cursorOf(rendition));
  }

  /** The kinds and codecs that the session has, by its master. */
  get mimes() {
    return new Map([...this.#cursors].map(([kind, { rendition }]) => [kind, `${kind}/mp4; codecs="${rendition.codec}"`]));
  }

  /**
   * Leaves out a kind of track that cannot be played here.
   * @param {Kind} kind
   */
  leaveOut(kind) {
    this.#cursors.delete(kind);
  }

  /**
   * Loads from `time` on until stopped.
   * @param {number} time
   */
  start(time) {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    void this.#run(time, abort);
  }

  stop() {
    this.#abort?.abort();
    this.#abort = null;
  }

  /** @param {number} time @param {AbortController} abort */
  async #run(time, abort) {
    for (let failures = 0; !abort.signal.aborted; failures += 1) {
      try {
        await this.open(abort.signal);
        await this.#load(time, abort);
        return;
      } catch (error) {
        if (abort.signal.aborted) return;
        this.hooks.onProblem(error);
        await backOff(failures, abort.signal);
        time = Math.max(time, this.sink.video.currentTime);
      }
    }
  }

  /** @param {number} time @param {AbortController} abort */
  async #load(time, abort) {
    const cursors = [...this.#cursors];
    if (!this.playlist?.ended) await Promise.all(cursors.map(([, cursor]) => this.#reload(cursor, abort.signal)));
    this.hooks.onProgress();
    await Promise.all(cursors.map(([kind, cursor]) => this.#loadTrack(kind, cursor, time, abort.signal)));
    if (abort.signal.aborted || this.#abort !== abort) return;
    this.#abort = null;
    const playlists = cursors.map(([, { playlist }]) => /** @type {MediaPlaylist} */ (playlist));
    if (playlists.every((playlist) => playlist.ended)) this.hooks.onComplete(this.duration);
    else this.hooks.onEdge(Math.min(...playlists.map((playlist) => playlist.nextMsn)));
  }

  /**
   * Appends one track's segments from `time` to the playlist's end, never far ahead of the playhead.
   * @param {Kind} kind @param {Cursor} cursor @param {number} time @param {AbortSignal} signal
   */
  async #loadTrack(kind, cursor, time, signal) {
    const playlist = () => /** @type {MediaPlaylist} */ (cursor.playlist);
    const found = segmentIndexAt(playlist(), time - cursor.offset);
    cursor.index = found < 0 ? playlist().segments.length : found;
    for (;;) {
      await this.#untilWanted(kind, cursor, signal);
      if (signal.aborted) return;
      const segment = playlist().segments[cursor.index];
      if (!segment) {
        const before = playlist().segments.length;
        if (!playlist().ended) await this.#reload(cursor, signal);
        if (playlist().segments.length === before) return;
        continue;
      }
      if (!segment.gap && !this.#holds(kind, segment, cursor)) await this.#appendIfThere(kind, cursor, segment, signal);
      if (signal.aborted) return;
      cursor.index += 1;
      this.hooks.onProgress();
    }
  }

  /** @param {Kind} kind @param {import("./playlist.js").Segment} segment @param {Cursor} cursor */
  #holds(kind, segment, cursor) {
    const range = rangeAt(this.sink.tracks.get(kind)?.ranges ?? [], segment.start + cursor.offset + 0.05);
    return range !== null && range[1] >= segment.start + cursor.offset + segment.duration - 0.05 &&
      range[0] <= segment.start + cursor.offset + 0.05;
  }

  /**
   * A segment that is gone (retention works while one watches) is a hole like any other; several in a row are
   * a refusal.
   * @param {Kind} kind @param {Cursor} cursor
   * @param {import("./playlist.js").Segment} segment @param {AbortSignal} signal
   */
  async #appendIfThere(kind, cursor, segment, signal) {
    try {
      await this.#append(kind, cursor, segment, signal);
      cursor.missing = 0;
    } catch (error) {
      cursor.missing += 1;
      const isGone = error instanceof Problem && (error.status === 404 || error.status === 410);
      if (!isGone || cursor.missing >= MOST_MISSING) throw error;
    }
  }

  /**
   * @param {Kind} kind @param {Cursor} cursor
   * @param {import("./playlist.js").Segment} segment @param {AbortSignal} signal
   */
  async #append(kind, cursor, segment, signal) {
    const generation = generationOf(segment.map ?? "");
    const track = this.sink.tracks.get(kind);
    const [init, bytes] = await Promise.all([
      track?.init(generation) ?? this.#bytes(segment.map ?? "", signal), this.#bytes(segment.uri, signal)]);
    if (signal.aborted || !track) return;
    track.setInit(generation, init);
    const timescale = timescaleOf(init);
    const ticks = decodeTimeOf(bytes);
    if (timescale && ticks !== null) cursor.offset = ticks / timescale - MEDIA_TIME_ORIGIN - segment.start;
    track.append(generation, bytes);
    await track.idle();
  }

  /** @param {Kind} kind @param {Cursor} cursor @param {AbortSignal} signal */
  async #untilWanted(kind, cursor, signal) {
    const isFarAhead = () => {
      const segment = cursor.playlist?.segments[cursor.index];
      return segment !== undefined && segment.start + cursor.offset > this.sink.video.currentTime + LOAD_AHEAD;
    };
    while (!signal.aborted && (isFarAhead() || !this.sink.isHungry)) await pause(0.25, signal);
  }

  /**
   * A delta update where the list is long and fresh; the whole list where the delta does not fit.
   * @param {Cursor} cursor @param {AbortSignal} signal
   */
  async #reload(cursor, signal) {
    const { uri } = cursor.rendition;
    const isFresh = performance.now() - cursor.loadedAt < DELTA_FRESH_MS;
    cursor.loadedAt = performance.now();
    if (cursor.playlist && isFresh && cursor.playlist.segments.length > DELTA_SEGMENTS) {
      const delta = await this.#text(`${uri}${uri.includes("?") ? "&" : "?"}_HLS_skip=YES`, signal);
      try {
        cursor.playlist = parseMedia(delta, uri, cursor.playlist);
        return;
      } catch (error) {
        if (!(error instanceof PlaylistError)) throw error;
      }
    }
    cursor.playlist = parseMedia(await this.#text(uri, signal), uri);
  }

  /** @param {string} url @param {AbortSignal} signal */
  async #text(url, signal) {
    return (await this.fetchMedia(url, signal)).text();
  }

  /** @param {string} url @param {AbortSignal} signal */
  async #bytes(url, signal) {
    const bytes = new Uint8Array(await (await this.fetchMedia(url, signal)).arrayBuffer());
    this.bytesReceived += bytes.length;
    return bytes;
  }
}

/** @param {Rendition} rendition @returns {Cursor} */
function cursorOf(rendition) {
  return { rendition, playlist: null, index: 0, offset: 0, loadedAt: 0, missing: 0 };
}

/**
 * The track and the configuration generation that an init segment's URL names.
 * @param {string} url
 */
export function generationOf(url) {
  return /\d+\/init-\d+(?=\.mp4)/.exec(url)?.[0].replace("init-", "") ?? url;
}
