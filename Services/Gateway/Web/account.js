import { call } from "./api.js";

/** Who is looking: asked once a page, told as `change`. */
class Account extends EventTarget {
  /** @type {string | null} */ user = null;
  role = "";
  isKnown = false;

  /** May make streams, keys and links. */
  get mayManage() {
    return this.user !== null && (this.role === "admin" || this.role === "member");
  }

  async refresh() {
    try {
      const me = await call("GET", "/api/v1/me");
      this.user = me.kind === "share" ? null : me.name ?? "account";
      this.role = me.role ?? "";
    } catch {
      this.user = null;
      this.role = "";
    }
    this.isKnown = true;
    this.dispatchEvent(new Event("change"));
  }
}

export const account = new Account();
