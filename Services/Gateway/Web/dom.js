import { ICONS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. Properties with a dash, `role` and `for` become attributes, `on…` listeners, the rest properties.
 * @param {string} tag @param {Record<string, any>} [properties] @param {...(Node | string | null | undefined | false)} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, String(value));
    else /** @type {any} */ (element)[name] = value;
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/**
 * A line icon that says nothing by itself: its button carries the label.
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name] ?? "");
  svg.append(path);
  return svg;
}

/**
 * A square button with an icon, a label for those who hear it, and the same as a hint.
 * @param {string} name @param {string} label @param {() => void} onclick @param {Record<string, any>} [properties]
 * @returns {HTMLButtonElement}
 */
export function iconButton(name, label, onclick, properties = {}) {
  return h("button", { type: "button", className: "icon-button", "aria-label": label, title: label, onclick, ...properties }, icon(name));
}

/**
 * Changes a button's icon and label, only where they differ.
 * @param {HTMLButtonElement} button @param {string} name @param {string} label
 */
export function setIconButton(button, name, label) {
  if (button.getAttribute("aria-label") !== label) {
    button.setAttribute("aria-label", label);
    button.title = label;
  }
  if (!button.querySelector(`.icon-${name}`)) button.replaceChildren(icon(name));
}

/**
 * Sets an element's text, only where it differs: a live region must not repeat itself.
 * @param {Element} element @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes `children` the children of an element, and moves only what is not in its place: who has the focus keeps it.
 * @param {Element} parent @param {Node[]} children
 */
export function setChildren(parent, children) {
  for (const old of [...parent.childNodes]) if (!children.includes(/** @type {any} */ (old))) old.remove();
  for (const [index, child] of children.entries()) {
    if (parent.childNodes[index] !== child) parent.insertBefore(child, parent.childNodes[index] ?? null);
  }
}
