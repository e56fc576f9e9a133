/**
 * One size of a stream's picture.
 * @typedef {object} PictureTrack
 * @property {number} track the number that the stream gives it
 * @property {number} width in pixels @property {number} height in pixels
 */

/**
 * The sizes of the picture among a playlist's renditions, the best first.
 * @param {import("./playlist.js").Rendition[]} renditions @returns {PictureTrack[]}
 */
export function picturesIn(renditions) {
  return bestFirst(renditions.filter(({ kind }) => kind === "video")
    .map(({ track, width, height }) => ({ track: track ?? 0, width, height })));
}

/**
 * Servers name tracks by their numbers: the largest picture comes first here.
 * @param {PictureTrack[]} pictures
 */
export function bestFirst(pictures) {
  return [...pictures].sort((one, other) => other.width * other.height - one.width * one.height);
}

/**
 * What to call each size: by its shorter side, as people do; by both where two have the same.
 * @param {PictureTrack[]} pictures @returns {string[]}
 */
export function sizeNamesOf(pictures) {
  const short = pictures.map(({ width, height }) => `${Math.min(width, height)}p`);
  return short.map((name, index) =>
    (short.indexOf(name) === short.lastIndexOf(name) ? name : `${pictures[index].width} × ${pictures[index].height}`));
}
