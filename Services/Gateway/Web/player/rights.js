import { Problem, call } from "../api.js";

const RENEW_MS = 60_000;

/** The viewer's right to one stream's media: a cookie, renewed while the page is open. */
export class MediaRights {
  /** @type {Promise<void> | null} */ #renewal = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;

  /** @param {string} streamId */
  constructor(streamId) {
    this.streamId = streamId;
  }

  /** Asks for the cookie now and then every minute. */
  start() {
    void this.renew();
    this.#timer = setInterval(() => void this.renew(), RENEW_MS);
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** One renewal at a time; its failure shows at the next media request. */
  renew() {
    this.#renewal ??= call("POST", `/api/v1/streams/${this.streamId}/media-cookie`)
      .then(() => {}, () => {})
      .finally(() => { this.#renewal = null; });
    return this.#renewal;
  }

  /**
   * Fetches media; where the cookie was missing or stale, once more with a new one.
   * @param {string} url @param {AbortSignal} signal
   */
  fetch(url, signal) {
    return this.send(url, { signal });
  }

  /**
   * The same for a request of any method.
   * @param {string} url @param {RequestInit} options
   */
  async send(url, options) {
    const first = await attempt(url, options);
    if (first.status !== 401 && first.status !== 403 && first.status !== 404) return checked(first);
    await this.renew();
    return checked(await attempt(url, options));
  }
}

/** @param {string} url @param {RequestInit} options */
async function attempt(url, options) {
  try {
    return await fetch(url, { ...options, credentials: "same-origin" });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem({});
  }
}

/** @param {Response} response */
async function checked(response) {
  if (response.ok) return response;
  const document = await response.json().catch(() => ({}));
  throw new Problem({ ...document, status: response.status });
}
