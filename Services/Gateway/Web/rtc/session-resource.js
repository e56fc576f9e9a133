import { Problem } from "../api.js";
import { iceServersIn } from "./ice-servers.js";

/**
 * How requests reach the server: like `fetch`, but what is not a success is thrown as a `Problem`.
 * @typedef {(url: string, options: RequestInit) => Promise<Response>} Send
 */

/** A server that does not answer a DELETE for so long, in ms, is not waited for. */
const CLOSE_MS = 500;

/** The HTTP side of one WebRTC session, alike for publishing (WHIP, RFC 9725) and watching (WHEP). */
export class SessionResource {
  /** @type {string | null} */ #location = null;
  /** @type {string | null} */ #etag = null;
  /** @type {RTCIceServer[]} */ iceServers = [];

  /** @param {string} endpoint @param {Send} send @param {Record<string, string>} [headers] such as an authorization */
  constructor(endpoint, send, headers = {}) {
    this.endpoint = endpoint;
    this.send = send;
    this.headers = headers;
  }

  get isOpen() {
    return this.#location !== null;
  }

  /** The session's name, the last element of its address; empty where there is none. */
  get name() {
    return this.#location?.split("/").at(-1) ?? "";
  }

  /**
   * Sends the offer and returns the answer.
   * @param {string} offer @param {AbortSignal} signal
   */
  async open(offer, signal) {
    const response = await this.send(this.endpoint, {
      method: "POST", signal, body: offer, headers: { ...this.headers, "Content-Type": "application/sdp", Accept: "application/sdp" } });
    const location = response.headers.get("Location");
    const isAnswer = (response.headers.get("Content-Type") ?? "").startsWith("application/sdp");
    if (!location || !isAnswer) throw new Problem({ status: 502, code: "no_answer", detail: "The server's answer is no session." });
    this.#location = new URL(location, response.url || this.endpoint).href;
    this.#etag = response.headers.get("ETag");
    this.iceServers = iceServersIn(response.headers.get("Link") ?? "");
    return response.text();
  }

  /**
   * Sends new ICE credentials and returns the server's, or null where it keeps none.
   * @param {string} fragment @param {AbortSignal} signal
   * @returns {Promise<string | null>}
   */
  async restart(fragment, signal) {
    if (!this.#location) throw new Problem({ code: "no_session", detail: "There is no session to restart." });
    const response = await this.send(this.#location, {
      method: "PATCH", signal, body: fragment,
      headers: { ...this.headers, "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" } });
    this.#etag = response.headers.get("ETag") ?? this.#etag;
    return response.status === 200 ? response.text() : null;
  }

  /**
   * Sends one more candidate of ours.
   * @param {string} fragment @param {AbortSignal} signal
   */
  async trickle(fragment, signal) {
    if (!this.#location) return;
    await this.send(this.#location, {
      method: "PATCH", signal, body: fragment, headers: {
        ...this.headers, "Content-Type": "application/trickle-ice-sdpfrag", ...(this.#etag ? { "If-Match": this.#etag } : {}) } });
  }

  /**
   * Ends the session on the server, also while the page is being left. Over when the server has heard it, or did not
   * within a moment: only then the connection should end, or the server finds no session to delete.
   */
  async close() {
    const location = this.#location;
    this.#location = null;
    if (!location) return;
    const heard = this.send(location, { method: "DELETE", keepalive: true, headers: this.headers }).catch(() => {});
    await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, CLOSE_MS))]);
  }
}
