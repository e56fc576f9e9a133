import { LiveEdge } from "./live-edge.js";

/**
 * Where a session ends just now: by the newest media that arrived, else by the clock since then.
 * A value without clock: `now` is in milliseconds of one monotonic clock, times in seconds.
 */
export class SessionEdge {
  control = new LiveEdge();
  /** The end of the newest media that the feed brought. */
  newest = 0;
  /** Whether the session goes on: not while its publisher is away, nor when it is over. */
  isMoving = true;
  #mark = { time: 0, at: 0 };

  /** @param {number} now */
  at(now) {
    return this.#mark.time + (this.isMoving ? (now - this.#mark.at) / 1000 : 0);
  }

  /**
   * The feed has joined or come back: what it knew of arrivals is void.
   * @param {number} partDuration
   */
  joined(partDuration) {
    this.control.reset();
    this.control.partDuration = partDuration;
    this.newest = 0;
  }

  /**
   * The feed's media now ends at `end`.
   * @param {number} now @param {number} end
   */
  arrived(now, end) {
    if (end <= this.newest) return;
    this.newest = end;
    this.control.arrived(now, end);
    this.#mark = { time: end, at: now };
  }

  /**
   * Stored segments reach at least to `end`.
   * @param {number} now @param {number} end
   */
  reaches(now, end) {
    if (end > this.at(now)) this.#mark = { time: end, at: now };
  }

  /**
   * The session stands still at what has arrived: the publisher is away, or it is over.
   * @param {number} now @param {number} [end]
   */
  stop(now, end = Math.max(this.newest, this.#mark.time)) {
    this.isMoving = false;
    this.#mark = { time: end, at: now };
    this.control.reset();
  }

  /**
   * The session goes on.
   * @param {number} now
   */
  goOn(now) {
    this.isMoving = true;
    this.#mark.at = now;
    this.control.reset();
  }

  /**
   * Where to begin playing at the edge: as far before the media's end as keeps the target distance, less
   * the age of the newest part, for that much sooner will the next one come.
   * @param {number} now @param {import("./ranges.js").Range} range the newest media @param {number} age
   */
  startIn(now, [start, end], age) {
    return Math.max(start + 0.001, end - Math.max(LEAST_AHEAD, this.control.target(now) - age));
  }
}

/** Seconds of media to have ahead when playing begins. */
const LEAST_AHEAD = 0.1;
