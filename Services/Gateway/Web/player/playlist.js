/**
 * @typedef {object} Segment
 * @property {number} msn media sequence number
 * @property {string} uri absolute URL
 * @property {number} start seconds since the session began, as far as the playlist tells
 * @property {number} duration
 * @property {string | null} map absolute URL of the init segment
 * @property {number} discontinuity discontinuity sequence number
 * @property {number | null} programTime milliseconds since 1970
 * @property {boolean} gap nothing is there to load
 */

/**
 * @typedef {object} MediaPlaylist
 * @property {Segment[]} segments
 * @property {number} targetDuration
 * @property {number} partTarget
 * @property {boolean} ended no more segments will come
 * @property {number} nextMsn the media sequence number after the last complete segment
 */

/**
 * @typedef {object} Rendition
 * @property {"video" | "audio"} kind
 * @property {string} uri absolute URL of its media playlist
 * @property {string} codec as in RFC 6381
 * @property {string} label
 * @property {string} language
 * @property {boolean} isDefault
 * @property {number} width in pixels, 0 where nobody says; likewise:
 * @property {number} height
 * @property {number | null} track the number that the stream gives it, by its URL; null for the same sound in another coding
 */

/** A text that is not a playlist, or a delta update without its base. */
export class PlaylistError extends Error {}

/** More segments than a session of a week has. */
const MAX_SEGMENTS = 1_000_000;

/**
 * Reads a master playlist: every picture, the first one being the default, and every sound.
 * @param {string} text @param {string} url where it came from
 * @returns {Rendition[]}
 */
export function parseMaster(text, url) {
  const lines = linesOf(text);
  /** @type {Rendition[]} */ const renditions = [];
  /** @type {Map<string, string>[]} */ const media = [];
  /** @type {Map<string, string>} */ const groupCodecs = new Map();
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("#EXT-X-MEDIA:")) media.push(attributesOf(line));
    if (!line.startsWith("#EXT-X-STREAM-INF:")) continue;
    const attributes = attributesOf(line);
    const codecs = (attributes.get("CODECS") ?? "").split(",").map((codec) => codec.trim());
    const picture = codecs.find(isVideoCodec);
    const sound = codecs.find((codec) => !isVideoCodec(codec)) ?? "";
    const group = attributes.get("AUDIO");
    if (group && !groupCodecs.has(group)) groupCodecs.set(group, sound);
    const uri = lines.slice(index + 1).find((next) => !next.startsWith("#"));
    if (!uri || renditions.some((known) => known.uri === absolute(uri, url))) continue;
    const [width = 0, height = 0] = (attributes.get("RESOLUTION") ?? "").split("x").map(Number);
    renditions.push({ ...rendition(picture ? "video" : "audio", absolute(uri, url), picture ?? sound, renditions.length === 0), width, height });
  }
  for (const attributes of media) {
    const uri = absolute(attributes.get("URI") ?? "", url);
    if (attributes.get("TYPE") !== "AUDIO" || !attributes.get("URI") || renditions.some((known) => known.uri === uri)) continue;
    const codec = groupCodecs.get(attributes.get("GROUP-ID") ?? "") ?? "";
    renditions.push({ ...rendition("audio", uri, codec, attributes.get("DEFAULT") === "YES"),
      label: attributes.get("NAME") ?? "", language: attributes.get("LANGUAGE") ?? "" });
  }
  return renditions;
}

/** @param {"video" | "audio"} kind @param {string} uri @param {string} codec @param {boolean} isDefault @returns {Rendition} */
function rendition(kind, uri, codec, isDefault) {
  const track = /\/(\d+)\/[^/]*$/.exec(uri)?.[1];
  return { kind, uri, codec, label: "", language: "", isDefault, width: 0, height: 0, track: track === undefined ? null : Number(track) };
}

/**
 * Reads a media playlist. A delta update (EXT-X-SKIP) is completed from `previous`.
 * @param {string} text @param {string} url @param {MediaPlaylist | null} [previous]
 * @returns {MediaPlaylist}
 */
export function parseMedia(text, url, previous = null) {
  const state = new MediaState(url, previous);
  for (const line of linesOf(text)) state.take(line);
  return state.playlist();
}

/** What the lines so far have said about the segment to come. */
class MediaState {
  /** @type {Segment[]} */ segments = [];
  targetDuration = 4;
  partTarget = 0.3;
  ended = false;
  firstMsn = 0;
  discontinuity = 0;
  /** @type {string | null} */ map = null;
  /** @type {number | null} */ programTime = null;
  duration = 0;
  gap = false;
  runStarts = true;

  /** @param {string} url @param {MediaPlaylist | null} previous */
  constructor(url, previous) {
    this.url = url;
    this.previous = previous;
  }

