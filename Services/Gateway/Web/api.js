/** What a server said in a problem document (RFC 9457), or what kept us from hearing it. */
export class Problem extends Error {
  /** @param {{status?: number, code?: string, title?: string, detail?: string}} document */
  constructor(document) {
    super(document.detail || document.title || "The server did not answer.");
    this.status = document.status ?? 0;
    this.code = document.code ?? "unreachable";
    this.title = document.title ?? "No connection";
  }

  /** The server could not be reached, or is not able to answer just now: trying again makes sense. */
  get isTemporary() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** One must log in, or may not see this. */
  get isRefusal() {
    return this.status === 401 || this.status === 403 || this.status === 404;
  }
}

/**
 * Calls the API and returns the JSON answer; throws `Problem`.
 * @param {string} method @param {string} path @param {unknown} [body] @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function call(method, path, body, signal) {
  const response = await request(path, {
    method, signal, credentials: "same-origin", cache: "no-store",
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await jsonIn(response);
  if (response.ok) return answer;
  throw new Problem({ ...answer, status: response.status });
}

/**
 * Sends a request and returns its answer; what is not a success is thrown as a `Problem`.
 * @param {string} path @param {RequestInit} options
 */
export async function send(path, options) {
  const response = await request(path, { ...options, credentials: "same-origin" });
  if (response.ok) return response;
  throw new Problem({ ...(await jsonIn(response)), status: response.status });
}

/** @param {string} path @param {RequestInit} options */
async function request(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem({});
  }
}

/** @param {Response} response @returns {Promise<any>} */
async function jsonIn(response) {
  const isJSON = /[/+]json/.test(response.headers.get("Content-Type") ?? "");
  return isJSON ? response.json().catch(() => ({})) : {};
}

/**
 * @typedef {object} WatchSession
 * @property {string} id
 * @property {string} state live, away or ended
 * @property {string} startedAt
 * @property {string | null} [endedAt]
 * @property {number | null} [duration]
 */

/**
 * @typedef {object} Recording
 * @property {string} id
 * @property {string} streamId
 * @property {string} sessionId
 * @property {string} startedAt
 * @property {number | null} duration
 * @property {string} state recording, complete or failed
 * @property {string} [title]
 * @property {number} [bytes]
 * @property {string} watchUrl
 * @property {string} fileUrl
 */

/**
 * @typedef {object} WatchState
 * @property {string} slug
 * @property {string} title
 * @property {string} streamId
 * @property {"offline" | "live" | "away" | "ended"} state
 * @property {WatchSession | null} session
 * @property {string} hlsUrl
 * @property {Recording[]} [recordings]
 */

/**
 * @param {string} slug @param {AbortSignal} [signal]
 * @returns {Promise<WatchState>}
 */
export const watchState = (slug, signal) =>
  call("GET", `/api/v1/watch/${encodeURIComponent(slug)}`, undefined, signal);

/**
 * The items of a list answer, whichever of the two usual shapes it has.
 * @param {any} answer @returns {any[]}
 */
export const itemsOf = (answer) => (Array.isArray(answer) ? answer : answer?.items ?? []);
