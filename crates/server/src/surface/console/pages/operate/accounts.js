// Accounts: found by a part of their name or identifier.
import { get, query } from "../lib/api.js";
import { el } from "../lib/element.js";
import { field, form } from "../lib/field.js";
import { mark } from "../lib/mark.js";
import { when } from "../lib/moment.js";
import { to } from "../lib/route.js";
import { table } from "../lib/table.js";

export const accounts = {
  title: "Accounts",
  async show({ query: asked, go }) {
    const search = asked.get("search") ?? "";
    const found = await get(`/api/v1/accounts${query({ search, after: asked.get("after"), limit: 50 })}`);
    const part = field("Name or identifier", { value: search, kind: "search" });
    return [
      el("h1", null, "Accounts"),
      el("search", null, form({ submit: "Search", act: async () => go(`#/operate/accounts${query({ search: part.value.trim() })}`) }, part.node)),
      accountTable(found.items, search ? "No account has this in its name or identifiers." : "There is no account yet."),
      found.next && el("p", { class: "actions" }, el("a", { class: "button", href: `#/operate/accounts${query({ search, after: found.next })}` }, "More")),
    ];
  },
};

/** A table of accounts. */
export function accountTable(items, empty, more = []) {
  return table("Accounts", [
    ["Account", (row) => el("a", { href: to("operate", "accounts", row.id) }, row.name)],
    ["State", (row) => mark(row.enabled ? "enabled" : "disabled")],
    ["Identifiers", (row) => row.identifiers.map(({ namespace, value }) => el("div", null, el("code", null, value), el("span", { class: "quiet small" }, ` ${namespace}`)))],
    ["Role", (row) => row.role ?? ""],
    ["Made", (row) => when(row.created)],
    ...more,
  ], items, { empty, hidden: true });
}
