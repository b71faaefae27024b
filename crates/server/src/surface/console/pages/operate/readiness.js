// Who would pass if the routes that only watch began to refuse.
import { get } from "../lib/api.js";
import { el } from "../lib/element.js";
import { mark } from "../lib/mark.js";
import { when } from "../lib/moment.js";
import { table } from "../lib/table.js";

export const readiness = {
  title: "Readiness",
  async show() {
    const report = await get("/api/v1/readiness");
    return [
      el("h1", null, "Readiness"),
      el("p", { class: "lead" }, report.summary),
      report.since && el("p", { class: "quiet" }, "Counted on this node since ", when(report.since), report.missed > 0 && `; ${report.missed} requests were not counted, since too many callers were there`, "."),
      table("Callers on routes that do not enforce", [
        ["Caller", (row) => [row.caller, el("div", { class: "quiet small" }, row.kind)]],
        ["Would pass", (row) => mark(row.ready ? "ready" : "not-ready", row.ready ? "yes" : "no")],
        ["Route", (row) => `${row.route} (${row.mode})`],
        ["Held", (row) => String(row.passed), "number"],
        ["Still signs", (row) => row.leaving ?? ""],
        ["Refused", (row) => String(row.failed), "number"],
        ["Unproven", (row) => String(row.unproven), "number"],
        ["Why", (row) => el("span", { class: "breaks" }, row.because ?? "")],
        ["Last", (row) => when(row.last)],
      ], report.seen, { empty: "No request was seen on a route that only watches.", hidden: true }),
    ];
  },
};
