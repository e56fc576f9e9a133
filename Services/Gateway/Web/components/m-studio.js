import { send } from "../api.js";
import { h, icon, iconButton, setIconButton, setText } from "../dom.js";
import { bitrate } from "../format.js";
import { clockText } from "../player/timeline.js";
import { Capture, CaptureError, QUALITIES } from "../studio/capture.js";
import { WakeLock } from "../studio/wake-lock.js";
import { stateWords, troubleWords } from "../studio/words.js";
import { WhipPublisher } from "../studio/whip.js";
import { logo } from "./logo.js";
import "./m-advice.js";
import { Level } from "./m-level.js";
import "./m-viewers.js";

/** @typedef {{id: string, slug: string, title: string, state?: string}} Stream */

const REFRESH_MS = 500;
const KEY = "martlet.studio";

/** Publishes the camera, the microphone or a screen from this browser: preview, devices, quality, state in words. */
export class Studio extends HTMLElement {
  capture = new Capture();
  /** @type {WhipPublisher | null} */ publisher = null;
  /** @type {Stream[]} */ #streams = [];
  #wakeLock = new WakeLock();
  /** What to go live with is being opened. */
  #isStarting = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;
  #isSimulcast = false;

  #preview = h("video", { muted: true, playsInline: true, autoplay: true, disablePictureInPicture: true, "aria-label": "What you send" });
  #words = h("div", { className: "words" });
  #badge = h("span", { className: "badge" });
  #state = h("p", { className: "state", role: "status" });
  #trouble = h("p", { className: "notice", role: "alert", hidden: true });
  #facts = h("p", { className: "muted number facts" });
  #stream = h("select", { id: "studio-stream", className: "input" });
  #camera = h("select", { id: "studio-camera", className: "input", onchange: () => this.#try(() => this.#useCamera()) });
  #microphone = h("select", { id: "studio-microphone", className: "input", onchange: () => this.#try(() => this.#useMicrophone()) });
  #quality = h("select", { id: "studio-quality", className: "input", onchange: () => void this.#useQuality() });
  #rate = h("input", { id: "studio-bitrate", className: "input number", type: "number", min: "0.2", max: "20", step: "0.1", onchange: () => void this.#useQuality() });
  #simulcast = h("input", { id: "studio-simulcast", type: "checkbox", onchange: () => { this.#isSimulcast = this.#simulcast.checked; this.#remember(); } });
  #level = /** @type {Level} */ (h("m-level"));
  #go = h("button", { type: "button", className: "button primary go", onclick: () => void this.#toggle() });
  #muteSound = iconButton("microphone", "Mute the microphone (M)", () => this.#toggleTrack("audio"), { className: "icon-button framed" });
  #muteVideo = iconButton("camera", "Switch the camera off (V)", () => this.#toggleTrack("video"), { className: "icon-button framed" });
  #useScreen = h("button", { type: "button", className: "button", onclick: () => this.#try(() => this.capture.openScreen()) }, icon("screen"), "Share a screen");
  #useOwnCamera = h("button", { type: "button", className: "button", onclick: () => this.#try(() => this.#useCamera()) }, icon("camera"), "Use the camera");
  #advice = h("m-advice");
  #viewers = h("m-viewers");
  #watch = h("a", { className: "text-link" }, "Open the watch page");

  /** @param {Stream[]} streams @param {string | null} wanted a stream's slug or ID */
  static of(streams, wanted) {
    const studio = /** @type {Studio} */ (document.createElement("m-studio"));
    studio.#streams = streams;
    studio.#build(wanted);
    return studio;
  }

