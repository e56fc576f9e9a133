import { bitrate, lengthOf } from "../format.js";

/** More viewers than this are not listed one by one: those in trouble come first. */
const MOST_ROWS = 50;
/** Who was refused or lost is told of for so long, in ms. */
const LATELY_MS = 5 * 60_000;
const MOST_ENDED = 5;
/** What is no trouble. */
const CALM = new Set(["playing", "connecting", "ended"]);

/**
 * A viewer as the API tells of it, as far as it is shown.
 * @typedef {object} Viewer
 * @property {string} id
 * @property {string} state
 * @property {string} since
 * @property {{code: string, text: string}} why
 * @property {number} [roundTrip] seconds
 * @property {number} [loss] from 0 to 1
 * @property {number} [bitrate] bits a second
 * @property {string} [layer]
 * @property {{rid: string, height: number}[]} [layers]
 */

/**
 * @typedef {object} ViewerRow
 * @property {string} id
 * @property {string} since
 * @property {string} roundTrip
 * @property {string} loss
 * @property {string} layer
 * @property {string} bitrate
 * @property {string} words
 * @property {boolean} isTrouble
 * @property {boolean} isGone
 */

/**
 * How the viewers of a stream fare, as a table shows it.
 * @param {{count: number, items: Viewer[], ended: Viewer[]}} answer @param {number} now in ms since 1970
 * @returns {{summary: string, rows: ViewerRow[], more: number}}
 */
export function viewerTable({ count, items, ended }, now) {
  const open = items.map((viewer) => rowOf(viewer, now, false)).sort((one, other) => Number(other.isTrouble) - Number(one.isTrouble));
  const gone = ended
    .filter((viewer) => !CALM.has(viewer.why.code) && now - Date.parse(viewer.since) < LATELY_MS)
    .slice(0, MOST_ENDED).map((viewer) => rowOf(viewer, now, true));
  const rows = open.slice(0, MOST_ROWS);
  return { summary: summaryOf(count, open), rows: [...rows, ...gone], more: Math.max(0, count - rows.length) };
}

/** @param {number} count @param {ViewerRow[]} rows */
function summaryOf(count, rows) {
  if (count === 0) return "Nobody watches by WebRTC just now.";
  const troubled = rows.filter((row) => row.isTrouble).length;
  const watching = `${count} ${count === 1 ? "watches" : "watch"} by WebRTC`;
  return troubled === 0 ? `${watching}.` : `${watching}, ${troubled} with trouble.`;
}

/** @param {Viewer} viewer @param {number} now @param {boolean} isGone @returns {ViewerRow} */
function rowOf(viewer, now, isGone) {
  const { id, since, why, roundTrip, loss, layer, layers } = viewer;
  const height = layers?.find((one) => one.rid === layer)?.height;
  const length = lengthOf(Math.max(0, (now - Date.parse(since)) / 1000));
  return {
    id, words: why.text, isGone, isTrouble: !CALM.has(why.code), since: isGone ? `${length} ago` : length,
    roundTrip: roundTrip === undefined ? "–" : `${Math.round(roundTrip * 1000)} ms`,
    loss: loss === undefined ? "–" : `${(loss * 100).toFixed(1)} %`,
    layer: height === undefined ? "–" : `${height}p`,
    bitrate: viewer.bitrate === undefined ? "–" : bitrate(viewer.bitrate),
  };
}
