// The operators' first page: what came and how it was judged, why it was refused, and what old things are still in use.
import { getIfThere, query } from "../lib/api.js";
import { countBars, reasonChart, verdictChart } from "../lib/chart.js";
import { el } from "../lib/element.js";
import { ago } from "../lib/moment.js";
import { mark } from "../lib/mark.js";
import { to } from "../lib/route.js";
import { notHere, table } from "../lib/table.js";
import { endingKeys } from "./all-keys.js";

const SPANS = [["15", "Last 15 minutes"], ["60", "Last hour"], ["360", "Last 6 hours"], ["1440", "Last day"]];
/** Algorithms that are taken only where a dialect names them. */
const WEAK = /SHA1|RS1\b/i;
/** Days. */
const SOON = 30;
/** Rows of the overview; the list of keys has them all. */
const SHOWN = 20;

export const overview = {
  title: "Overview",
  async show(context) {
    const minutes = SPANS.find(([value]) => value === context.query.get("minutes"))?.[0] ?? "60";
    const [statistics, keys] = await Promise.all([getIfThere(`/api/v1/statistics${query({ minutes })}`), endingKeys(SOON)]);
    context.every(30_000, () => document.querySelector("dialog[open], details[open]") || context.again());
    return [
      el("div", { class: "page-head" }, el("h1", null, "Overview"),
        el("p", { class: "segments", role: "group", "aria-label": "Time shown" }, SPANS.map(([value, text]) =>
          el("a", { href: `#/operate/overview?minutes=${value}`, "aria-current": value === minutes ? "true" : null }, text)))),
      statistics === null ? notHere("Statistics") : [
        el("section", null, el("h2", null, "Verdicts"), verdictChart(statistics), el("p", { class: "quiet small" }, "Counted by the node that answers, while it runs.")),
        (statistics.reasons ?? []).length > 0 && el("section", null, el("h2", null, "Why requests were refused"), reasonChart(statistics)),
        el("div", { class: "two even" },
          el("section", null, el("h2", null, "Refusals by reason"),
            countBars("Refusals by reason", (statistics.reasons ?? []).map((row) => ({ name: row.reason, count: row.count, kind: "refused" })),
              { empty: "Nothing was refused.", link: (row) => `#/operate/refusals?reason=${encodeURIComponent(row.name)}` })),
          el("section", null, el("h2", null, "Dialects in use"),
            countBars("Requests by dialect", (statistics.dialects ?? []).map((row) => ({ name: row.dialect, count: row.count, last: row.last && ago(row.last) })), { empty: "No dialect was used.", link: (row) => `#/operate/keys?dialect=${encodeURIComponent(row.name)}` }))),
        el("section", null, el("h2", null, "Algorithms in use"),
          table("Requests by algorithm", [
            ["Algorithm", (row) => [el("a", { href: `#/operate/keys?algorithm=${encodeURIComponent(row.algorithm)}`, "aria-label": `Keys that may sign ${row.algorithm}` }, el("code", null, row.algorithm)), " ", WEAK.test(row.algorithm) && mark("refused", "weak")]],
            ["Count", (row) => (row.count ?? 0).toLocaleString("en"), "number"],
            ["Last", (row) => (row.last ? ago(row.last) : "")],
          ], statistics.algorithms ?? [], { empty: "No signature was checked.", hidden: true })),
      ],
      keys && soonPart(keys),
    ];
  },
};

function soonPart({ items, more }) {
  const left = items.length - SHOWN;
  return el("section", null, el("h2", null, "Keys that end soon"),
    table("Keys that retire or expire within thirty days", [
      ["Key", (key) => el("a", { href: to("operate", "keys", key.id) }, key.label || key.id)],
      ["Ends", (key) => ago(key.until ?? key.expires)],
      ["Still used", (key) => (key.last_used ? `${ago(key.last_used)}${key.last_address ? ` from ${key.last_address}` : ""}` : "never used")],
    ], items.slice(0, SHOWN), { empty: "No key retires or expires within thirty days.", hidden: true }),
    (left > 0 || more) && el("p", null, left > 0 && `And ${left}${more ? " or more" : ""} more. `, left <= 0 && "Not all accounts were looked at. ",
      el("a", { href: `#/operate/keys?ends_within_days=${SOON}` }, "All that end soon")));
}
