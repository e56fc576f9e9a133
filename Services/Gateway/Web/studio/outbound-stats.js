/**
 * What a sending connection tells of itself.
 * @typedef {object} Outbound
 * @property {number} bytesSent
 * @property {number} packetsSent
 * @property {number} packetsLost as the server reports
 * @property {number | null} roundTrip seconds
 * @property {number} width of the largest layer
 * @property {number} height
 * @property {number} frameRate
 * @property {number} layers that are being sent
 * @property {string} limitedBy "", "bandwidth" or "cpu"
 * @property {string} codec MIME type of the picture
 * @property {string} route such as "udp" or "tcp"
 */

/**
 * Reads what `getStats()` reports.
 * @param {Iterable<any>} reports @returns {Outbound}
 */
export function outboundOf(reports) {
  const all = [...reports];
  const byId = new Map(all.map((report) => [report.id, report]));
  const sent = all.filter((report) => report.type === "outbound-rtp");
  const heard = all.filter((report) => report.type === "remote-inbound-rtp");
  const layers = sent.filter((report) => report.kind === "video" && report.active !== false && (report.framesPerSecond ?? 0) > 0);
  const largest = layers.reduce((one, other) => ((other.frameWidth ?? 0) > (one?.frameWidth ?? 0) ? other : one), layers[0]);
  const transport = all.find((report) => report.type === "transport" && report.selectedCandidatePairId);
  const pair = byId.get(transport?.selectedCandidatePairId) ??
    all.find((report) => report.type === "candidate-pair" && report.nominated && report.state === "succeeded");
  const sum = (/** @type {any[]} */ of, /** @type {string} */ name) => of.reduce((total, report) => total + (report[name] ?? 0), 0);
  const limit = largest?.qualityLimitationReason ?? "none";
  return {
    bytesSent: sum(sent, "bytesSent"), packetsSent: sum(sent, "packetsSent"), packetsLost: Math.max(0, sum(heard, "packetsLost")),
    roundTrip: pair?.currentRoundTripTime ?? heard.find((report) => report.roundTripTime !== undefined)?.roundTripTime ?? null,
    width: largest?.frameWidth ?? 0, height: largest?.frameHeight ?? 0, frameRate: largest?.framesPerSecond ?? 0,
    layers: layers.length, limitedBy: limit === "bandwidth" || limit === "cpu" ? limit : "",
    codec: byId.get(largest?.codecId)?.mimeType ?? "", route: byId.get(pair?.localCandidateId)?.protocol ?? "",
  };
}
