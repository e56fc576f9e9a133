import { Problem } from "../api.js";
import { backOff } from "../player/pause.js";
import { negotiateCaptureTime } from "../rtc/capture-time.js";
import { SessionResource } from "../rtc/session-resource.js";
import { fragmentOf, withTransport } from "../rtc/sdp.js";
import { byPreference, encodingsFor, layersTakenIn } from "./encodings.js";
import { outboundOf } from "./outbound-stats.js";

const LOOK_MS = 1_000;
/** ICE mends a short break by itself; after this long, in ms, it begins anew. */
const DISCONNECTED_MS = 1_500;
/** A connection that is not up after so long, in ms, is not coming. */
const CONNECT_MS = 8_000;
/** So often is a lost connection taken up again before that is given up: about a minute. */
const MOST_ATTEMPTS = 20;
const SOUND_BITRATE = 96_000;

/**
 * `idle`: nothing is sent; `connecting`; `live`; `mending`: the network has changed, ICE begins anew; `failed`.
 * @typedef {"idle" | "connecting" | "live" | "mending" | "failed"} PublishState
 */

/**
 * What to publish.
 * @typedef {object} Publication
 * @property {MediaStreamTrack | null} video
 * @property {MediaStreamTrack | null} audio
 * @property {{bitrate: number, frameRate: number}} quality
 * @property {boolean} isSimulcast
 */

/** Publishes by WebRTC (WHIP), and survives a change of the network. Tells `change`. */
export class WhipPublisher extends EventTarget {
  /** @type {PublishState} */ state = "idle";
  /** @type {Problem | null} */ problem = null;
  /** @type {import("./outbound-stats.js").Outbound | null} */ outbound = null;
  /** Bits a second lately. */
  bitrate = 0;
  /** When the first connection was up, by `Date.now()`. */
  /** @type {number | null} */ liveSince = null;
  restarts = 0;
  /** @type {RTCPeerConnection | null} */ peer = null;
  /** @type {SessionResource | null} */ #resource = null;
  /** @type {Publication | null} */ #publication = null;
  /** @type {AbortController} */ #life = new AbortController();
  /** The answer that the session began with. */
  #answer = "";
  #isMending = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #patience;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;

  /**
   * @param {string} url @param {import("../rtc/session-resource.js").Send} send
   * @param {() => RTCPeerConnection} [makePeer]
   */
  constructor(url, send, makePeer = () => new RTCPeerConnection({ bundlePolicy: "max-bundle" })) {
    super();
    this.url = url;
    this.send = send;
    this.makePeer = makePeer;
  }

  get isActive() {
    return this.state === "connecting" || this.state === "live" || this.state === "mending";
  }

