/** A picture that grows gets its pixels soon; one that shrinks must stay small for a while, in ms, to be sent smaller. */
const GROW_MS = 150;
const SHRINK_MS = 1_500;
/** Nobody sees it: the least there is will do. */
export const UNSEEN = 1;

/** @typedef {{width: number, height: number}} Size */

/**
 * The height, in the pixels of its box, at which a picture is shown whole in that box.
 * @param {Size} box @param {Size} picture 0 by 0 while its shape is not known
 */
export function heightIn(box, picture) {
  const shape = picture.width > 0 && picture.height > 0 ? picture.height / picture.width : 9 / 16;
  return Math.round(Math.min(box.height, box.width * shape));
}

/** Watches how large an element's picture really is on the screen, in pixels of the screen. */
export class ShownSize {
  /** @type {number | null | undefined} the height told last; null is as large as can be */ #told = undefined;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** @type {PictureInPictureWindow | null} */ #window = null;
  #isCovered = false;

  /**
   * @param {HTMLVideoElement} video @param {AbortSignal} signal ends the watching
   * @param {(height: number | null) => void} onChange a height in pixels of the screen, or null for the best there is
   */
  constructor(video, signal, onChange) {
    this.video = video;
    this.onChange = onChange;
    const look = () => this.#look();
    const observer = new ResizeObserver(look);
    observer.observe(video);
    for (const type of ["fullscreenchange", "visibilitychange"]) document.addEventListener(type, look, { signal });
    addEventListener("resize", look, { signal });
    video.addEventListener("resize", look, { signal });
    video.addEventListener("enterpictureinpicture", (event) => this.#float(/** @type {any} */ (event).pictureInPictureWindow, signal), { signal });
    video.addEventListener("leavepictureinpicture", () => this.#float(null, signal), { signal });
    signal.addEventListener("abort", () => { observer.disconnect(); clearTimeout(this.#timer); }, { once: true });
    look();
  }

  /** Something else on the page covers the picture whole. */
  set isCovered(/** @type {boolean} */ isCovered) {
    this.#isCovered = isCovered;
    this.#look();
  }

  /** @param {PictureInPictureWindow | null} window @param {AbortSignal} signal */
  #float(window, signal) {
    this.#window = window;
    window?.addEventListener("resize", () => this.#look(), { signal });
    this.#look();
  }

  /**
   * What is of use now; undefined while the element has no place on the page.
   * @returns {number | null | undefined}
   */
  get #height() {
    const { video } = this;
    const picture = { width: video.videoWidth, height: video.videoHeight };
    if (this.#window) return Math.max(UNSEEN, Math.round(heightIn(this.#window, picture) * devicePixelRatio));
    if (this.#isCovered || isUnseen()) return UNSEEN;
    if (document.fullscreenElement?.contains(video)) return null;
    const box = { width: video.clientWidth * devicePixelRatio, height: video.clientHeight * devicePixelRatio };
    return box.height > 0 ? heightIn(box, picture) : undefined;
  }

  #look() {
    clearTimeout(this.#timer);
    const height = this.#height;
    if (height === undefined || height === this.#told) return;
    if (this.#told === undefined) return this.#tell(height);
    const isGrowing = height === null || (this.#told !== null && height > this.#told);
    this.#timer = setTimeout(() => this.#tell(height), isGrowing ? GROW_MS : SHRINK_MS);
  }

  /** @param {number | null} height */
  #tell(height) {
    this.#told = height;
    this.onChange(height);
  }
}

/** Whether nobody sees the page; where the browser does not tell of floating pictures, somebody may see one of those. */
function isUnseen() {
  return document.hidden && document.pictureInPictureEnabled === true;
}
