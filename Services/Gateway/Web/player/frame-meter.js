/** Watches the pictures that really reach the screen. */
export class FrameMeter {
  /** Media time of the newest picture, in seconds, and when it was shown, by `performance.now()`. */
  mediaTime = -1;
  shownAt = 0;
  frames = 0;
  /** @type {number[]} */ #shown = [];
  #callback = 0;

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.video = video;
    if (this.isPrecise) this.#request();
  }

  /** Whether the browser tells of each picture; else the playhead must do. */
  get isPrecise() {
    return "requestVideoFrameCallback" in this.video;
  }

  /** Pictures a second over the last two. */
  get frameRate() {
    const since = performance.now() - 2_000;
    while (this.#shown.length > 0 && this.#shown[0] < since) this.#shown.shift();
    return this.#shown.length / 2;
  }

  /** The time of what is on the screen now, in seconds of the session. */
  get onScreen() {
    const isFresh = this.isPrecise && performance.now() - this.shownAt < 500;
    return isFresh ? this.mediaTime + (performance.now() - this.shownAt) / 1000 : this.video.currentTime;
  }

  stop() {
    if (this.isPrecise) this.video.cancelVideoFrameCallback(this.#callback);
  }

  #request() {
    this.#callback = this.video.requestVideoFrameCallback((now, metadata) => {
      this.mediaTime = metadata.mediaTime;
      this.shownAt = metadata.expectedDisplayTime ?? now;
      this.frames += 1;
      this.#shown.push(performance.now());
      if (this.#shown.length > 600) this.#shown.shift();
      this.#request();
    });
  }
}
