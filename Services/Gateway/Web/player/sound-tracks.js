/**
 * One sound track of a stream that has several.
 * @typedef {object} SoundTrack
 * @property {number} track the number that the stream gives it
 * @property {string} label as the publisher calls it
 * @property {string} language as in BCP 47; empty or "und" where nobody said
 */

/**
 * The sound tracks among a playlist's renditions.
 * @param {import("./playlist.js").Rendition[]} renditions @returns {SoundTrack[]}
 */
export function soundsIn(renditions) {
  return renditions.filter(({ kind, track }) => kind === "audio" && track !== null)
    .map(({ track, label, language }) => ({ track: track ?? 0, label, language }));
}

const LANGUAGES = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });

/**
 * What to call each track: by its label, else its language, else its place; never two alike.
 * @param {SoundTrack[]} tracks @returns {string[]}
 */
export function namesOf(tracks) {
  const names = tracks.map(({ label, language }, index) =>
    label || languageName(language) || (index === 0 ? "Sound" : `Sound ${index + 1}`));
  return names.map((name, index) => (names.indexOf(name) === index ? name : `${name} ${index + 1}`));
}

/** @param {string} language */
function languageName(language) {
  if (language === "" || language === "und") return "";
  try {
    return LANGUAGES.of(language) ?? "";
  } catch {
    return "";
  }
}
