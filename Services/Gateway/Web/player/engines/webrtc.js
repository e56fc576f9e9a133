import { FrameMeter } from "../frame-meter.js";

const REFRESH_MS = 500;
/** What is not known of the delay, in seconds, when a place in the session is asked for. */
const USUAL_DELAY = 0.2;
/** A seek this near to the edge, in seconds, means "live". */
const NEAR_EDGE = 1.5;

/** Shows a direct connection's picture: the live edge with the least delay, and nothing else. */
export class WebRTCEngine {
  name = "WebRTC";
  isLive = true;
  following = true;
  isAway = false;
  isConnecting = false;
  speed = 1;
  /** @type {import("../sound-tracks.js").SoundTrack[]} */ sounds = [];
  /** @type {import("../picture-tracks.js").PictureTrack[]} */ pictures = [];
  /** @type {number | null} */ sound = null;
  #stalls = 0;
  #life = new AbortController();

  /**
   * @param {HTMLVideoElement} video
   * @param {{connection: import("../whep.js").WhepConnection, clock: import("../server-clock.js").ServerClock,
   *   startedAt: number, hooks: import("./mse.js").EngineHooks, rewind: (time: number) => void}} parts
   *   `startedAt`: when the session began, in ms since 1970; `rewind`: goes to a moment that only is stored
   */
  constructor(video, { connection, clock, startedAt, hooks, rewind }) {
    this.video = video;
    this.connection = connection;
    this.clock = clock;
    this.startedAt = startedAt;
    this.hooks = hooks;
    this.rewind = rewind;
    video.srcObject = connection.stream;
    video.playbackRate = 1;
    this.meter = new FrameMeter(video);
    video.addEventListener("waiting", () => { this.#stalls += 1; }, { signal: this.#life.signal });
    this.timer = setInterval(() => hooks.onChange(), REFRESH_MS);
  }

  /** Where the session ends now, in seconds: by the clock, for the media carries no place in it. */
  get edge() {
    return Math.max(0, (this.clock.now() - this.startedAt) / 1000);
  }

  get position() {
    return Math.max(0, this.edge - (this.delay ?? USUAL_DELAY));
  }

  get seekable() {
    return { start: 0, end: this.edge };
  }

  get delay() {
    return this.connection.delay(this.clock.now());
  }

  get facts() {
    const inbound = this.connection.inbound;
    /** @type {string[]} */ const errors = [];
    return {
      source: "webrtc", target: null, codecs: inbound?.codecs ?? [], bytesReceived: inbound?.bytesReceived ?? 0,
      reconnects: 0, stalls: this.#stalls, gaps: 0, errors, inbound, jitterBuffer: this.connection.buffered,
    };
  }

  /** @param {number} time seconds since the session began */
  seek(time) {
    if (time < this.edge - NEAR_EDGE) this.rewind(Math.max(0, time));
  }

  goLive() {
    this.hooks.onChange();
  }

  holdStill() {}

  /**
   * The server chooses the size of the picture by itself.
   * @param {import("../media-sink.js").Kind} kind
   */
  chosen(kind) {
    return kind === "audio" ? this.sound : null;
  }

  choose() {}

  sessionEnded() {
    if (!this.isLive) return;
    this.isLive = false;
    this.following = false;
    this.hooks.onEnded();
  }

  close() {
    this.#life.abort();
    clearInterval(this.timer);
    this.meter.stop();
    this.video.srcObject = null;
  }
}
