// A judgement told step by step: verdict, cause, what to do, every step, and the bytes on both sides.
import { fromBase64, utf8 } from "./bytes.js";
import { bytesShown, difference } from "./difference.js";
import { el } from "./element.js";
import { mark } from "./mark.js";
import { absolute, ago } from "./moment.js";

const STAGES = {
  find: "Find the proof",
  read: "Read it",
  keys: "Which key",
  signature: "Check the signature",
  rules: "Rules",
  once: "First use",
  policy: "What it may do",
};

/** Everything that an answer of explain tells. `signed`: the bytes that were signed here, where they are known. */
export function explanationShown(told, { signed, heading = "h2" } = {}) {
  return el("div", { class: "explanation" },
    verdictBox(told),
    causes(told, heading),
    told.caller && el("p", null, "Recognised as ", el("strong", null, told.caller.account), ` (${told.caller.identifier}) by key `, el("code", null, told.caller.key),
      ` with ${told.caller.algorithm}`, told.caller.acting_as && ` acting as ${told.caller.acting_as}`, "."),
    steps(told.steps ?? [], heading),
    bytesPart(told, signed, heading),
    told.note && el("p", { class: "quiet" }, told.note));
}

function verdictBox(told) {
  const good = told.verdict === "verified";
  return el("div", { class: `box ${good ? "good" : "bad"}`, role: "status" },
    el("p", { class: "box-title" }, mark(told.verdict), told.dialect && el("span", { class: "quiet" }, ` as ${told.dialect}`)),
    (told.text ?? told.code) && el("p", null, told.text ?? `Code ${told.code}`),
    Boolean(told.skew_seconds) && el("p", null, el("strong", null, "Clock: "), skew(told.skew_seconds)),
    told.hint && el("p", null, el("strong", null, "What to do: "), withCode(told.hint)),
    el("p", { class: "quiet small" }, told.reason && ["Reason ", el("code", null, told.reason), " · "], told.at && `judged ${ago(told.at)}, ${absolute(told.at, true)}`));
}

function skew(seconds) {
  return `yours is ${Math.abs(seconds)} s ${seconds > 0 ? "ahead of" : "behind"} the server's.`;
}

/** Likely causes, the likeliest first; a cause is a sentence or `{ cause|code, text, fix|hint }`. */
function causes(told, heading) {
  const list = told.causes ?? told.hints ?? [];
  if (list.length === 0) return null;
  return el("section", null, el(heading, null, "Likely causes"), el("ol", { class: "causes" }, list.map((one) => {
    if (typeof one === "string") return el("li", null, withCode(one));
    const fix = one.fix ?? one.hint;
    return el("li", null, withCode(one.text ?? one.cause ?? one.code), fix && el("span", { class: "quiet" }, " ", withCode(fix)));
  })));
}

function steps(list, heading) {
  if (list.length === 0) return null;
  return el("section", null, el(heading, null, "Step by step"), el("ol", { class: "judgement" }, list.map((step) =>
    el("li", { class: step.failed ? "failed" : null },
      el("p", { class: "judged" }, el("strong", null, STAGES[step.stage] ?? step.stage), step.failed ? mark("refused", step.failed) : mark("verified", "holds")),
      // What is looked at often says what is wanted already.
      step.what && step.what !== step.wanted && el("p", null, step.what),
      el("dl", null, pair("Wanted", step.wanted), pair("Found", step.found))))));
}

const pair = (term, what) => what && el("div", null, el("dt", null, term), el("dd", null, what));

/** A sentence whose parts in backticks are code. */
const withCode = (text) => String(text).split("`").map((part, index) => (index % 2 === 1 ? el("code", null, part) : part));

function bytesPart(told, signed, heading) {
  const expected = bytesOf(told.expected?.base64);
  const found = signed;
  if (!expected && !found) return null;
  return el("section", null, el(heading, null, "The bytes"),
    expected && found ? difference(expected, found)
      : expected ? bytesShown("The server expected these bytes to be signed", expected)
        : bytesShown("These bytes were signed here", found));
}

function bytesOf(value) {
  if (typeof value !== "string" || value === "") return null;
  return fromBase64(value) ?? utf8(value);
}
