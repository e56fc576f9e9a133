const KEY = "martlet.volume";

/** Volume and mute, kept for the next visit, and playing with sound where the browser allows. */
export class Sound {
  /** The browser lets the page play only without sound, until somebody taps. */
  needsUnmute = false;

  /** @param {HTMLVideoElement} video @param {() => void} onChange */
  constructor(video, onChange) {
    this.video = video;
    this.onChange = onChange;
    const stored = storedVolume();
    video.volume = stored.volume;
    video.muted = stored.muted;
    video.addEventListener("volumechange", () => this.#volumeChanged());
  }

  /** Plays with sound, else without; else waits for a tap. */
  async play() {
    try {
      await this.video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError" || this.video.muted) return;
      this.needsUnmute = true;
      this.video.muted = true;
      await this.video.play().catch(() => {});
    }
    this.onChange();
  }

  unmute() {
    this.needsUnmute = false;
    this.video.muted = false;
    if (this.video.volume === 0) this.video.volume = 1;
    void this.play();
  }

  toggleMute() {
    if (this.video.muted || this.video.volume === 0) this.unmute();
    else this.video.muted = true;
  }

  /** @param {number} volume from 0 to 1 */
  setVolume(volume) {
    this.video.volume = Math.min(Math.max(volume, 0), 1);
    this.video.muted = this.video.volume === 0;
  }

  #volumeChanged() {
    if (!this.video.muted) this.needsUnmute = false;
    if (this.needsUnmute) return;
    try {
      localStorage.setItem(KEY, JSON.stringify({ volume: this.video.volume, muted: this.video.muted }));
    } catch {
      // Without storage the volume is forgotten; nothing else is lost.
    }
  }
}

function storedVolume() {
  try {
    const { volume, muted } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { volume: typeof volume === "number" && volume >= 0 && volume <= 1 ? volume : 1, muted: muted === true };
  } catch {
    return { volume: 1, muted: false };
  }
}
