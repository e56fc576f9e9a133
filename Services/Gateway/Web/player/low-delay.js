const KEY = "martlet.delay";
/** How long to wait before a connection is tried again, by how many attempts have failed. */
const PAUSES_MS = [4_000, 10_000, 30_000, 60_000];
/** A server that moves its viewers has a place for them at once; without one by then, something else must play. */
const MOVE_MS = 900;

/** @typedef {import("./whep.js").Reason} Reason */

/**
 * A connection as this needs it.
 * @typedef {{open: () => void, close: () => void, isReady: boolean}} Connection
 */

/**
 * @typedef {object} LowDelayHooks
 * @property {(hooks: {onReady: () => void, onLost: (reason: Reason) => void}) => any} connect makes a connection, not yet opened
 * @property {(connection: any) => void} onReady pictures arrive by this connection
 * @property {(reason: Reason) => void} onLost none is there now: play something else
 * @property {() => boolean} mayTry whether one would be of use just now
 */

/** Keeps a direct connection for the live edge: tries, tries again later, and remembers why there is none. */
export class LowDelay {
  /** @type {any} */ connection = null;
  /** @type {Reason | null} why there was none last time */ reason = null;
  /** When that became so, by `performance.now()`. */
  reasonSince = 0;
  isWanted = wanted();
  isSupported = "RTCPeerConnection" in globalThis;
  #failures = 0;
  #isRuledOut = false;
  /** A plan for later stands. */
  #isPlanned = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

  /** @param {LowDelayHooks} hooks */
  constructor(hooks) {
    this.hooks = hooks;
  }

  /** Whether an attempt makes sense for what is on the air. */
  get isPossible() {
    return this.isWanted && this.isSupported && !this.#isRuledOut;
  }

  /** Nothing is under way, nor planned for later. */
  get isIdle() {
    return this.connection === null && !this.#isPlanned;
  }

  /** An attempt is under way. */
  get isTrying() {
    return this.connection !== null && !this.connection.isReady;
  }

  /** @param {boolean} isWanted */
  setWanted(isWanted) {
    this.isWanted = isWanted;
    this.forget();
    try {
      localStorage.setItem(KEY, isWanted ? "lowest" : "smooth");
    } catch {
      // Without storage the choice lasts until the page is closed.
    }
  }

  /** Something else is on the air: what was true of the last is void. */
  forget() {
    this.stop();
    this.reason = null;
    this.#failures = 0;
    this.#isRuledOut = false;
  }

  /** Begins an attempt, where none is under way. */
  try() {
    this.#unplan();
    if (!this.isPossible || this.connection) return;
    const connection = this.hooks.connect({
      onReady: () => this.#ready(connection), onLost: (reason) => this.#lost(connection, reason) });
    this.connection = connection;
    void connection.open();
  }

  /** Ends the connection and every plan for another. */
  stop() {
    this.#unplan();
    this.connection?.close();
    this.connection = null;
  }

  /** Tries again when the pause is over, and then only where that is of use. */
  tryLater() {
    const pause = PAUSES_MS[Math.min(Math.max(this.#failures - 1, 0), PAUSES_MS.length - 1)];
    this.#plan(pause * (0.8 + Math.random() * 0.4), () => (this.hooks.mayTry() ? this.try() : this.tryLater()));
  }

  /** The network is another one: what failed may succeed now. */
  networkChanged() {
    if (!this.#isPlanned || this.connection || !this.hooks.mayTry()) return;
    this.#failures = 0;
    this.try();
  }

  /** @param {number} pause in ms @param {() => void} action */
  #plan(pause, action) {
    this.#unplan();
    this.#isPlanned = true;
    this.#timer = setTimeout(() => {
      this.#isPlanned = false;
      action();
    }, pause);
  }

  #unplan() {
    clearTimeout(this.#timer);
    this.#isPlanned = false;
  }

  /** @param {any} connection */
  #ready(connection) {
    if (this.connection !== connection) return;
    this.#unplan();
    this.#failures = 0;
    this.reason = null;
    this.hooks.onReady(connection);
  }

  /** @param {any} connection @param {Reason} reason */
  #lost(connection, reason) {
    if (this.connection !== connection) return;
    const wasReady = connection.isReady;
    this.connection = null;
    if (wasReady && reason.isPassing) return this.#move(reason);
    this.#note(reason);
    this.#failures += 1;
    if (reason.isFinal) this.#isRuledOut = true;
    else this.tryLater();
    this.hooks.onLost(reason);
  }

  /**
   * The last picture stays while another server takes over.
   * @param {Reason} reason
   */
  #move(reason) {
    this.try();
    this.#plan(MOVE_MS, () => {
      this.#note(reason);
      this.hooks.onLost(reason);
    });
  }

  /** @param {Reason} reason */
  #note(reason) {
    if (reason.code !== this.reason?.code) this.reasonSince = performance.now();
    this.reason = reason;
  }
}

function wanted() {
  try {
    return localStorage.getItem(KEY) !== "smooth";
  } catch {
    return true;
  }
}
