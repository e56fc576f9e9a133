import { rangeAfter } from "./ranges.js";
import { Watchdog } from "./watchdog.js";

const REBUILDS_A_MINUTE = 3;
const ERRORS_KEPT = 20;

/** Helps a playhead that stands still, and keeps the book of what went wrong. */
export class Recovery {
  stalls = 0;
  gaps = 0;
  /** @type {string[]} */ errors = [];
  #watchdog = new Watchdog();
  /** @type {number[]} */ #rebuilds = [];

  /** @param {HTMLVideoElement} video @param {import("./media-sink.js").MediaSink} sink */
  constructor(video, sink) {
    this.video = video;
    this.sink = sink;
  }

  /** The playhead is about to be moved on purpose. */
  expectMove() {
    this.#watchdog.reset(performance.now());
  }

  /**
   * Moves the playhead over a hole, or nudges it; true where only a new decoder can help.
   * @param {(time: number) => boolean} isReal whether a hole at a time will not be filled any more
   * @returns {boolean}
   */
  heal(isReal) {
    const { video } = this;
    const isWanted = !video.ended && !document.hidden && (!video.paused || video.seeking);
    const remedy = this.#watchdog.check(performance.now(), {
      playhead: video.currentTime, ranges: this.sink.buffered(), isWanted, isReal });
    if (remedy.action === "move") {
      if (remedy.over === "gap") this.gaps += 1;
      video.currentTime = remedy.to;
    }
    return remedy.action === "rebuild";
  }

  /**
   * Counts a playhead that ran dry; false where it only stands before a hole.
   * @returns {boolean}
   */
  stalled() {
    const ranges = this.sink.buffered();
    if (ranges.length === 0 || rangeAfter(ranges, this.video.currentTime) !== null) return false;
    this.stalls += 1;
    return true;
  }

  /**
   * Whether starting anew is worth another try: not when it has not helped several times.
   * @param {string} reason
   */
  mayRebuild(reason) {
    this.note(reason);
    const now = performance.now();
    this.#rebuilds = [...this.#rebuilds.filter((at) => at > now - 60_000), now];
    return this.#rebuilds.length <= REBUILDS_A_MINUTE;
  }

  /** @param {string} error */
  note(error) {
    this.errors = [...this.errors, `${new Date().toISOString()} ${error}`].slice(-ERRORS_KEPT);
  }
}
