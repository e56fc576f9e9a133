import { call } from "./api.js";

/**
 * What the page cannot know by itself: where publishers go.
 * @typedef {{rtmpPort: number, rtmpsPort: number, tlsPort?: number}} Site
 */

/** @type {Promise<Site> | null} */ let facts = null;

/** @returns {Promise<Site>} */
export function siteFacts() {
  facts ??= call("GET", "/site.json").catch(() => ({ rtmpPort: 1935, rtmpsPort: 1936 }));
  return facts;
}

/**
 * The server address that a publisher enters; the standard port goes without saying.
 * @param {Site} site
 */
export function rtmpAddress({ rtmpPort }) {
  return `rtmp://${location.hostname}${rtmpPort === 1935 ? "" : `:${rtmpPort}`}/live`;
}
