/** Media time of a session's first sample, in seconds: what people see begins at 0. */
export const MEDIA_TIME_ORIGIN = 10;

/**
 * Where the session's timeline stands against the wall clock: one anchor a discontinuity.
 * @typedef {object} Anchor
 * @property {number} time seconds since the session began
 * @property {number} wallClock milliseconds since 1970
 */

/**
 * The anchors of a `feed`'s tracks frame, on the viewer's timeline.
 * @param {{decodeTime: number, wallClock: number}[] | undefined} anchors decode time in s, wall clock in µs
 * @returns {Anchor[]}
 */
export function anchorsOf(anchors) {
  return (anchors ?? [])
    .map((anchor) => ({ time: anchor.decodeTime - MEDIA_TIME_ORIGIN, wallClock: anchor.wallClock / 1000 }))
    .sort((one, other) => one.time - other.time);
}

/**
 * The anchors that a playlist's program date times give.
 * @param {import("./playlist.js").MediaPlaylist} playlist
 * @returns {Anchor[]}
 */
export function anchorsIn(playlist) {
  /** @type {Anchor[]} */ const anchors = [];
  let discontinuity = -1;
  for (const segment of playlist.segments) {
    if (segment.programTime === null || segment.discontinuity === discontinuity) continue;
    discontinuity = segment.discontinuity;
    anchors.push({ time: segment.start, wallClock: segment.programTime });
  }
  return anchors;
}

/**
 * The wall clock at a time of the session, in milliseconds since 1970; null without an anchor.
 * @param {Anchor[]} anchors @param {number} time
 */
export function programTimeAt(anchors, time) {
  if (anchors.length === 0) return null;
  let anchor = anchors[0];
  for (const next of anchors) if (next.time <= time + 0.001) anchor = next;
  return anchor.wallClock + (time - anchor.time) * 1000;
}

/**
 * A clock reading such as 0:07, 12:34 or 1:02:03.
 * @param {number} seconds
 */
export function clockText(seconds) {
  if (!Number.isFinite(seconds)) return "–:––";
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/**
 * A clock reading in words, for those who hear it.
 * @param {number} seconds
 */
export function clockWords(seconds) {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  const parts = [[Math.floor(whole / 3600), "hour"], [Math.floor(whole / 60) % 60, "minute"], [whole % 60, "second"]];
  const said = parts.filter(([count]) => Number(count) > 0).map(([count, noun]) => `${count} ${noun}${count === 1 ? "" : "s"}`);
  return said.join(" ") || "0 seconds";
}

/**
 * What is held at the playhead or next after it, as shares of the timeline. An element may have times of its own, as
 * with native HLS: they are the session's but for a constant.
 * @param {import("./ranges.js").Range[]} buffered @param {number} currentTime by the element's times
 * @param {number} position the same moment by the session's @param {number} start @param {number} span of the timeline
 * @returns {[from: number, to: number]}
 */
export function heldShare(buffered, currentTime, position, start, span) {
  const held = buffered.find(([, end]) => end >= currentTime);
  if (!held) return [0, 0];
  const [from, to] = held.map((time) => Math.min(Math.max((time - currentTime + position - start) / span, 0), 1));
  return [from, Math.max(from, to)];
}

/** Distances of marks on a timeline, in seconds: what people count in. */
const TICK_STEPS = [300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];
const MOST_TICKS = 12;

/**
 * The distance between marks on a timeline of so many seconds; null where it is too short to need any.
 * @param {number} span
 */
export function tickStep(span) {
  if (!(span >= 2 * TICK_STEPS[0])) return null;
  return TICK_STEPS.find((step) => span / step <= MOST_TICKS) ?? TICK_STEPS[TICK_STEPS.length - 1];
}
