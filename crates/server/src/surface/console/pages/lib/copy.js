// A text with a button that copies it.
import { el } from "./element.js";
import { notice } from "./notice.js";

/** A button that copies; `what` says what, for those who do not see where it stands. */
export function copyButton(text, what, label = "Copy") {
  const value = typeof text === "function" ? text : () => text;
  const act = async () => {
    try {
      await navigator.clipboard.writeText(value());
      notice(`Copied ${what}.`);
    } catch {
      notice("The browser did not allow copying; select the text and copy it by hand.");
    }
  };
  return el("button", { type: "button", class: "small-button", "aria-label": `${label} ${what}`, onclick: act }, label);
}

/** A command or a key to copy, in a box of its own. */
export function copyBlock(text, what) {
  return el("div", { class: "copy-block" },
    el("pre", { tabindex: "0", "aria-label": what }, el("code", null, text)), copyButton(text, what));
}

/** A short value in one line with its button; the whole is copied where only a part is shown. */
export function copyValue(text, what, shown = text) {
  return el("span", { class: "copy-value" }, el("code", { title: shown === text ? null : text }, shown), copyButton(text, what));
}
