/** Quieter than this counts as silence, in decibels below full scale. */
export const SILENCE_DB = -60;

/**
 * How loud samples are, in decibels below full scale, never less than `SILENCE_DB`.
 * @param {Float32Array} samples from -1 to 1
 */
export function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const level = 10 * Math.log10(sum / Math.max(samples.length, 1) + 1e-12);
  return Math.min(0, Math.max(SILENCE_DB, level));
}

/** Listens to a track without letting it be heard. */
export class LevelMeter {
  /** @type {AudioContext | null} */ #context = null;
  /** @type {AnalyserNode | null} */ #analyser = null;
  /** @type {MediaStreamAudioSourceNode | null} */ #input = null;
  /** @type {MediaStreamTrack | null} */ #track = null;
  #samples = new Float32Array(1024);

  /** @param {MediaStreamTrack | null} track */
  listenTo(track) {
    if (track === this.#track) return;
    this.#track = track;
    this.#input?.disconnect();
    this.#input = null;
    if (!track) return;
    this.#context ??= new AudioContext();
    this.#analyser ??= new AnalyserNode(this.#context, { fftSize: 1024 });
    void this.#context.resume();
    this.#input = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#input.connect(this.#analyser);
  }

  /** The loudness just now, in decibels. */
  get level() {
    if (!this.#analyser || !this.#input || this.#track?.enabled === false) return SILENCE_DB;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return loudness(this.#samples);
  }

  close() {
    this.listenTo(null);
    void this.#context?.close();
    this.#context = null;
    this.#analyser = null;
  }
}
