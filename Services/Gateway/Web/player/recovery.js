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
   * Moves the playhead over a hole, or nudges it; where only a new decoder can help, says what is the matter.
   * @param {(time: number) => boolean} isReal whether a hole at a time will not be filled any more
   * @returns {string | null}
   */
  heal(isReal) {
    const { video, sink } = this;
    const isWanted = !video.ended && !document.hidden && (!video.paused || video.seeking);
    const ranges = sink.buffered();
    const remedy = this.#watchdog.check(performance.now(), {
      playhead: video.currentTime, ranges, isWanted, isComplete: sink.isComplete, isReal,
      decoded: video.getVideoPlaybackQuality().totalVideoFrames });
    if (remedy.action === "move") {
      if (remedy.over === "gap") this.gaps += 1;
      video.currentTime = remedy.to;
    }
    return remedy.action === "rebuild" ? `playback stood still with media at hand: ${standing(video, ranges)}` : null;
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

/**
 * Where an element stands, and what it has, in seconds: `at 0.88 of 0.02–0.99 1.45–7.45, readyState 1, seeking`.
 * @param {HTMLVideoElement} video @param {import("./ranges.js").Range[]} ranges
 */
function standing(video, ranges) {
  const held = ranges.map((range) => range.map((time) => time.toFixed(2)).join("–")).join(" ");
  return `at ${video.currentTime.toFixed(2)} of ${held}, readyState ${video.readyState}${video.seeking ? ", seeking" : ""}`;
}
