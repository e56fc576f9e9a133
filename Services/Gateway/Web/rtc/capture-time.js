/**
 * Offers to tell, or to be told, when pictures and sound were captured (abs-capture-time), which browsers leave out by
 * themselves; without effect where a browser cannot.
 * @param {RTCRtpTransceiver} transceiver
 */
export function negotiateCaptureTime(transceiver) {
  const extended = /** @type {any} */ (transceiver);
  const known = extended.getHeaderExtensionsToNegotiate?.() ?? [];
  if (!known.some((/** @type {any} */ one) => one.uri.endsWith("/abs-capture-time"))) return;
  extended.setHeaderExtensionsToNegotiate(known.map((/** @type {any} */ one) =>
    one.uri.endsWith("/abs-capture-time") ? { ...one, direction: transceiver.direction } : one));
}
