import { Problem } from "../api.js";
import { negotiateCaptureTime } from "../rtc/capture-time.js";
import { NTP_TO_UNIX_MS, inboundOf } from "../rtc/inbound-stats.js";
import { videoCodecsIn, withStereo } from "../rtc/sdp.js";
import { SessionResource } from "../rtc/session-resource.js";
import { pause } from "./pause.js";

/** Without a picture for so long, in ms, something else must play. */
const FIRST_PICTURE_MS = 2_000;
/** Media that stops for so long, in ms, does not come back by itself. */
const SILENCE_MS = 1_300;
/** ICE mends a short break by itself. */
const DISCONNECTED_MS = 700;
const LOOK_MS = 200;
/** For the first picture it is looked as often as browsers count anew, in ms: it is shown once it has been seen. */
const FIRST_LOOK_MS = 50;
/** A session is announced some moments before it can be joined: the server is asked again for so long, in ms. */
const EARLY_MS = 1_200;
const EARLY_PAUSE_SECONDS = 0.15;
const MOST_DELAY_MS = 60_000;

/**
 * Why there is no picture by this way. `isFinal`: trying again does not help while the stream stays what it is.
 * `isPassing`: the server only moves its viewers elsewhere.
 * @typedef {{code: string, words: string, isFinal?: boolean, isPassing?: boolean}} Reason
 */

/**
 * What a connection needs of its surroundings.
 * @typedef {object} WhepParts
 * @property {string} url
 * @property {string} viewers the address of the stream's viewers, with a slash at its end
 * @property {import("../rtc/session-resource.js").Send} send
 * @property {() => RTCPeerConnection} [makePeer]
 */

/** Watches one stream by WebRTC (WHEP): asks, connects, sees the first picture, notices when the media stops. */
export class WhepConnection {
  stream = new MediaStream();
  /** @type {import("../rtc/inbound-stats.js").Inbound | null} */ inbound = null;
  /** Seconds in the jitter buffer lately. */
  /** @type {number | null} */ buffered = null;
  isReady = false;
  /** Whether the publisher is known to send nothing just now. */
  isSilenceExpected = false;
  #life = new AbortController();
  #heardAt = 0;
  #heardBytes = 0;
  /** @type {number | null} */ #brokenAt = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;
  #startedAt = performance.now();
  #isAnswered = false;
  #wasOpened = false;
  #isCounting = false;

  /**
   * @param {WhepParts} parts
   * @param {{onSession?: () => void, onReady: () => void, onLost: (reason: Reason) => void}} hooks `onSession`: the server
   *   has answered; then `onReady` or `onLost`, and after `onReady` at most `onLost`
   */
  constructor({ url, viewers, send, makePeer = () => new RTCPeerConnection({ bundlePolicy: "max-bundle" }) }, hooks) {
    this.hooks = hooks;
    this.viewers = viewers;
    this.send = send;
    this.peer = makePeer();
    this.resource = new SessionResource(url, send);
    this.peer.addEventListener("track", (event) => this.#track(event));
    this.peer.addEventListener("connectionstatechange", () => this.#stateIs(this.peer.connectionState));
  }

  /** Connects; what comes of it is told by the hooks. */
  async open() {
    const { signal } = this.#life;
    this.#lookEvery(FIRST_LOOK_MS);
    try {
      const offer = await this.#offer();
      if (signal.aborted) return;
      // The server answers the candidates that it hears from: it needs none of ours in advance.
      const answer = await this.#answerTo(offer, signal);
      this.#isAnswered = true;
      if (signal.aborted) return void this.resource.close();
      this.hooks.onSession?.();
      if (this.resource.iceServers.length > 0) this.peer.setConfiguration({ bundlePolicy: "max-bundle", iceServers: this.resource.iceServers });
      await this.peer.setRemoteDescription({ type: "answer", sdp: answer });
    } catch (error) {
      this.#lose(reasonOf(error, this.peer.localDescription?.sdp ?? ""));
    }
  }

  /** @param {string} offer @param {AbortSignal} signal @returns {Promise<string>} */
  async #answerTo(offer, signal) {
    try {
      return await this.resource.open(offer, signal);
    } catch (error) {
      const isEarly = error instanceof Problem && error.status === 409 && performance.now() - this.#startedAt < EARLY_MS;
      if (!isEarly) throw error;
      await pause(EARLY_PAUSE_SECONDS, signal);
      return this.#answerTo(offer, signal);
    }
  }

  async #offer() {
    for (const kind of ["video", "audio"]) negotiateCaptureTime(this.peer.addTransceiver(kind, { direction: "recvonly" }));
    const { sdp } = await this.peer.createOffer();
    const offer = withStereo(sdp ?? "");
    await this.peer.setLocalDescription({ type: "offer", sdp: offer });
    return offer;
  }

  /** Is aborted when the connection ends. */
  get signal() {
    return this.#life.signal;
  }

