import assert from "node:assert/strict";
import test from "node:test";

import { negotiateCaptureTime } from "../../Services/Gateway/Web/rtc/capture-time.js";

const CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

/** @param {string} direction @param {{uri: string, direction: string}[]} known */
function transceiverOf(direction, known) {
  return {
    direction,
    known,
    getHeaderExtensionsToNegotiate() { return this.known; },
    /** @param {{uri: string, direction: string}[]} next */
    setHeaderExtensionsToNegotiate(next) { this.known = next; },
  };
}

test("the time of capture is offered in the direction of the media, and nothing else is changed", () => {
  for (const direction of ["sendonly", "recvonly"]) {
    const transceiver = transceiverOf(direction, [{ uri: "urn:other", direction: "sendrecv" }, { uri: CAPTURE_TIME, direction: "stopped" }]);
    negotiateCaptureTime(/** @type {any} */ (transceiver));
    assert.deepEqual(transceiver.known, [{ uri: "urn:other", direction: "sendrecv" }, { uri: CAPTURE_TIME, direction }]);
  }
});

test("a browser that does not know the extension, or cannot be asked, is left alone", () => {
  const transceiver = transceiverOf("sendonly", [{ uri: "urn:other", direction: "sendrecv" }]);
  transceiver.setHeaderExtensionsToNegotiate = () => assert.fail("asked for what is not known");
  negotiateCaptureTime(/** @type {any} */ (transceiver));
  negotiateCaptureTime(/** @type {any} */ ({ direction: "sendonly" }));
});
