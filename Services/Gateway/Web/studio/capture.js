/**
 * A picture's size and what it is worth sending.
 * @typedef {object} Quality
 * @property {string} id
 * @property {string} label
 * @property {number} width
 * @property {number} height
 * @property {number} frameRate
 * @property {number} bitrate bits a second
 */

/** @type {Quality[]} */
export const QUALITIES = [
  { id: "360p30", label: "360p, 30 fps", width: 640, height: 360, frameRate: 30, bitrate: 800_000 },
  { id: "540p30", label: "540p, 30 fps", width: 960, height: 540, frameRate: 30, bitrate: 1_500_000 },
  { id: "720p30", label: "720p, 30 fps", width: 1280, height: 720, frameRate: 30, bitrate: 2_500_000 },
  { id: "720p60", label: "720p, 60 fps", width: 1280, height: 720, frameRate: 60, bitrate: 4_000_000 },
  { id: "1080p30", label: "1080p, 30 fps", width: 1920, height: 1080, frameRate: 30, bitrate: 4_500_000 },
  { id: "1080p60", label: "1080p, 60 fps", width: 1920, height: 1080, frameRate: 60, bitrate: 7_000_000 },
];

/** @typedef {"camera" | "screen"} Source */

/** Why something could not be captured, in words for the one who wanted it. */
export class CaptureError extends Error {
  /** @param {unknown} cause @param {string} what */
  constructor(cause, what) {
    super(wordsFor(cause, what));
    this.wasRefused = cause instanceof DOMException && cause.name === "NotAllowedError";
  }
}

/**
 * The camera or the screen, and the microphone. Tells `change` when a track comes, goes or ends, and `lost`, with the
 * words for it, when one ends by itself.
 */
export class Capture extends EventTarget {
  /** @type {MediaStreamTrack | null} */ video = null;
  /** @type {MediaStreamTrack | null} */ audio = null;
  /** @type {Source} */ source = "camera";
  /** @type {Quality} */ quality = QUALITIES[2];
  cameraId = "";
  microphoneId = "";
  #isClosed = false;
  /** Which question to the browser was the last one for a kind: what comes of an earlier one is not wanted any more. */
  #asked = { video: 0, audio: 0 };

  /** Browsers give devices only to pages that came by a secure way. */
  get isPossible() {
    return navigator.mediaDevices !== undefined;
  }

  get canShareScreen() {
    return typeof navigator.mediaDevices?.getDisplayMedia === "function";
  }

  get isOpen() {
    return this.video !== null || this.audio !== null;
  }

  /**
   * Cameras and microphones; their names are known once one of them was allowed.
   * @returns {Promise<{cameras: MediaDeviceInfo[], microphones: MediaDeviceInfo[]}>}
   */
  async devices() {
    const all = await navigator.mediaDevices.enumerateDevices();
    const of = (/** @type {MediaDeviceKind} */ kind) => all.filter((device) => device.kind === kind && device.deviceId !== "");
    return { cameras: of("videoinput"), microphones: of("audioinput") };
  }

