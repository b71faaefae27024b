// Requests that were refused lately in the account's name, each with its reason.
import { getIfThere } from "../lib/api.js";
import { el } from "../lib/element.js";
import { when } from "../lib/moment.js";
import { to } from "../lib/route.js";
import { notHere, table } from "../lib/table.js";

export const refusalsPage = {
  title: "Refusals",
  async show() {
    const found = await getIfThere("/console/api/v1/refusals");
    return [
      el("h1", null, "Refusals"),
      el("p", { class: "lead" }, "Requests that were refused lately and were signed by one of your keys, or name you. They are kept for a short time, without their credentials."),
      found === null ? notHere("A list of refusals") : refusalTable(found.items, (row) => to("refusals", row.reject)),
    ];
  },
};

/** The table of refusals, for owners and operators. */
export function refusalTable(items, address) {
  return table("Refused requests", [
    ["When", (row) => el("a", { href: address(row) }, when(row.at))],
    ["Reason", (row) => [el("strong", null, row.text ?? row.reason), el("br"), el("code", { class: "quiet" }, row.reason)]],
    ["Request", (row) => el("span", { class: "breaks" }, row.method && el("code", null, `${row.method} ${row.path ?? ""}`))],
    ["Dialect", (row) => row.dialect ?? "none"],
    ["From", (row) => row.client && el("code", null, row.client)],
  ], items, { empty: "Nothing was refused lately.", hidden: true });
}
