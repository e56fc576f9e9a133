import { MARTLET } from "../icons.js";

/**
 * The martlet as a picture of its own.
 * @param {string} className
 */
export function logo(className = "mark") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", MARTLET);
  svg.append(path);
  return svg;
}
