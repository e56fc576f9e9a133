import { call } from "../api.js";
import { h, icon, iconButton } from "../dom.js";
import { account } from "../account.js";
import { logo } from "./logo.js";

/** The bar at the top of every page but the embedded one. */
export class Header extends HTMLElement {
  #nav = h("nav", { "aria-label": "Pages" });
  #tools = h("div", { className: "tools" });

  connectedCallback() {
    this.replaceChildren(h("header", { className: "top" },
      h("a", { className: "brand", href: "/" }, logo("mark"), "Martlet"), this.#nav,
      iconButton("theme", "Light or dark", toggleTheme), this.#tools));
    account.addEventListener("change", () => this.#draw());
    addEventListener("martlet:page", () => this.#draw());
    this.#draw();
  }

  #draw() {
    const pages = [["/", "home", "Home"], ...(account.mayManage ? [["/multiview", "grid", "Multi-view"], ["/studio", "camera", "Studio"], ["/streams", "streams", "Streams"]] : [])];
    this.#nav.replaceChildren(...pages.map(([href, name, label]) => h("a", {
      href, "aria-label": label, "aria-current": location.pathname === href ? "page" : undefined }, icon(name), h("span", {}, label))));
    this.#tools.replaceChildren(...(account.user
      ? [iconButton("logout", `Log out ${account.user}`, logout)]
      : account.isKnown && location.pathname !== "/login" ? [h("a", { className: "button", href: "/login" }, "Log in")] : []));
  }
}

async function logout() {
  await call("POST", "/api/v1/logout").catch(() => {});
  location.assign("/login");
}

function toggleTheme() {
  const root = document.documentElement;
  const theme = root.dataset.theme === "light" ? "dark" : "light";
  root.dataset.theme = theme;
  try {
    localStorage.setItem("martlet.theme", theme);
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
}

customElements.define("m-header", Header);
