import { Problem, call, itemsOf } from "../api.js";
import { h, icon, iconButton, setText } from "../dom.js";
import { ago, exactly } from "../format.js";
import { rtmpAddress } from "../site.js";
import "./m-advice.js";
import { CopyField } from "./m-copy.js";

/** @typedef {{id: string, slug: string, title: string, state?: string}} Stream */
/** @typedef {{id: string, name: string, createdAt?: string, revoked?: boolean, lastUsedAt?: string | null}} StreamKey */
/** @typedef {{id: string, name?: string, createdAt?: string, expiresAt?: string | null}} Share */

/** One stream with its keys and share links; secrets are shown once. */
export class StreamPanel extends HTMLElement {
  /** @type {Stream} */ #stream = { id: "", slug: "", title: "" };
  #keys = h("div", { className: "rows" });
  #shares = h("div", { className: "rows" });
  #keySecret = h("div", {});
  #shareSecret = h("div", {});
  #message = h("p", { className: "error-text", role: "alert" });
  /** @type {import("../site.js").Site} */ #site = { rtmpPort: 1935, rtmpsPort: 1936 };

  /** @param {Stream} stream @param {import("../site.js").Site} site */
  static of(stream, site) {
    const panel = /** @type {StreamPanel} */ (document.createElement("m-stream-panel"));
    panel.#stream = stream;
    panel.#site = site;
    panel.#build();
    return panel;
  }

  get #path() {
    return `/api/v1/streams/${this.#stream.id}`;
  }

  #build() {
    const { slug, title, state } = this.#stream;
    const isLive = state === "live" || state === "away";
    this.className = "panel stream-panel";
    this.append(
      h("header", {}, h("div", { className: "grow" }, h("h2", {}, title || slug), h("small", { className: "muted" }, `/watch/${slug}`)),
        isLive && h("span", { className: "badge live" }, h("span", { className: "dot" }), "LIVE"),
        h("a", { className: "button", href: `/studio?stream=${encodeURIComponent(slug)}` }, icon("camera"), "Studio"),
        h("a", { className: "button", href: `/watch/${encodeURIComponent(slug)}` }, icon("play"), "Watch")),
      h("m-advice", { streamId: isLive ? this.#stream.id : "" }),
      h("section", {}, this.#head("Stream keys", "A key lets one publisher send. It is shown once.", "New key", () => this.#makeKey()),
        this.#keySecret, this.#keys),
      h("section", {}, this.#head("Share links", "A link plays without a login, until it is revoked.", "New link", () => this.#makeShare()),
        this.#shareSecret, this.#shares),
      this.#message);
    void this.#refresh();
  }

  /** @param {string} title @param {string} hint @param {string} label @param {() => Promise<void>} action */
  #head(title, hint, label, action) {
    return h("div", { className: "inline-form" },
      h("div", { className: "field" }, h("h3", {}, title), h("span", { className: "hint" }, hint)),
      h("button", { type: "button", className: "button", onclick: () => this.#try(action) }, icon("plus"), label));
  }

  /** @param {() => Promise<void>} action */
  async #try(action) {
    setText(this.#message, "");
    try {
      await action();
      await this.#refresh();
    } catch (error) {
      setText(this.#message, error instanceof Problem ? `${error.message} (${error.code})` : String(error));
    }
  }

  async #refresh() {
    const [keys, shares] = await Promise.all([
      call("GET", `${this.#path}/keys`).then(itemsOf, () => []), call("GET", `${this.#path}/shares`).then(itemsOf, () => [])]);
    this.#keys.replaceChildren(...keys.filter((/** @type {StreamKey} */ key) => !key.revoked).map((key) => this.#keyRow(key)));
    this.#shares.replaceChildren(...shares.filter((/** @type {any} */ share) => !share.revoked).map((share) => this.#shareRow(share)));
  }

  async #makeKey() {
    const count = this.#keys.childElementCount;
    const name = count === 0 ? this.#stream.slug : `${this.#stream.slug}-${count + 1}`;
    this.#showKey(await call("POST", `${this.#path}/keys`, { name }));
  }

  /** @param {any} key */
  #showKey(key) {
    const text = key.streamKey ?? `${key.name}?k=${key.secret}`;
    this.#keySecret.replaceChildren(h("div", { className: "secret" },
      h("div", { className: "pair" }, h("small", {}, "Server"), CopyField.of(rtmpAddress(this.#site), "the server address")),
      h("div", { className: "pair" }, h("small", {}, "Stream key: copy it now, it is not shown again"), CopyField.of(text, "the stream key"))));
  }

  async #makeShare() {
    const share = await call("POST", `${this.#path}/shares`, {});
    const address = share.watchUrl ?? `${location.origin}/watch/${encodeURIComponent(this.#stream.slug)}#s=${share.secret}`;
    this.#shareSecret.replaceChildren(h("div", { className: "secret" },
      h("div", { className: "pair" }, h("small", {}, "Link: copy it now, its secret is not shown again"), CopyField.of(address, "the link"))));
  }

  /** @param {StreamKey} key */
  #keyRow(key) {
    return h("div", { className: "row" }, icon("key"),
      h("div", { className: "grow" }, h("span", {}, key.name), madeAt(key.createdAt)),
      iconButton("rotate", `Rotate ${key.name}: a new secret, the old one stops`, () => this.#try(async () =>
        this.#showKey({ name: key.name, ...(await call("POST", `${this.#path}/keys/${key.id}/rotate`)) }))),
      this.#revokeButton(key.name, `${this.#path}/keys/${key.id}`));
  }

  /** @param {Share} share */
  #shareRow(share) {
    const name = share.name || "Share link";
    const until = share.expiresAt ? `until ${exactly(share.expiresAt)}` : "without an end";
    return h("div", { className: "row" }, icon("share"),
      h("div", { className: "grow" }, h("span", {}, `${name}, ${until}`), madeAt(share.createdAt)),
      this.#revokeButton(name, `${this.#path}/shares/${share.id}`));
  }

  /**
   * The first click asks, the second does it.
   * @param {string} name @param {string} path
   */
  #revokeButton(name, path) {
    const button = h("button", { type: "button", className: "button quiet", onclick: () => {
      if (button.classList.contains("danger")) return void this.#try(() => call("DELETE", path));
      button.classList.add("danger");
      setText(button, "Really revoke?");
    }, onblur: () => { button.classList.remove("danger"); setText(button, "Revoke"); }, "aria-label": `Revoke ${name}` }, "Revoke");
    return button;
  }
}

/** @param {string | undefined} time */
function madeAt(time) {
  return time ? h("small", { className: "muted", title: exactly(time) }, `Made ${ago(time)}`) : null;
}

customElements.define("m-stream-panel", StreamPanel);
