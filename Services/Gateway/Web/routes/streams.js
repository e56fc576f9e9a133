import { Problem, call, itemsOf } from "../api.js";
import { StreamPanel } from "../components/m-stream-panel.js";
import { h, icon, setText } from "../dom.js";
import { siteFacts } from "../site.js";
import { messagePage } from "./not-found.js";

/** Streams with their keys and share links, for the administrator. */
export async function streamsPage() {
  const list = h("div", { className: "section" });
  const element = h("div", { className: "page narrow" },
    h("div", { className: "page-head" }, h("h1", {}, "Streams"), newStreamButton(() => form)), list);
  const form = newStreamForm(async () => refresh());
  element.insertBefore(form, list);
  const refresh = async () => {
    try {
      const [streams, site] = await Promise.all([call("GET", "/api/v1/streams").then(itemsOf), siteFacts()]);
      list.replaceChildren(...(streams.length > 0
        ? streams.map((stream) => StreamPanel.of(stream, site))
        : [h("p", { className: "muted" }, "No stream yet. Make one, then give each publisher a key of their own.")]));
      form.hidden = form.hidden && streams.length > 0;
    } catch (error) {
      if (error instanceof Problem && error.isRefusal) return location.replace("/login?next=/streams");
      element.replaceChildren(messagePage("The streams could not be read", error instanceof Problem ? `${error.message} (${error.code})` : String(error),
        h("button", { type: "button", className: "button", onclick: () => location.reload() }, "Try again")));
    }
  };
  await refresh();
  return { element, title: "Streams" };
}

/** @param {() => HTMLElement} form */
function newStreamButton(form) {
  return h("button", { type: "button", className: "button", onclick: () => {
    form().hidden = false;
    /** @type {HTMLElement | null} */ (form().querySelector("input"))?.focus();
  } }, icon("plus"), "New stream");
}

/** @param {() => Promise<void>} onMade */
function newStreamForm(onMade) {
  const title = h("input", { id: "new-title", className: "input", required: true, maxLength: 120, placeholder: "Tuesday scrims" });
  const slug = h("input", { id: "new-slug", className: "input", required: true, maxLength: 64, pattern: "[a-z0-9][a-z0-9\\-]*", spellcheck: false });
  const message = h("p", { className: "error-text", role: "alert" });
  let isOwnSlug = false;
  title.addEventListener("input", () => { if (!isOwnSlug) slug.value = slugOf(title.value); });
  slug.addEventListener("input", () => { isOwnSlug = slug.value !== ""; });
  const form = h("form", { className: "panel", hidden: true, onsubmit: async (/** @type {Event} */ event) => {
    event.preventDefault();
    setText(message, "");
    try {
      await call("POST", "/api/v1/streams", { slug: slug.value, title: title.value });
      form.reset();
      isOwnSlug = false;
      form.hidden = true;
      await onMade();
    } catch (error) {
      setText(message, error instanceof Problem ? `${error.message} (${error.code})` : String(error));
    }
  } }, h("div", { className: "form-body" },
    h("div", { className: "inline-form" },
      h("div", { className: "field" }, h("label", { for: "new-title" }, "Title"), title),
      h("div", { className: "field" }, h("label", { for: "new-slug" }, `Link: ${location.host}/watch/…`), slug)),
    message, h("div", { className: "inline-form" }, h("button", { className: "button primary" }, "Make the stream"))));
  return form;
}

/**
 * A link's name from a title.
 * @param {string} title
 */
export function slugOf(title) {
  return title.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64);
}
