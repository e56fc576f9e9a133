import { Problem, call, itemsOf } from "../api.js";
import { Studio } from "../components/m-studio.js";
import { h } from "../dom.js";
import { siteFacts } from "../site.js";
import { messagePage } from "./not-found.js";

/**
 * Going live from this browser.
 * @param {{query: URLSearchParams}} place
 */
export async function studioPage({ query }) {
  const title = "Studio";
  try {
    const [streams, site] = await Promise.all([call("GET", "/api/v1/streams?limit=200").then(itemsOf), siteFacts()]);
    if (streams.length === 0) return { title, element: noStream() };
    if (navigator.mediaDevices === undefined) return { title, element: notSecure(site.tlsPort) };
    const studio = Studio.of(streams, query.get("stream"));
    /** @type {any} */ (window).martlet = { studio };
    return { title, element: studio, close: () => studio.close(), mayLeave: () => studio.mayLeave() };
  } catch (error) {
    if (error instanceof Problem && error.isRefusal) {
      location.replace(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
      return { title, element: h("div", {}) };
    }
    return { title, element: messagePage("The studio could not be opened", error instanceof Problem ? `${error.message} (${error.code})` : String(error),
      h("button", { type: "button", className: "button", onclick: () => location.reload() }, "Try again")) };
  }
}

function noStream() {
  return messagePage("First, a stream", "What you publish needs a stream with a link that people can watch. Make one, then come back.",
    h("a", { className: "button primary", href: "/streams" }, "Make a stream"));
}

/** @param {number | undefined} tlsPort */
function notSecure(tlsPort) {
  const address = new URL(location.href);
  address.protocol = "https:";
  address.port = String(tlsPort ?? 8443);
  return messagePage("This address is not secure", "Browsers open cameras and screens only for pages that came encrypted. Open the studio by HTTPS.",
    h("a", { className: "button primary", href: address.href }, "Open by HTTPS"));
}
