/** The least that a layer is worth sending, in bits a second. */
const LEAST_BITRATE = 120_000;
/** Codecs by how many players can show them afterwards. */
const CODEC_ORDER = ["video/H264", "video/VP9", "video/AV1", "video/VP8"];

/** @typedef {RTCRtpEncodingParameters & {maxFramerate?: number}} Encoding */

/**
 * What to send of a picture: one layer, or with simulcast three, each half as large as the next.
 * @param {{bitrate: number, frameRate: number}} quality @param {boolean} isSimulcast
 * @returns {Encoding[]} from the smallest to the largest
 */
export function encodingsFor({ bitrate, frameRate }, isSimulcast) {
  if (!isSimulcast) return [{ maxBitrate: bitrate, maxFramerate: frameRate }];
  return [["l", 4, 0.1], ["m", 2, 0.3], ["h", 1, 1]].map(([rid, scale, share]) => ({
    rid: String(rid), scaleResolutionDownBy: Number(scale), maxFramerate: frameRate,
    maxBitrate: Math.max(LEAST_BITRATE, Math.round(bitrate * Number(share))) }));
}

/**
 * The layers that the server takes, by its answer; none where it takes one picture.
 * @param {string} answer @returns {string[]}
 */
export function layersTakenIn(answer) {
  const list = /^a=simulcast:recv ([^\s]+)/m.exec(answer)?.[1] ?? "";
  return list.split(";").filter(Boolean);
}

/**
 * The browser's codecs, those first that most players can show.
 * @template {{mimeType: string, sdpFmtpLine?: string}} Codec
 * @param {Codec[]} codecs @returns {Codec[]}
 */
export function byPreference(codecs) {
  const rank = (/** @type {Codec} */ { mimeType, sdpFmtpLine = "" }) => {
    const place = CODEC_ORDER.indexOf(mimeType);
    // Whole pictures in packets of their own size need packetization mode 1.
    const isSecond = mimeType === "video/H264" && !sdpFmtpLine.includes("packetization-mode=1");
    return (place < 0 ? CODEC_ORDER.length : place) + (isSecond ? 0.5 : 0);
  };
  return [...codecs].sort((one, other) => rank(one) - rank(other));
}
