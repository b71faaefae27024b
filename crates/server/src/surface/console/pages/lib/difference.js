// Two runs of bytes side by side: where they differ, and what stands there.
import { asText, hex } from "./bytes.js";
import { el } from "./element.js";

/** Bytes shown of each side. */
const MOST = 4096;
/** Bytes around the difference that are shown when the whole is longer. */
const AROUND = 160;

/** The first place where two runs differ; null when they are equal. */
export function firstDifference(one, other) {
  const shared = Math.min(one.length, other.length);
  for (let place = 0; place < shared; place += 1) if (one[place] !== other[place]) return place;
  return one.length === other.length ? null : shared;
}

/** Where two runs part and where they are one again, counted from each end. */
export function span(one, other) {
  const start = firstDifference(one, other);
  if (start === null) return null;
  let back = 0;
  while (back < Math.min(one.length, other.length) - start && one[one.length - 1 - back] === other[other.length - 1 - back]) back += 1;
  return { start, ends: [one.length - back, other.length - back] };
}

/** Both sides with the part that differs marked, by colour, underline and words. */
export function difference(wanted, found, { wantedName = "The server expected", foundName = "You signed" } = {}) {
  const apart = span(wanted, found);
  if (apart === null) return el("p", null, `Both are the same ${wanted.length} bytes.`);
  return el("div", { class: "difference" },
    el("p", null, `They part at byte ${apart.start + 1}. ${wantedName}: ${wanted.length} bytes. ${foundName}: ${found.length} bytes.`),
    side(wantedName, wanted, apart.start, apart.ends[0], "wanted"),
    side(foundName, found, apart.start, apart.ends[1], "found"));
}

/** One run of bytes, nothing marked. */
export function bytesShown(name, bytes) {
  return side(name, bytes, 0, 0, null);
}

function side(name, bytes, start, end, kind) {
  const readable = asText(bytes) !== null;
  const long = bytes.length > MOST;
  const from = long ? Math.max(0, start - AROUND) : 0;
  const to = long ? Math.min(bytes.length, Math.max(end, start) + AROUND) : bytes.length;
  const shown = (a, b) => text(bytes.subarray(a, b), readable);
  const marked = kind && (end > start ? el("mark", { class: kind }, shown(start, end)) : el("mark", { class: kind }, "⟨nothing⟩"));
  return el("figure", null, el("figcaption", null, name),
    el("pre", { tabindex: "0", "aria-label": name }, el("code", null, from > 0 && "… ", kind ? [shown(from, start), marked, shown(end, to)] : shown(from, to), to < bytes.length && " …")));
}

/** Text as it is with the unseen made seen; what is no text in hexadecimal. */
function text(bytes, readable) {
  if (!readable) return hex(bytes).replace(/(..)(?=.)/g, "$1 ");
  return new TextDecoder().decode(bytes).replaceAll("\r", "␍").replaceAll("\n", "␊\n").replaceAll("\t", "␉");
}