  /** @param {Publication} publication */
  async start(publication) {
    this.#publication = publication;
    this.#life = new AbortController();
    this.problem = null;
    this.liveSince = null;
    this.restarts = 0;
    this.#enter("connecting");
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    globalThis.addEventListener?.("online", () => void this.#mend(), { signal: this.#life.signal });
    try {
      await this.#connect();
    } catch (error) {
      if (!this.#life.signal.aborted) this.#fail(error);
    }
  }

  /** Ends the publication, and the stream with it. */
  stop() {
    this.#end();
    this.#enter("idle");
  }

  /**
   * Another camera, screen or microphone goes on in the same stream.
   * @param {"video" | "audio"} kind @param {MediaStreamTrack | null} track
   */
  async replace(kind, track) {
    if (this.#publication) this.#publication[kind] = track;
    const sender = this.#senderOf(kind);
    if (sender && sender.track !== track) await sender.replaceTrack(track);
    if (this.state === "live") this.#addWhatIsMissing();
  }

  /** A session has no room for a kind of track that was not there when it began: a new one goes on with the stream. */
  #addWhatIsMissing() {
    const { video, audio } = this.#publication ?? {};
    if ((!video || this.#senderOf("video")) && (!audio || this.#senderOf("audio"))) return;
    // The connection is closed without a word, for the end of the session would be the end of the stream.
    this.#resource = null;
    void this.#mend();
  }

  /**
   * Other bit and frame rates from now on.
   * @param {{bitrate: number, frameRate: number}} quality
   */
  async setQuality(quality) {
    if (!this.#publication) return;
    this.#publication.quality = quality;
    const sender = this.#senderOf("video");
    if (!sender) return;
    const parameters = sender.getParameters();
    const wanted = encodingsFor(quality, this.#publication.isSimulcast);
    for (const [index, encoding] of parameters.encodings.entries()) Object.assign(encoding, { maxBitrate: wanted[index]?.maxBitrate, maxFramerate: quality.frameRate });
    await sender.setParameters(parameters).catch(() => {});
  }

  /** @param {"video" | "audio"} kind */
  #senderOf(kind) {
    return this.peer?.getTransceivers().find((one) => one.receiver.track.kind === kind)?.sender ?? null;
  }

  /** A new session on the server, from the first offer on. */
  async #connect() {
    const publication = /** @type {Publication} */ (this.#publication);
    const { signal } = this.#life;
    this.#dropSession();
    const peer = this.makePeer();
    this.peer = peer;
    peer.addEventListener("connectionstatechange", () => this.#stateIs(peer));
    this.#addTracks(peer, publication);
    const resource = new SessionResource(this.url, this.send);
    this.#resource = resource;
    await peer.setLocalDescription();
    const answer = await resource.open(peer.localDescription?.sdp ?? "", signal);
    if (signal.aborted || peer !== this.peer) return void resource.close();
    if (resource.iceServers.length > 0) peer.setConfiguration({ bundlePolicy: "max-bundle", iceServers: resource.iceServers });
    this.#answer = answer;
    await peer.setRemoteDescription({ type: "answer", sdp: answer });
    this.#awaitGoodbye(peer);
    if (publication.isSimulcast && this.layersTaken.length === 0) await this.#sendOneSize(publication);
    this.#expectConnection();
  }

  /** The names of the layers that the server takes; none where it takes one picture. */
  get layersTaken() {
    return layersTakenIn(this.#answer);
  }

  /**
   * The server takes one size, and browsers then send the first that was offered, the smallest: make it the whole.
   * @param {Publication} publication
   */
  async #sendOneSize(publication) {
    publication.isSimulcast = false;
    const sender = this.#senderOf("video");
    if (!sender) return;
    const parameters = sender.getParameters();
    const [whole] = encodingsFor(publication.quality, false);
    for (const encoding of parameters.encodings.slice(0, 1)) Object.assign(encoding, whole, { scaleResolutionDownBy: 1 });
    await sender.setParameters(parameters).catch(() => {});
  }

  /** @param {RTCPeerConnection} peer @param {Publication} publication */
  #addTracks(peer, { video, audio, quality, isSimulcast }) {
    if (video) {
      const transceiver = peer.addTransceiver(video, { direction: "sendonly", sendEncodings: encodingsFor(quality, isSimulcast) });
      const codecs = globalThis.RTCRtpReceiver?.getCapabilities("video")?.codecs ?? [];
      if (codecs.length > 0) transceiver.setCodecPreferences?.(byPreference(codecs));
      negotiateCaptureTime(transceiver);
    }
    if (audio) negotiateCaptureTime(peer.addTransceiver(audio, { direction: "sendonly", sendEncodings: [{ maxBitrate: SOUND_BITRATE }] }));
  }

  /**
   * The server that stops closes the connection: another one goes on with the stream, by a new session.
   * @param {RTCPeerConnection} peer
   */
  #awaitGoodbye(peer) {
    const transport = peer.getSenders().map((one) => one.transport).find((one) => one);
    transport?.addEventListener("statechange", () => {
      if (transport.state !== "closed" || peer !== this.peer) return;
      this.#resource = null;
      void this.#mend();
    });
  }

  #expectConnection() {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => void this.#mend(), CONNECT_MS);
  }

  /** @param {RTCPeerConnection} peer */
  #stateIs(peer) {
    if (peer !== this.peer) return;
    const state = peer.connectionState;
    if (state === "connected") {
      clearTimeout(this.#patience);
      this.liveSince ??= Date.now();
      this.#enter("live");
      this.#addWhatIsMissing();
    } else if (state === "disconnected") {
      clearTimeout(this.#patience);
      this.#patience = setTimeout(() => void this.#mend(), DISCONNECTED_MS);
    } else if (state === "failed" || state === "closed") void this.#mend();
  }

  /** The way to the server is gone: another one for the same session, else a new session. */
  async #mend() {
    if (this.#isMending || !this.isActive) return;
    this.#isMending = true;
    clearTimeout(this.#patience);
    const { signal } = this.#life;
    if (this.state === "live") this.#enter("mending");
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await this.#takeUp(signal);
        break;
      } catch (error) {
        if (signal.aborted) break;
        // A conflict may be with ourselves: the server has not yet missed the session that broke.
        const isFinal = error instanceof Problem && !error.isTemporary && error.status !== 409;
        if (isFinal || attempt >= MOST_ATTEMPTS) {
          this.#isMending = false;
          return this.#fail(error);
        }
        await backOff(attempt, signal);
      }
    }
    this.#isMending = false;
  }

  /** @param {AbortSignal} signal of the publication that is taken up, which may have been ended meanwhile */
  async #takeUp(signal) {
    const canRestart = this.#resource?.isOpen && this.peer?.signalingState !== "closed" && this.peer?.connectionState !== "closed";
    if (!canRestart || !this.peer) return this.#connect();
    try {
      await this.#restart(this.peer);
    } catch (error) {
      if (signal.aborted || !(error instanceof Problem) || error.isTemporary) throw error;
      // The server has forgotten the session, or does not restart: a new one goes on with the stream.
      await this.#connect();
    }
  }

  /** @param {RTCPeerConnection} peer */
  async #restart(peer) {
    const resource = /** @type {SessionResource} */ (this.#resource);
    if (peer.signalingState === "have-local-offer") await peer.setLocalDescription({ type: "rollback" });
    await peer.setLocalDescription(await peer.createOffer({ iceRestart: true }));
    const theirs = await resource.restart(fragmentOf(peer.localDescription?.sdp ?? ""), this.#life.signal);
    if (theirs === null) throw new Problem({ status: 409, code: "no_restart", detail: "The server does not restart ICE." });
    await peer.setRemoteDescription({ type: "answer", sdp: withTransport(this.#answer, theirs) });
    this.restarts += 1;
    // Where the old way still works, nothing is told of the change to the new one.
    if (peer.connectionState === "connected") this.#enter("live");
    else this.#expectConnection();
  }

  async #look() {
    const { peer } = this;
    if (peer?.connectionState !== "connected") return;
    const before = this.outbound;
    const now = outboundOf((await peer.getStats()).values());
    if (peer !== this.peer) return;
    this.outbound = now;
    this.bitrate = before ? Math.max(0, (this.outbound.bytesSent - before.bytesSent) * 8000 / LOOK_MS) : 0;
    this.#changed();
  }

  #dropSession() {
    clearTimeout(this.#patience);
    const { peer } = this;
    for (const sender of peer?.getSenders() ?? []) void sender.replaceTrack(null).catch(() => {});
    void (this.#resource?.close() ?? Promise.resolve()).then(() => peer?.close());
    this.#resource = null;
    this.peer = null;
    this.outbound = null;
  }

  #end() {
    this.#life.abort();
    clearInterval(this.#timer);
    this.#dropSession();
    this.#publication = null;
    this.bitrate = 0;
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#end();
    this.problem = error instanceof Problem ? error : new Problem({ code: "negotiation", detail: error instanceof Error ? error.message : String(error) });
    this.#enter("failed");
  }

  /** @param {PublishState} state */
  #enter(state) {
    if (this.state === state) return;
    this.state = state;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
