import "../components/m-player.js";
import { h } from "../dom.js";
import { openWith, takeSecret } from "./watch.js";

/**
 * The player alone, for other people's pages.
 * @param {{slug: string, query: URLSearchParams}} place
 */
export async function embedPage({ slug, query }) {
  const view = /** @type {import("../components/m-player.js").PlayerView} */ (document.createElement("m-player"));
  /** @type {any} */ (window).martlet = { player: view.player };
  const life = new AbortController();
  void openWith(view.player, slug, takeSecret(), query, life.signal);
  return { element: h("div", { className: "embed" }, view), title: slug, isBare: true, close: () => life.abort() };
}
