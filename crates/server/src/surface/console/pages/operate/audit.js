// The audit log of the installation, and the check of its chain.
import { get, query } from "../lib/api.js";
import { copyValue } from "../lib/copy.js";
import { el, fill } from "../lib/element.js";
import { mark } from "../lib/mark.js";
import { problemBox } from "../lib/problem.js";
import { entryTable } from "../own/activity.js";

export const audit = {
  title: "Audit log",
  async show({ query: asked }) {
    const after = Number(asked.get("after") ?? 0) || 0;
    const found = await get(`/api/v1/audit${query({ after, limit: 100 })}`);
    const checked = el("div", { role: "status" });
    return [
      el("div", { class: "page-head" }, el("h1", null, "Audit log"), el("button", { type: "button", onclick: () => check(checked) }, "Check the chain")),
      el("p", { class: "quiet" }, "Every change, oldest first; each entry holds the digest of the one before it."),
      checked,
      entryTable(found.items, undefined, [["Number", (row) => String(row.number), "number"]]),
      el("p", { class: "actions" },
        after > 0 && el("a", { class: "button", href: `#/operate/audit${query({ after: Math.max(0, after - 100) || "" })}` }, "Earlier"),
        found.next && el("a", { class: "button", href: `#/operate/audit?after=${found.next}` }, "Later")),
    ];
  },
};

async function check(place) {
  try {
    const chain = await get("/api/v1/audit/chain");
    fill(place, chain.intact
      ? el("div", { class: "box good" }, el("p", null, mark("intact"), ` ${chain.entries} entries follow from each other.`), chain.head && el("p", null, "Keep this value elsewhere: ", copyValue(chain.head, "the chain value", `${chain.head.slice(0, 16)}…`)))
      : el("div", { class: "box bad" }, el("p", null, mark("refused", "broken"), ` Entry ${chain.broken_at} does not follow: ${chain.flaw}.`)));
  } catch (error) {
    fill(place, problemBox(error));
  }
}