  /** Opens the camera and the microphone as chosen; one without the other where that is all there is. */
  async openCamera() {
    const video = this.#constraints;
    const take = this.#taker("camera", this.audio ? ["video"] : ["video", "audio"]);
    try {
      take(await navigator.mediaDevices.getUserMedia({ video, ...(this.audio ? {} : { audio: this.#soundConstraints }) }));
    } catch (error) {
      if (this.audio || !isAbsence(error)) throw new CaptureError(error, this.audio ? "the camera" : "the camera and the microphone");
      await this.#openWhatThereIs(video, take);
    }
  }

  /** @param {MediaTrackConstraints} video @param {(stream: MediaStream) => void} take */
  async #openWhatThereIs(video, take) {
    const pictures = await navigator.mediaDevices.getUserMedia({ video }).catch(() => null);
    if (pictures) take(pictures);
    const sound = await navigator.mediaDevices.getUserMedia({ audio: this.#soundConstraints }).catch(() => null);
    if (sound) take(sound);
    if (!pictures && !sound) throw new CaptureError(new DOMException("", "NotFoundError"), "a camera or a microphone");
  }

  /** Asks which screen, window or tab to show; its sound comes along where there is no microphone. */
  async openScreen() {
    const take = this.#taker("screen", this.audio ? ["video"] : ["video", "audio"]);
    try {
      const { frameRate } = this.quality;
      take(await navigator.mediaDevices.getDisplayMedia({ video: { frameRate }, audio: this.audio === null }));
    } catch (error) {
      throw new CaptureError(error, "the screen");
    }
  }

  /** Opens the microphone that is chosen, beside whatever picture there is. */
  async openMicrophone() {
    const take = this.#taker(this.source, ["audio"]);
    try {
      take(await navigator.mediaDevices.getUserMedia({ audio: this.#soundConstraints }));
    } catch (error) {
      throw new CaptureError(error, "the microphone");
    }
  }

  /** @param {Quality} quality */
  async setQuality(quality) {
    this.quality = quality;
    if (this.source === "camera") await this.video?.applyConstraints(this.#constraints).catch(() => {});
    else await this.video?.applyConstraints({ frameRate: quality.frameRate }).catch(() => {});
    this.#changed();
  }

  /** Lets everything go, and whatever is still being opened. */
  close() {
    this.#isClosed = true;
    for (const track of [this.video, this.audio]) track?.stop();
    this.video = null;
    this.audio = null;
    this.#changed();
  }

  /** @returns {MediaTrackConstraints} */
  get #constraints() {
    const { width, height, frameRate } = this.quality;
    return { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: frameRate },
      ...(this.cameraId ? { deviceId: { exact: this.cameraId } } : {}) };
  }

  /** @returns {MediaTrackConstraints} */
  get #soundConstraints() {
    return { echoCancellation: true, noiseSuppression: true, autoGainControl: true,
      ...(this.microphoneId ? { deviceId: { exact: this.microphoneId } } : {}) };
  }

  /**
   * Begins a question to the browser; what is returned takes its answer, or lets it go where that comes too late.
   * @param {Source} source @param {("video" | "audio")[]} kinds what is asked for
   * @returns {(stream: MediaStream) => void}
   */
  #taker(source, kinds) {
    const mine = kinds.map((kind) => ({ kind, number: (this.#asked[kind] += 1) }));
    return (stream) => {
      const isWanted = (/** @type {MediaStreamTrack} */ track) =>
        !this.#isClosed && mine.some(({ kind, number }) => kind === track.kind && this.#asked[kind] === number);
      for (const track of stream.getTracks()) {
        if (isWanted(track)) this.#take(track, source);
        else track.stop();
      }
      this.#changed();
    };
  }

  /** @param {MediaStreamTrack} track @param {Source} source */
  #take(track, source) {
    if (track.kind === "audio") {
      this.audio = this.#replaced(this.audio, track);
      return;
    }
    this.video = this.#replaced(this.video, track);
    this.source = source;
    track.contentHint = source === "screen" ? "detail" : "motion";
  }

  /** @param {MediaStreamTrack | null} old @param {MediaStreamTrack} next */
  #replaced(old, next) {
    next.enabled = old?.enabled ?? true;
    next.addEventListener("ended", () => this.#ended(next));
    old?.stop();
    return next;
  }

  /**
   * A device was unplugged, or the sharing of the screen was ended by the browser's own button.
   * @param {MediaStreamTrack} track
   */
  #ended(track) {
    const isPicture = this.video === track;
    if (!isPicture && this.audio !== track) return;
    if (isPicture) this.video = null;
    else this.audio = null;
    this.#changed();
    const words = !isPicture ? LOST.microphone : this.source === "screen" ? LOST.screen : LOST.camera;
    this.dispatchEvent(new CustomEvent("lost", { detail: words }));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** What to say when a device goes by itself. */
const LOST = {
  camera: "The camera is gone: unplugged, or taken by another program. Choose one to go on with pictures.",
  microphone: "The microphone is gone: unplugged, or taken by another program. Choose one to go on with sound.",
  screen: "The screen is not shared any more. Share another one, or use the camera.",
};

/** @param {unknown} error */
function isAbsence(error) {
  return error instanceof DOMException && (error.name === "NotFoundError" || error.name === "NotReadableError" || error.name === "OverconstrainedError");
}

/** @param {unknown} error @param {string} what */
function wordsFor(error, what) {
  if (!(error instanceof DOMException)) return `${sentence(what)} could not be opened: ${error}`;
  switch (error.name) {
    case "NotAllowedError": return `The browser did not allow ${what}. Allow it by the icon beside the address, then try again.`;
    case "NotFoundError": return `There is no such device: ${what} was not found.`;
    case "NotReadableError": return `${sentence(what)} is in use by another program.`;
    default: return `${sentence(what)} could not be opened (${error.name}).`;
  }
}

/** @param {string} text */
const sentence = (text) => text[0].toUpperCase() + text.slice(1);
