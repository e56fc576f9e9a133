/** Timers that go by a test's hand; those of node's own test runner differ from one version to the next. */
export class HeldTimers {
  #now = 0;
  #next = 1;
  /** @type {Map<number, {at: number, every: number | null, act: () => void}>} */ #waiting = new Map();
  /** @type {Record<string, unknown>} */ #real = {};

  /** @param {...("setTimeout" | "setInterval")} names */
  constructor(...names) {
    for (const name of names) {
      const repeats = name === "setInterval";
      this.#replace(name, (act, delay = 0, ...rest) => this.#add(() => act(...rest), delay, repeats));
      this.#replace(name.replace("set", "clear"), (id) => this.#waiting.delete(id));
    }
  }

  /** Lets time pass, and does what is due in its order. @param {number} milliseconds */
  tick(milliseconds) {
    const end = this.#now + milliseconds;
    for (;;) {
      const [first] = [...this.#waiting].filter(([, { at }]) => at <= end).sort(([, one], [, other]) => one.at - other.at);
      if (!first) break;
      const [id, timer] = first;
      this.#now = timer.at;
      if (timer.every === null) this.#waiting.delete(id);
      else timer.at += timer.every;
      timer.act();
    }
    this.#now = end;
  }

  /** Gives the real timers back. */
  reset() {
    Object.assign(globalThis, this.#real);
    this.#waiting.clear();
  }

  #add(/** @type {() => void} */ act, /** @type {number} */ delay, /** @type {boolean} */ repeats) {
    const id = this.#next++;
    this.#waiting.set(id, { at: this.#now + delay, every: repeats ? Math.max(1, delay) : null, act });
    return id;
  }

  #replace(/** @type {string} */ name, /** @type {unknown} */ held) {
    this.#real[name] = globalThis[name];
    globalThis[name] = held;
  }
}

/** Held timers for one test. @param {import("node:test").TestContext} context */
export function hold(context) {
  const timers = new HeldTimers("setTimeout");
  context.after(() => timers.reset());
  return timers;
}
