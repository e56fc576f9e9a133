import { h } from "../dom.js";
import { logo } from "../components/logo.js";

/** A page that does not exist. */
export async function notFoundPage() {
  return { title: "Not found", element: messagePage("Nothing here", "The address was mistyped, or what was here is gone.",
    h("a", { className: "button primary", href: "/" }, "Home")) };
}

/**
 * A page that only says something.
 * @param {string} title @param {string} text @param {Node} action
 */
export function messagePage(title, text, action) {
  return h("div", { className: "message-page" }, logo(), h("h1", {}, title), h("p", {}, text), action);
}