  /** @param {string | null} wanted */
  #build(wanted) {
    this.className = "studio";
    const field = (/** @type {HTMLElement} */ input, /** @type {string} */ label, /** @type {Node[]} */ ...more) =>
      h("div", { className: "field" }, h("label", { for: input.id }, label), input, ...more);
    this.append(
      h("section", { className: "picture", "aria-label": "Preview" }, h("div", { className: "frame" }, this.#preview, this.#words, this.#badge),
        h("div", { className: "desk" }, this.#muteSound, this.#muteVideo, this.#level, this.#useOwnCamera, this.#useScreen),
        this.#viewers),
      h("section", { className: "panel settings", "aria-label": "Settings" },
        h("div", { className: "head" }, h("h1", {}, "Studio"), this.#state, this.#facts), this.#trouble,
        field(this.#stream, "Stream", this.#watch), this.#advice, field(this.#camera, "Camera"), field(this.#microphone, "Microphone"),
        h("div", { className: "pair" }, field(this.#quality, "Picture"), field(this.#rate, "Mbit/s")),
        h("label", { className: "check", for: "studio-simulcast" }, this.#simulcast,
          h("span", {}, "Several sizes", h("small", { className: "muted" }, "Viewers on weak networks get a smaller picture (simulcast)"))),
        this.#go));
    this.#stream.append(...this.#streams.map((stream) => h("option", { value: stream.id }, stream.title || stream.slug)));
    const chosen = this.#streams.find((stream) => stream.slug === wanted || stream.id === wanted);
    if (chosen) this.#stream.value = chosen.id;
    this.#quality.append(...QUALITIES.map(({ id, label }) => h("option", { value: id }, label)));
    this.#recall();
  }

  connectedCallback() {
    this.capture.addEventListener("change", () => this.#captured());
    this.capture.addEventListener("lost", (event) => this.#tell(/** @type {CustomEvent} */ (event).detail));
    navigator.mediaDevices.addEventListener("devicechange", this.#listDevices);
    addEventListener("beforeunload", this.#askBeforeUnload);
    addEventListener("pagehide", this.#left);
    document.addEventListener("keydown", this.#key);
    this.#timer = setInterval(() => this.#draw(), REFRESH_MS);
    void this.#begin();
    this.#draw();
  }

  /** Without being asked the camera opens only where that was allowed before. */
  async #begin() {
    await this.#listDevices();
    const permission = await navigator.permissions?.query({ name: /** @type {any} */ ("camera") }).catch(() => null);
    if (permission?.state === "granted" && !this.capture.isOpen) this.#try(() => this.#useCamera());
  }

  close() {
    clearInterval(this.#timer);
    this.publisher?.stop();
    this.capture.close();
    navigator.mediaDevices.removeEventListener("devicechange", this.#listDevices);
    removeEventListener("beforeunload", this.#askBeforeUnload);
    removeEventListener("pagehide", this.#left);
    document.removeEventListener("keydown", this.#key);
    this.#wakeLock.close();
  }

  mayLeave() {
    return !this.publisher?.isActive || confirm("You are live. Leaving ends the stream.");
  }

  /** What tests and reports want to know. */
  snapshot() {
    const { publisher, capture } = this;
    return {
      state: publisher?.state ?? "idle", words: this.#state.textContent, problem: publisher?.problem?.code ?? null, outbound: publisher?.outbound ?? null,
      bitrate: publisher?.bitrate ?? 0, restarts: publisher?.restarts ?? 0, source: capture.source, level: this.#level.level,
      hasVideo: capture.video !== null, hasAudio: capture.audio !== null, streamId: this.#stream.value,
    };
  }

  #listDevices = async () => {
    const { cameras, microphones } = await this.capture.devices();
    const fill = (/** @type {HTMLSelectElement} */ select, /** @type {MediaDeviceInfo[]} */ devices, /** @type {MediaStreamTrack | null} */ track, /** @type {string} */ noun) => {
      const before = select.value;
      select.replaceChildren(...(devices.length > 0
        ? devices.map((device, index) => h("option", { value: device.deviceId }, device.label || `${noun} ${index + 1}`))
        : [h("option", { value: "" }, this.capture.isOpen ? `No ${noun.toLowerCase()} found` : "Not allowed yet")]));
      select.disabled = devices.length === 0;
      // A shared screen is in no list: the camera that was chosen is the one to go back to.
      const current = [track?.getSettings().deviceId, before].find((id) => id && devices.some(({ deviceId }) => deviceId === id));
      if (current) select.value = current;
    };
    fill(this.#camera, cameras, this.capture.video, "Camera");
    fill(this.#microphone, microphones, this.capture.audio, "Microphone");
  };

  /** @param {() => Promise<void>} action */
  async #try(action) {
    this.#trouble.hidden = true;
    try {
      await action();
    } catch (error) {
      // Who closes the browser's own question has changed their mind: that needs no words.
      if (error instanceof CaptureError && error.wasRefused && this.capture.isOpen) return;
      this.#tell(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} text */
  #tell(text) {
    this.#trouble.replaceChildren(icon("warning"), h("span", {}, text));
    this.#trouble.hidden = false;
  }

  #useCamera() {
    this.capture.cameraId = this.#camera.value;
    if (!this.capture.audio) this.capture.microphoneId = this.#microphone.value;
    return this.capture.openCamera();
  }

  #useMicrophone() {
    this.capture.microphoneId = this.#microphone.value;
    return this.capture.openMicrophone();
  }

  /** The chosen picture, at the rate that was entered. */
  get #chosenQuality() {
    const quality = QUALITIES.find(({ id }) => id === this.#quality.value) ?? QUALITIES[2];
    const rate = Number(this.#rate.value);
    return { ...quality, bitrate: rate >= 0.1 ? Math.round(rate * 1e6) : quality.bitrate };
  }

  async #useQuality() {
    const before = this.capture.quality;
    if (this.#quality.value !== before.id) {
      const usual = QUALITIES.find(({ id }) => id === this.#quality.value) ?? before;
      this.#rate.value = String(usual.bitrate / 1e6);
    }
    const quality = this.#chosenQuality;
    this.#remember();
    await this.capture.setQuality(quality);
    await this.publisher?.setQuality(quality);
  }

  #captured() {
    const { video, audio } = this.capture;
    const shown = /** @type {MediaStream | null} */ (this.#preview.srcObject)?.getVideoTracks()[0] ?? null;
    if (shown !== video) this.#preview.srcObject = video ? new MediaStream([video]) : null;
    this.#preview.classList.toggle("mirrored", this.capture.source === "camera");
    this.#level.listenTo(audio);
    void this.publisher?.replace("video", video);
    void this.publisher?.replace("audio", audio);
    void this.#listDevices();
    this.#draw();
  }

  /** @param {"audio" | "video"} kind */
  #toggleTrack(kind) {
    const track = this.capture[kind];
    if (track) track.enabled = !track.enabled;
    this.#draw();
  }

  async #toggle() {
    if (this.publisher?.isActive) return this.publisher.stop();
    if (this.#isStarting) return;
    this.#isStarting = true;
    this.#trouble.hidden = true;
    if (!this.capture.isOpen) await this.#try(() => this.#useCamera());
    this.#isStarting = false;
    if (this.capture.isOpen) await this.#publish();
  }

  async #publish() {
    const publisher = new WhipPublisher(`/whip/${this.#stream.value}`, send);
    this.publisher = publisher;
    publisher.addEventListener("change", () => this.#published());
    const { video, audio } = this.capture;
    await publisher.start({ video, audio, quality: this.#chosenQuality, isSimulcast: this.#isSimulcast });
  }

  #published() {
    const { publisher } = this;
    if (publisher?.state === "failed" && publisher.problem) this.#tell(troubleWords(publisher.problem));
    this.#wakeLock.isWanted = publisher?.isActive === true;
    this.#draw();
  }

  #draw() {
    const { publisher, capture } = this;
    const state = publisher?.state ?? "idle";
    const isActive = publisher?.isActive === true;
    setText(this.#state, stateWords(publisher, Date.now()));
    setText(this.#facts, factsOf(publisher));
    this.#badge.className = `badge ${state === "live" ? "live" : state === "mending" ? "away" : ""}`;
    this.#badge.hidden = !isActive;
    const seconds = publisher?.liveSince ? (Date.now() - publisher.liveSince) / 1000 : 0;
    setText(this.#badge, state === "live" ? `LIVE ${clockText(seconds)}` : state === "mending" ? "RECONNECTING" : "CONNECTING");
    setText(this.#go, isActive ? "End the stream" : "Go live");
    this.#go.classList.toggle("stop", isActive);
    for (const input of [this.#stream, this.#simulcast]) input.disabled = isActive;
    const stream = this.#streams.find(({ id }) => id === this.#stream.value);
    this.#watch.href = `/watch/${encodeURIComponent(stream?.slug ?? "")}`;
    this.#watch.target = isActive ? "_blank" : "";
    this.#viewers.streamId = this.#stream.value;
    this.#advice.streamId = isActive ? "" : this.#stream.value;
    this.#drawDesk(capture);
    this.#drawWords(capture);
  }

  /** @param {Capture} capture */
  #drawDesk({ video, audio, source, canShareScreen }) {
    const [hears, sees] = [audio?.enabled === true, video?.enabled === true];
    this.#muteSound.disabled = audio === null;
    this.#muteVideo.disabled = video === null;
    setIconButton(this.#muteSound, hears || !audio ? "microphone" : "microphone-off", hears ? "Mute the microphone (M)" : "Unmute the microphone (M)");
    setIconButton(this.#muteVideo, sees || !video ? "camera" : "camera-off", sees ? "Switch the picture off (V)" : "Switch the picture on (V)");
    this.#muteSound.classList.toggle("off", audio !== null && !hears);
    this.#muteVideo.classList.toggle("off", video !== null && !sees);
    this.#useScreen.hidden = !canShareScreen;
    this.#useOwnCamera.hidden = source === "camera" && video !== null;
  }

  /** @param {Capture} capture */
  #drawWords({ isOpen, video }) {
    const key = !isOpen ? "closed" : video === null ? "sound" : video.enabled ? "" : "off";
    if (this.#words.dataset.key === key) return;
    this.#words.dataset.key = key;
    const [title, text] = {
      closed: ["Show yourself, or a screen", "Nothing is sent before you go live."], sound: ["Sound only", ""], off: ["The picture is off", "Viewers see black."], "": ["", ""],
    }[key] ?? ["", ""];
    this.#words.hidden = key === "";
    this.#words.replaceChildren(logo(), h("h2", {}, title), h("p", {}, text));
  }

  /** @param {KeyboardEvent} event */
  #key = (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || /** @type {HTMLElement} */ (event.target).matches?.("input, select, textarea")) return;
    if (event.key.toLowerCase() === "m") this.#toggleTrack("audio");
    else if (event.key.toLowerCase() === "v") this.#toggleTrack("video");
  };

  /** @param {BeforeUnloadEvent} event */
  #askBeforeUnload = (event) => {
    if (this.publisher?.isActive) event.preventDefault();
  };

  #left = () => this.publisher?.stop();

  #remember() {
    try {
      localStorage.setItem(KEY, JSON.stringify({ quality: this.#quality.value, rate: this.#rate.value, isSimulcast: this.#isSimulcast }));
    } catch {
      // Without storage the next visit begins with the usual choice.
    }
  }

  #recall() {
    let stored = /** @type {any} */ ({});
    try {
      stored = JSON.parse(localStorage.getItem(KEY) ?? "{}") ?? {};
    } catch {
      // As above.
    }
    const quality = QUALITIES.find(({ id }) => id === stored.quality) ?? QUALITIES[2];
    this.#quality.value = quality.id;
    this.#rate.value = Number(stored.rate) >= 0.1 ? String(stored.rate) : String(quality.bitrate / 1e6);
    this.#isSimulcast = stored.isSimulcast === true;
    this.#simulcast.checked = this.#isSimulcast;
    this.capture.quality = this.#chosenQuality;
  }
}

/** @param {WhipPublisher | null} publisher */
function factsOf(publisher) {
  const outbound = publisher?.outbound;
  if (!publisher?.isActive || !outbound) return "";
  const size = outbound.width > 0 ? `${outbound.width} × ${outbound.height}, ${Math.round(outbound.frameRate)} fps` : "";
  const taken = publisher.layersTaken.length;
  const layers = taken > 1 ? `${outbound.layers} of ${taken} sizes` : "";
  const way = outbound.roundTrip === null ? "" : `${Math.round(outbound.roundTrip * 1000)} ms`;
  return [bitrate(publisher.bitrate), size, layers, way].filter(Boolean).join(" · ");
}

customElements.define("m-studio", Studio);
