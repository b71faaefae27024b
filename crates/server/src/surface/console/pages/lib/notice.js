// Short words that tell what was just done; they are read out and go by themselves.
import { el } from "./element.js";

/** Long enough to read a sentence twice. */
const STAYS = 8000;
const place = el("div", { class: "notices", role: "status", "aria-live": "polite" });

/** Where they appear; the frame puts it into the document once. */
export function noticePlace() {
  return place;
}

/** Tells something that was done. */
export function notice(text) {
  const one = el("div", { class: "notice" }, el("span", null, text),
    el("button", { type: "button", class: "plain-button", "aria-label": "Close this message", onclick: () => one.remove() }, "×"));
  place.replaceChildren(one);
  setTimeout(() => one.remove(), STAYS);
}
