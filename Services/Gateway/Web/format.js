/** Times, sizes and rates in words, for people. */

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["week", 604_800], ["day", 86_400], ["hour", 3600], ["minute", 60]];

/**
 * How long ago, such as "2 hours ago".
 * @param {string | number | Date} time @param {number} [now] milliseconds since 1970
 */
export function ago(time, now = Date.now()) {
  const seconds = (new Date(time).getTime() - now) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.trunc(seconds / size), unit);
  }
  return "just now";
}

/**
 * The exact moment, for hints.
 * @param {string | number | Date} time
 */
export function exactly(time) {
  return new Date(time).toLocaleString(undefined, { dateStyle: "full", timeStyle: "medium" });
}

/**
 * The day and the hour, such as "20 Nov, 23:24".
 * @param {string | number | Date} time
 */
export function dayAndHour(time) {
  return new Date(time).toLocaleString(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

/**
 * A length in words, such as "1 h 12 min".
 * @param {number | null | undefined} seconds
 */
export function lengthOf(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.round(seconds)} s`;
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * @param {number} bitsPerSecond
 */
export function bitrate(bitsPerSecond) {
  if (bitsPerSecond >= 1e6) return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
}

/**
 * @param {number | null | undefined} bytes
 */
export function size(bytes) {
  if (!bytes) return "";
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.round(bytes / 1e3)} kB`;
}

/**
 * A delay as on the live badge, such as "0.8 s", "12 s" or "3 min".
 * @param {number | null} seconds
 */
export function delay(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return "";
  if (seconds < 10) return `${Math.max(0.1, seconds).toFixed(1)} s`;
  return seconds < 100 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** @type {[RegExp, string][]} */
const CODECS = [[/avc[13]/, "H.264"], [/hvc1|hev1/, "HEVC"], [/av01/, "AV1"], [/vp0?9/, "VP9"], [/mp4a/, "AAC"], [/opus/i, "Opus"]];

/**
 * A codec as people call it.
 * @param {string} codec as in RFC 6381, or a MIME type that names it
 */
export function codecName(codec) {
  return CODECS.find(([pattern]) => pattern.test(codec))?.[1] ?? codec;
}
