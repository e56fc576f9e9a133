import { account } from "./account.js";
import "./components/m-header.js";
import { h } from "./dom.js";

/**
 * @typedef {object} Page
 * @property {HTMLElement} element
 * @property {string} title
 * @property {boolean} [isBare] without the bar at the top
 * @property {boolean} [isDark] dark in every theme, for it is all pictures
 * @property {() => void} [close]
 * @property {() => boolean} [mayLeave] whether it may be left without asking; asks where not
 */

/** @typedef {{slug: string, query: URLSearchParams}} Place */
/** @typedef {(place: Place) => Promise<Page>} Route */

/** @type {[RegExp, () => Promise<Route>][]} */
const ROUTES = [
  [/^\/$/, async () => (await import("./routes/home.js")).homePage],
  [/^\/watch\/([^/]+)$/, async () => (await import("./routes/watch.js")).watchPage],
  [/^\/embed\/([^/]+)$/, async () => (await import("./routes/embed.js")).embedPage],
  [/^\/login$/, async () => (await import("./routes/login.js")).loginPage],
  [/^\/studio$/, async () => (await import("./routes/studio.js")).studioPage],
  [/^\/multiview$/, async () => (await import("./routes/multiview.js")).multiviewPage],
  [/^\/streams$/, async () => (await import("./routes/streams.js")).streamsPage],
];

/** @type {Page | null} */ let current = null;
let visit = 0;
let shown = "";

/** Shows the page that the address names. */
async function show() {
  const mine = ++visit;
  shown = location.pathname + location.search;
  const next = await opened(new URL(location.href));
  if (mine !== visit) return next.close?.();
  current?.close?.();
  current = next;
  document.title = next.title;
  document.documentElement.classList.toggle("dark", next.isDark === true);
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  main.replaceChildren(next.element);
  const header = /** @type {HTMLElement} */ (document.querySelector("m-header"));
  header.hidden = next.isBare === true;
  dispatchEvent(new Event("martlet:page"));
  scrollTo(0, 0);
  /** @type {HTMLElement | null} */ (main.querySelector("[autofocus]"))?.focus();
}

/**
 * Opens the page at an address; where its modules cannot be had (the connection is gone, or a newer version is
 * installed), a page that says so.
 * @param {URL} address @returns {Promise<Page>}
 */
async function opened(address) {
  try {
    const { page, place } = await pageAt(address);
    return await page(place);
  } catch (error) {
    console.error(error);
    return { title: "Martlet", element: notLoaded() };
  }
}

function notLoaded() {
  return h("div", { className: "message-page" }, h("h1", {}, "The page could not be loaded"),
    h("p", {}, "The connection is gone, or Martlet was renewed meanwhile."),
    h("button", { type: "button", className: "button primary", onclick: () => location.reload() }, "Load again"));
}

/** @param {URL} address @returns {Promise<{page: Route, place: Place}>} */
async function pageAt(address) {
  for (const [pattern, load] of ROUTES) {
    const match = pattern.exec(address.pathname);
    if (!match) continue;
    return { page: await load(), place: { slug: decoded(match[1] ?? ""), query: address.searchParams } };
  }
  const { notFoundPage } = await import("./routes/not-found.js");
  return { page: notFoundPage, place: { slug: "", query: address.searchParams } };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Links to our own pages change the page, not the document.
 * @param {MouseEvent} event
 */
function follow(event) {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.defaultPrevented) return;
  const link = /** @type {HTMLElement} */ (event.target).closest?.("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  const isOurs = ROUTES.some(([pattern]) => pattern.test(link.pathname));
  if (!isOurs || link.hash.startsWith("#main")) return;
  event.preventDefault();
  if (current?.mayLeave?.() === false) return;
  if (link.href !== location.href) history.pushState(null, "", link.href);
  void show();
}

document.addEventListener("click", follow);
addEventListener("popstate", () => {
  const isElsewhere = location.pathname + location.search !== shown;
  if (isElsewhere && current?.mayLeave?.() === false) return history.pushState(null, "", shown);
  if (isElsewhere || location.hash.startsWith("#s=")) void show();
});
void show();
// A watch page asks who is looking when it has exchanged its link's secret.
if (!/^\/(watch|embed)\//.test(location.pathname)) void account.refresh();
