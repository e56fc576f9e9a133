/**
 * What ingest tells of a running publisher, as far as pages use it.
 * @typedef {{protocol: string, encoder: string, bFrames: boolean, warnings: string[]}} PublisherReport
 */

const B_FRAMES = "The encoder sends B-frames. WebRTC cannot show them: viewers get a copy without them, which is made on the server and " +
  "looks a little worse. In OBS: Settings, Output, Streaming: set “Max B-frames” to 0, or with x264 add bframes=0 to the options.";

/**
 * What the publisher could do better, in sentences.
 * @param {PublisherReport} report @returns {string[]}
 */
export function adviceFor({ bFrames, warnings }) {
  const sentences = (warnings ?? []).map((text) => `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`);
  return bFrames ? [B_FRAMES, ...sentences] : sentences;
}
