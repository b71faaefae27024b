// States in a word and a shape, so that colour is never alone.
import { el } from "./element.js";

const SHAPES = {
  good: "●",
  waiting: "◐",
  ending: "◔",
  off: "○",
  bad: "✕",
};
const STATES = {
  active: ["good", "active"],
  verified: ["good", "verified"],
  enabled: ["good", "enabled"],
  signing: ["good", "signing"],
  ready: ["good", "ready"],
  intact: ["good", "intact"],
  pending: ["waiting", "pending"],
  next: ["waiting", "next"],
  absent: ["waiting", "no proof"],
  retiring: ["ending", "retiring"],
  retired: ["off", "retired"],
  disabled: ["off", "disabled"],
  expired: ["bad", "expired"],
  revoked: ["bad", "revoked"],
  refused: ["bad", "refused"],
  fault: ["bad", "our fault"],
  "not-ready": ["bad", "would be refused"],
};

/** A state as shape and word. */
export function mark(state, words) {
  const [kind, name] = STATES[state] ?? ["waiting", state];
  return el("span", { class: `mark ${kind}` }, el("span", { "aria-hidden": "true" }, SHAPES[kind]), " ", words ?? name);
}

/** What a list of names is shown as; `none` when it is empty. */
export function names(list, none = "any") {
  if (!list || list.length === 0) return el("span", { class: "quiet" }, none);
  return el("span", { class: "names" }, list.map((name) => el("code", { class: "name" }, name)));
}
