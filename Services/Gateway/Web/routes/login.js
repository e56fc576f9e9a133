import { Problem, call } from "../api.js";
import { account } from "../account.js";
import { h, setText } from "../dom.js";
import { logo } from "../components/logo.js";

/** @param {{query: URLSearchParams}} place */
export async function loginPage({ query }) {
  const user = h("input", { id: "user", name: "username", className: "input", autocomplete: "username", required: true, autofocus: true, spellcheck: false });
  const password = h("input", { id: "password", name: "password", type: "password", className: "input", autocomplete: "current-password", required: true });
  const message = h("p", { className: "error-text", role: "alert", hidden: true });
  const button = h("button", { className: "button primary" }, "Log in");
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    button.disabled = true;
    message.hidden = true;
    try {
      await call("POST", "/api/v1/login", { user: user.value, password: password.value });
      await account.refresh();
      location.assign(safeNext(query.get("next")));
    } catch (error) {
      setText(message, wordsFor(error));
      message.hidden = false;
      button.disabled = false;
      password.select();
    }
  };
  const form = h("form", { className: "panel", onsubmit: submit }, logo("brand-mark"), h("h1", {}, "Log in to Martlet"),
    h("div", { className: "field" }, h("label", { for: "user" }, "User"), user),
    h("div", { className: "field" }, h("label", { for: "password" }, "Password"), password), message, button);
  return { element: h("div", { className: "login" }, form), title: "Log in" };
}

/** @param {unknown} error */
function wordsFor(error) {
  if (!(error instanceof Problem)) return String(error);
  if (error.status === 401 || error.status === 403) return "The user or the password is wrong.";
  if (error.status === 429) return "Too many attempts. Wait a minute, then try again.";
  return error.status === 0 ? "The server does not answer. Check the connection." : `${error.message} (${error.code})`;
}

/**
 * Only a path on this site: a link must not carry people elsewhere after a login.
 * @param {string | null} next
 */
export function safeNext(next) {
  if (!next || !next.startsWith("/")) return "/";
  const target = new URL(next, location.origin);
  return target.origin === location.origin ? target.pathname + target.search + target.hash : "/";
}
