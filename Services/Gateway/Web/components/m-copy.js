import { h, iconButton, setIconButton } from "../dom.js";

const SHOWN_MS = 1_600;

/** A text to take along, with a button that copies it. */
export class CopyField extends HTMLElement {
  /** @param {string} text @param {string} label what the text is */
  static of(text, label) {
    const field = /** @type {CopyField} */ (document.createElement("m-copy"));
    field.#fill(text, label);
    return field;
  }

  /** @param {string} text @param {string} label */
  #fill(text, label) {
    const button = iconButton("copy", `Copy ${label}`, async () => {
      const isCopied = await copy(text);
      setIconButton(button, isCopied ? "check" : "copy", isCopied ? "Copied" : "Select the text and copy it");
      button.classList.toggle("done", isCopied);
      setTimeout(() => { setIconButton(button, "copy", `Copy ${label}`); button.classList.remove("done"); }, SHOWN_MS);
    });
    this.replaceChildren(h("code", {}, text), button);
  }
}

/**
 * Puts a text on the clipboard; where the page is not secure (plain HTTP in a network), by a selection.
 * @param {string} text
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { value: text, className: "visually-hidden", "aria-hidden": "true" });
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}

customElements.define("m-copy", CopyField);
