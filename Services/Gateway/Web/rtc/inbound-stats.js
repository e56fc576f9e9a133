/** Milliseconds from 1900, where NTP begins, to 1970. */
export const NTP_TO_UNIX_MS = 2_208_988_800_000;

/**
 * What a receiving connection tells of itself.
 * @typedef {object} Inbound
 * @property {number} bytesReceived
 * @property {number} packetsReceived
 * @property {number} packetsLost
 * @property {number} framesDecoded
 * @property {number} framesDropped
 * @property {number} freezes
 * @property {number} freezeSeconds
 * @property {number} bufferDelay seconds that pictures waited in the jitter buffer, over all of them
 * @property {number} bufferCount pictures that left the jitter buffer
 * @property {number | null} playoutAt what is being shown now, by the sender's clock, in ms since 1970
 * @property {number | null} roundTrip seconds
 * @property {string} route such as "udp" or "tcp"
 * @property {string[]} codecs MIME types
 * @property {number} nacks
 * @property {number} keyframesAsked
 */

/**
 * Reads what `getStats()` reports.
 * @param {Iterable<any>} reports @returns {Inbound}
 */
export function inboundOf(reports) {
  const all = [...reports];
  const byId = new Map(all.map((report) => [report.id, report]));
  const tracks = all.filter((report) => report.type === "inbound-rtp");
  const video = tracks.find((track) => track.kind === "video");
  const sum = (/** @type {string} */ name) => tracks.reduce((total, track) => total + (track[name] ?? 0), 0);
  const lead = video ?? tracks[0] ?? {};
  const pair = selectedPair(all, byId);
  const local = byId.get(pair?.localCandidateId);
  return {
    bytesReceived: sum("bytesReceived"), packetsReceived: sum("packetsReceived"), packetsLost: Math.max(0, sum("packetsLost")),
    framesDecoded: video?.framesDecoded ?? 0, framesDropped: video?.framesDropped ?? 0,
    freezes: video?.freezeCount ?? 0, freezeSeconds: video?.totalFreezesDuration ?? 0,
    bufferDelay: lead.jitterBufferDelay ?? 0, bufferCount: lead.jitterBufferEmittedCount ?? 0,
    playoutAt: lead.estimatedPlayoutTimestamp > NTP_TO_UNIX_MS ? lead.estimatedPlayoutTimestamp - NTP_TO_UNIX_MS : null,
    roundTrip: pair?.currentRoundTripTime ?? null, route: local?.protocol ?? "",
    codecs: tracks.map((track) => byId.get(track.codecId)?.mimeType).filter(Boolean),
    nacks: sum("nackCount"), keyframesAsked: sum("pliCount"),
  };
}

/** @param {any[]} all @param {Map<string, any>} byId */
function selectedPair(all, byId) {
  const transport = all.find((report) => report.type === "transport" && report.selectedCandidatePairId);
  return byId.get(transport?.selectedCandidatePairId) ??
    all.find((report) => report.type === "candidate-pair" && report.nominated && report.state === "succeeded");
}