  /** @param {string} line */
  take(line) {
    if (!line.startsWith("#")) return this.#segment(line);
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1);
    switch (name) {
      case "#EXT-X-TARGETDURATION": this.targetDuration = numberOf(value); break;
      case "#EXT-X-PART-INF": this.partTarget = numberOf(attributesOf(line).get("PART-TARGET") ?? ""); break;
      case "#EXT-X-MEDIA-SEQUENCE": this.firstMsn = numberOf(value); break;
      case "#EXT-X-DISCONTINUITY-SEQUENCE": this.discontinuity = numberOf(value); break;
      case "#EXT-X-SKIP": this.#skip(numberOf(attributesOf(line).get("SKIPPED-SEGMENTS") ?? "")); break;
      case "#EXT-X-MAP": this.map = absolute(attributesOf(line).get("URI") ?? "", this.url); break;
      case "#EXT-X-PROGRAM-DATE-TIME": this.programTime = timeOf(value); break;
      case "#EXT-X-DISCONTINUITY": this.discontinuity += 1; this.runStarts = true; break;
      case "#EXT-X-GAP": this.gap = true; break;
      case "#EXTINF": this.duration = numberOf(value.split(",")[0]); break;
      case "#EXT-X-ENDLIST": this.ended = true; break;
    }
  }

  /** @returns {MediaPlaylist} */
  playlist() {
    return {
      segments: this.segments, targetDuration: this.targetDuration, partTarget: this.partTarget,
      ended: this.ended, nextMsn: this.firstMsn + this.segments.length,
    };
  }

  /** @param {string} uri */
  #segment(uri) {
    if (this.segments.length >= MAX_SEGMENTS) throw new PlaylistError("too many segments");
    const start = this.#start();
    this.segments.push({
      msn: this.firstMsn + this.segments.length, uri: absolute(uri, this.url), start,
      duration: this.duration, map: this.map, discontinuity: this.discontinuity,
      programTime: this.programTime, gap: this.gap,
    });
    if (this.programTime !== null) this.programTime += this.duration * 1000;
    this.gap = false;
    this.runStarts = false;
  }

  /** Durations add up inside a run; over a discontinuity only the wall clock knows how long nothing came. */
  #start() {
    const last = this.segments.at(-1);
    if (!last) return 0;
    const summed = last.start + last.duration;
    const first = this.segments[0];
    if (!this.runStarts || this.programTime === null || first.programTime === null) return summed;
    return Math.max(summed, first.start + (this.programTime - first.programTime) / 1000);
  }

  /** @param {number} count segments that the delta update leaves out */
  #skip(count) {
    const base = this.previous?.segments.filter((segment) => segment.msn >= this.firstMsn) ?? [];
    if (base.length < count || (count > 0 && base[0].msn !== this.firstMsn)) {
      throw new PlaylistError("a delta update without its base");
    }
    this.segments = base.slice(0, count);
    const last = this.segments.at(-1);
    if (!last) return;
    this.map = last.map;
    this.discontinuity = last.discontinuity;
    if (last.programTime !== null) this.programTime = last.programTime + last.duration * 1000;
    this.runStarts = false;
  }
}

/**
 * The index of the segment that holds `time`, else of the first after it; -1 when all lie before it.
 * @param {MediaPlaylist} playlist @param {number} time
 */
export function segmentIndexAt(playlist, time) {
  let low = 0;
  let high = playlist.segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const segment = playlist.segments[middle];
    if (segment.start + segment.duration <= time) low = middle + 1;
    else high = middle;
  }
  return low < playlist.segments.length ? low : -1;
}

/**
 * Where the playlist's last complete segment ends, in seconds.
 * @param {MediaPlaylist} playlist
 */
export function endOf(playlist) {
  const last = playlist.segments.at(-1);
  return last ? last.start + last.duration : 0;
}

/** @param {string} codec as in RFC 6381 */
export function isVideoCodec(codec) {
  return /^(avc[1-4]|hvc1|hev1|dvh1|dvhe|av01|vp0?[89])/.test(codec);
}

/** @param {string} text */
function linesOf(text) {
  const lines = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line.length > 0);
  if (!lines[0]?.startsWith("#EXTM3U")) throw new PlaylistError("not a playlist");
  return lines;
}

/**
 * The attribute list after a tag's colon; quotes may hold commas.
 * @param {string} line @returns {Map<string, string>}
 */
function attributesOf(line) {
  const attributes = new Map();
  for (const [, name, quoted, plain] of line.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^,]*))/g)) {
    attributes.set(name, quoted ?? plain);
  }
  return attributes;
}

/** @param {string} text */
function numberOf(text) {
  const number = Number(text);
  if (text === "" || !Number.isFinite(number) || number < 0) throw new PlaylistError(`not a number: ${text}`);
  return number;
}

/** @param {string} text */
function timeOf(text) {
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : time;
}

/** @param {string} uri @param {string} base */
function absolute(uri, base) {
  return new URL(uri, base).href;
}
