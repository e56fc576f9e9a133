import { JUMP_BEHIND } from "./live-edge.js";
import { rangeAt } from "./ranges.js";
import { SessionEdge } from "./session-edge.js";
import { programTimeAt } from "./timeline.js";

/** Who watches at double speed has caught up this near to the target distance, in seconds, and is live. */
const CATCH_UP_MARGIN = 0.3;
/** A part is some 50 ms on its way: that much of its age is not the server's. */
const ON_THE_WAY = 0.05;

/** Steers the playhead: at the live edge by small changes of the rate, elsewhere at the viewer's speed. */
export class Pilot {
  edge = new SessionEdge();
  /** Whether the viewer is at the live edge and wants to stay there. */
  following = false;
  speed = 1;
  /** Whether the viewer asked for the pause to come; else the browser pauses what nobody sees. */
  isHeldByViewer = false;
  #isHeldByBrowser = false;

  /**
   * @param {HTMLVideoElement} video @param {import("./media-sink.js").MediaSink} sink
   * @param {import("./live-receiver.js").LiveReceiver} receiver @param {import("./server-clock.js").ServerClock} clock
   */
  constructor(video, sink, receiver, clock) {
    this.video = video;
    this.sink = sink;
    this.receiver = receiver;
    this.clock = clock;
  }

  /** The distance to the edge that is aimed at, in seconds. */
  get target() {
    return this.edge.control.target(performance.now());
  }

  /** Sets the rate for the next moments, and jumps where one is too far behind. */
  steer() {
    const { video } = this;
    if (video.paused || video.seeking) return;
    // A hidden tab's timers come once a second, or once a minute: no rate but 1 may stand that long.
    if (document.hidden) return this.#setRate(this.following ? 1 : this.speed);
    if (!this.receiver.isCaughtUp || !this.edge.isMoving) return this.#setRate(this.following ? 1 : this.speed);
    const { rate, jumpTo, behind } = this.edge.control.decide(performance.now(), video.currentTime);
    if (this.speed > 1 && behind < this.target + CATCH_UP_MARGIN) this.#hasCaughtUp();
    this.#setRate(this.following ? rate : this.speed);
    if (this.following && jumpTo !== null && rangeAt(this.sink.buffered(), jumpTo)) video.currentTime = jumpTo;
  }

  /** The feed has joined, or come back. */
  joined() {
    this.edge.joined(this.receiver.partTarget);
  }

  /** Media was appended. */
  appended() {
    if (!this.receiver.isCaughtUp) return;
    // A feed that had turns may hold a connection by now.
    this.edge.control.partDuration = this.receiver.partTarget;
    this.edge.arrived(performance.now(), this.sink.buffered().at(-1)?.[1] ?? 0);
  }

  /**
   * To the newest media; true where that moved the playhead.
   * @returns {boolean}
   */
  jumpToEdge() {
    const range = this.sink.buffered().at(-1);
    if (!range) return false;
    const { currentTime } = this.video;
    const to = this.edge.startIn(performance.now(), range, this.#age(range[1]));
    if (currentTime >= range[0] && currentTime < range[1] && Math.abs(currentTime - to) < 0.5) return false;
    this.sink.setSeekable(0, range[1]);
    this.video.currentTime = to;
    return true;
  }

  paused() {
    this.#isHeldByBrowser = document.hidden && this.following && !this.isHeldByViewer;
  }

  /**
   * The tab can be seen again; true where the live picture is wanted.
   * @returns {boolean}
   */
  returned() {
    const isLive = this.following || this.#isHeldByBrowser;
    this.#isHeldByBrowser = false;
    return isLive && !this.isHeldByViewer;
  }

  /** Who paused for a while goes on where they paused, and is no longer live. */
  resumed() {
    this.isHeldByViewer = false;
    if (this.#isHeldByBrowser) return;
    const behind = this.edge.at(performance.now()) - this.video.currentTime;
    if (this.receiver.isCaughtUp && behind > JUMP_BEHIND) this.following = false;
  }

  #hasCaughtUp() {
    this.following = true;
    this.speed = 1;
  }

  /** @param {number} rate */
  #setRate(rate) {
    if (this.video.playbackRate !== rate) this.video.playbackRate = rate;
  }

  /**
   * How long ago the newest part was complete, in seconds.
   * @param {number} end
   */
  #age(end) {
    const time = this.clock.isSet ? programTimeAt(this.receiver.anchors, end) : null;
    if (time === null) return 0;
    return Math.min(Math.max((this.clock.now() - time) / 1000 - ON_THE_WAY, 0), this.receiver.partTarget);
  }
}