  /**
   * Says which layer of a simulcast this viewer wants; returns what the server tells of it.
   * @param {import("./layer-wish.js").Wish} wish
   */
  async wish(wish) {
    const answer = await this.send(this.viewers + this.resource.name, {
      method: "PATCH", signal: this.signal, headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish) });
    return answer.json();
  }

  close() {
    if (this.#life.signal.aborted) return;
    this.#life.abort();
    clearInterval(this.#timer);
    void this.resource.close().then(() => this.peer.close());
  }

  /**
   * How late the picture is against `now`, the server's clock in ms since 1970, in seconds; null while unknown.
   * @param {number} now
   */
  delay(now) {
    const shown = this.#capturedAt(now) ?? this.inbound?.playoutAt ?? null;
    if (shown !== null && now - shown > 0 && now - shown < MOST_DELAY_MS) return (now - shown) / 1000;
    if (this.buffered === null) return null;
    return this.buffered + (this.inbound?.roundTrip ?? 0) / 2;
  }

  /**
   * The moment that the picture was taken, where the server sends it along (abs-capture-time).
   * @param {number} now
   */
  #capturedAt(now) {
    const receiver = this.peer.getReceivers().find((one) => one.track.kind === "video") ?? this.peer.getReceivers()[0];
    const source = /** @type {any} */ (receiver?.getSynchronizationSources()[0]);
    const { captureTimestamp: captured } = source ?? {};
    if (typeof captured !== "number") return null;
    const time = captured > NTP_TO_UNIX_MS ? captured - NTP_TO_UNIX_MS : captured;
    return Math.abs(now - time) < MOST_DELAY_MS ? time : null;
  }

  /** @param {RTCTrackEvent} event */
  #track({ track, receiver }) {
    this.stream.addTrack(track);
    if ("jitterBufferTarget" in receiver) /** @type {any} */ (receiver).jitterBufferTarget = 0;
    else if ("playoutDelayHint" in receiver) /** @type {any} */ (receiver).playoutDelayHint = 0;
    receiver.transport?.addEventListener("statechange", () => {
      if (receiver.transport?.state === "closed") this.#lose({ code: "bye", words: "the server has ended the connection", isPassing: true });
    });
  }

  /** @param {RTCPeerConnectionState} state */
  #stateIs(state) {
    this.#brokenAt = state === "disconnected" ? performance.now() : null;
    if (state === "connected") this.#wasOpened = true;
    if (state === "failed") this.#lose(this.#wasOpened ? LOST : UNREACHABLE);
    if (state === "closed") this.#lose({ code: "bye", words: "the server has ended the connection", isPassing: true });
  }

  /** @param {number} milliseconds */
  #lookEvery(milliseconds) {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.#look(), milliseconds);
  }

  async #look() {
    const now = performance.now();
    if (this.#brokenAt !== null && now - this.#brokenAt > DISCONNECTED_MS) return this.#lose(LOST);
    if (!this.isReady && now - this.#startedAt > FIRST_PICTURE_MS) return this.#lose(this.#whyNoPicture);
    if (this.peer.connectionState !== "connected" || this.#isCounting) return;
    const before = this.inbound;
    this.#isCounting = true;
    const report = await this.peer.getStats().finally(() => { this.#isCounting = false; });
    const inbound = inboundOf(report.values());
    if (this.#life.signal.aborted) return;
    this.inbound = inbound;
    this.#measureBuffer(before, inbound);
    this.#listen(now, inbound);
  }

  /** @param {import("../rtc/inbound-stats.js").Inbound | null} before @param {import("../rtc/inbound-stats.js").Inbound} now */
  #measureBuffer(before, now) {
    const count = now.bufferCount - (before?.bufferCount ?? 0);
    if (count > 0) this.buffered = (now.bufferDelay - (before?.bufferDelay ?? 0)) / count;
  }

  /** @param {number} now @param {import("../rtc/inbound-stats.js").Inbound} inbound */
  #listen(now, inbound) {
    if (inbound.bytesReceived > this.#heardBytes || this.isSilenceExpected) this.#heardAt = now;
    this.#heardBytes = inbound.bytesReceived;
    const hasPicture = inbound.framesDecoded > 0 || (this.#isSoundOnly && inbound.packetsReceived > 0);
    if (!this.isReady && hasPicture) {
      this.isReady = true;
      this.#heardAt = now;
      this.#lookEvery(LOOK_MS);
      this.hooks.onReady();
    } else if (this.isReady && now - this.#heardAt > SILENCE_MS) this.#lose({ code: "silent", words: "the direct connection fell silent" });
  }

  get #isSoundOnly() {
    return this.stream.getVideoTracks().length === 0 && this.stream.getAudioTracks().length > 0;
  }

  /** @returns {Reason} */
  get #whyNoPicture() {
    if (!this.#isAnswered) return { code: "no-answer", words: "the server did not answer in time" };
    return this.#wasOpened ? { code: "no-picture", words: "no picture came in time" } : UNREACHABLE;
  }

  /** @param {Reason} reason */
  #lose(reason) {
    if (this.#life.signal.aborted) return;
    this.close();
    this.hooks.onLost(reason);
  }
}

/** @type {Reason} */
const UNREACHABLE = { code: "unreachable", words: "the network does not let a direct connection through" };
/** @type {Reason} */
const LOST = { code: "lost", words: "the direct connection broke" };

/** @type {Record<number, string>} */
const REFUSALS = {
  404: "the server has no direct connection for this stream yet", 409: "the server is not ready for this stream yet", 501: "this server has no direct connections",
  503: "the server has no room for another direct connection", 429: "the server has too many viewers to begin with",
};

/**
 * @param {unknown} error @param {string} offer
 * @returns {Reason}
 */
export function reasonOf(error, offer) {
  if (!(error instanceof Problem)) return { code: "negotiation", words: error instanceof Error ? error.message : String(error) };
  // A rendition without B-frames is made while somebody asks for it: that comes.
  if (error.code === "b_frames") return { code: error.code, words: "the encoder sends B-frames" };
  if (error.status === 406) {
    const words = videoCodecsIn(offer).includes("H264") ? error.message : "this browser has no H.264 for direct connections";
    return { code: error.code, words: sentencePart(words), isFinal: true };
  }
  return { code: error.code, words: REFUSALS[error.status] ?? sentencePart(error.message), isFinal: error.status === 501 };
}

/** @param {string} sentence */
function sentencePart(sentence) {
  return sentence.replace(/\.\s*$/, "").replace(/^(The|This|A|An|No)\b/, (word) => word.toLowerCase());
}
