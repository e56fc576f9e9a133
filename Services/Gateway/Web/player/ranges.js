/**
 * Arithmetic on buffered ranges, as plain pairs of seconds, sorted and apart.
 * @typedef {[start: number, end: number]} Range
 */

/** Two ranges closer than this are one: Firefox reports to the sample, Chromium merges. */
const JOIN_SECONDS = 0.035;

/** @param {TimeRanges} ranges @returns {Range[]} */
export function rangesOf(ranges) {
  /** @type {Range[]} */ const list = [];
  for (let index = 0; index < ranges.length; index += 1) {
    const start = ranges.start(index);
    const last = list.at(-1);
    if (last && start - last[1] <= JOIN_SECONDS) last[1] = ranges.end(index);
    else list.push([start, ranges.end(index)]);
  }
  return list;
}

/**
 * What both hold.
 * @param {Range[]} one @param {Range[]} other @returns {Range[]}
 */
export function intersection(one, other) {
  /** @type {Range[]} */ const shared = [];
  for (const [start, end] of one) {
    for (const [otherStart, otherEnd] of other) {
      const from = Math.max(start, otherStart);
      const to = Math.min(end, otherEnd);
      if (from < to) shared.push([from, to]);
    }
  }
  return shared;
}

/**
 * The range that holds `time`, or null.
 * @param {Range[]} ranges @param {number} time @returns {Range | null}
 */
export function rangeAt(ranges, time) {
  return ranges.find(([start, end]) => start - JOIN_SECONDS <= time && time < end) ?? null;
}

/**
 * The first range after `time`, or null.
 * @param {Range[]} ranges @param {number} time @returns {Range | null}
 */
export function rangeAfter(ranges, time) {
  return ranges.find(([start]) => start > time) ?? null;
}

/**
 * Where what is playable at `time` ends; `time` itself where nothing is.
 * @param {Range[]} ranges @param {number} time
 */
export function endAt(ranges, time) {
  return rangeAt(ranges, time)?.[1] ?? time;
}
