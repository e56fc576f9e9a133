import { parseMaster } from "./playlist.js";

/** When the playlist is asked, in ms after the tracks changed: it has a new one a moment later. */
const LOOKS_MS = [0, 1000, 3000, 8000];

/** Which tracks a stream has, for a connection that does not tell: its master playlist does. */
export class TrackFinder {
  /** @type {(url: string) => Promise<Response>} */ #send;
  /** @type {ReturnType<typeof setTimeout>[]} */ #looks = [];

  /** @param {(url: string) => Promise<Response>} send */
  constructor(send) {
    this.#send = send;
  }

  /**
   * Asks now and some times again; where there is no answer nothing is told.
   * @param {string} url @param {(renditions: import("./playlist.js").Rendition[]) => void} found
   */
  find(url, found) {
    this.stop();
    this.#looks = LOOKS_MS.map((delay) => setTimeout(() => void this.#look(url, found), delay));
  }

  stop() {
    this.#looks.forEach(clearTimeout);
    this.#looks = [];
  }

  /** @param {string} url @param {(renditions: import("./playlist.js").Rendition[]) => void} found */
  async #look(url, found) {
    const looks = this.#looks;
    const text = await this.#send(url).then((answer) => answer.text()).catch(() => "");
    if (text && looks === this.#looks) found(parseMaster(text, url));
  }
}
