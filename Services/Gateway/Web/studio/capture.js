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

/** The camera or the screen, and the microphone. Tells `change` when a track comes, goes or ends. */
export class Capture extends EventTarget {
  /** @type {MediaStreamTrack | null} */ video = null;
  /** @type {MediaStreamTrack | null} */ audio = null;
  /** @type {Source} */ source = "camera";
  /** @type {Quality} */ quality = QUALITIES[2];
  cameraId = "";
  microphoneId = "";

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
    this.source = "camera";
    const video = this.#constraints;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video, ...(this.audio ? {} : { audio: this.#soundConstraints }) });
      this.#take(stream);
    } catch (error) {
      if (this.audio || !isAbsence(error)) throw new CaptureError(error, "the camera and the microphone");
      await this.#openWhatThereIs(video);
    }
  }

  /** @param {MediaTrackConstraints} video */
  async #openWhatThereIs(video) {
    const pictures = await navigator.mediaDevices.getUserMedia({ video }).catch(() => null);
    const sound = await navigator.mediaDevices.getUserMedia({ audio: this.#soundConstraints }).catch(() => null);
    if (!pictures && !sound) throw new CaptureError(new DOMException("", "NotFoundError"), "a camera or a microphone");
    if (pictures) this.#take(pictures);
    if (sound) this.#take(sound);
  }

  /** Asks which screen, window or tab to show; its sound comes along where there is no microphone. */
  async openScreen() {
    try {
      const { frameRate } = this.quality;
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate }, audio: this.audio === null });
      this.source = "screen";
      this.#take(stream);
    } catch (error) {
      throw new CaptureError(error, "the screen");
    }
  }

  /** Opens the microphone that is chosen, beside whatever picture there is. */
  async openMicrophone() {
    try {
      this.#take(await navigator.mediaDevices.getUserMedia({ audio: this.#soundConstraints }));
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

  close() {
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

  /** @param {MediaStream} stream */
  #take(stream) {
    const [video] = stream.getVideoTracks();
    const [audio] = stream.getAudioTracks();
    if (video) this.video = this.#replaced(this.video, video);
    if (audio) this.audio = this.#replaced(this.audio, audio);
    if (video) video.contentHint = this.source === "screen" ? "detail" : "motion";
    this.#changed();
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
    if (this.video === track) this.video = null;
    if (this.audio === track) this.audio = null;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

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
