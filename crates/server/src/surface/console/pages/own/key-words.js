// What is said of keys on more than one page: state, place of last use, the old key's traffic.
import { el } from "../lib/element.js";
import { mark } from "../lib/mark.js";
import { absolute, ago, instant, serverNow, when } from "../lib/moment.js";

/** A retiring key that was used within this is "still used". */
const QUIET_AFTER = 24 * 3_600_000;

/** The state as it stands now: an active key past its date is expired. */
export function stateOf(key) {
  const ended = [key.expires, key.state === "retiring" ? key.until : null].some((end) => end && instant(end) <= serverNow());
  const open = ["active", "retiring", "pending"].includes(key.state);
  return open && ended ? "expired" : key.state;
}

/** The state as a mark, with its date where it has one. */
export function stateMark(key) {
  const state = stateOf(key);
  if (state === "retiring") return el("span", null, mark("retiring"), el("span", { class: "quiet small" }, ` ends ${ago(key.until)}`));
  if (state === "active" && key.expires) return el("span", null, mark("active"), el("span", { class: "quiet small" }, ` expires ${ago(key.expires)}`));
  return mark(state);
}

/** The kind with its size where that says more. */
export const kindText = (key) => (key.kind === "RSA" ? `RSA ${key.bits}` : key.kind);

/** When and from where it was last used. */
export function lastUse(key) {
  if (!key.last_used) return el("span", { class: "quiet" }, "never used");
  return el("span", null, when(key.last_used), key.last_address && el("span", { class: "quiet" }, " from ", el("code", null, key.last_address)));
}

/** The last uses by address, newest first; from the list where the server has one, else the last one. */
export function usesOf(key) {
  if (key.uses?.length) return key.uses;
  return key.last_used && key.last_address ? [{ address: key.last_address, at: key.last_used }] : [];
}

/** For a retiring key: who still uses it, or that it is quiet. */
export function traffic(key) {
  const since = instant(key.retiring_since) ?? 0;
  const recent = usesOf(key).filter((use) => instant(use.at) > Math.max(since, serverNow() - QUIET_AFTER));
  if (recent.length === 0) {
    return el("p", { class: "traffic quiet-now" }, mark("active", "Quiet"), " nobody has used it in the last 24 hours",
      key.last_used && ` (last on ${absolute(key.last_used)})`, ". It can be revoked.");
  }
  return el("div", { class: "traffic" }, el("p", null, mark("retiring", "Still used"), " by:"),
    el("ul", { class: "plain" }, recent.map((use) => el("li", null, el("code", null, use.address), `, ${ago(use.at)}`))));
}

/** The first half of a fingerprint, for tables. */
export const short = (fingerprint) => `${fingerprint.slice(0, 15)}…`;
