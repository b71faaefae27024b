// What was done with the account, by whom: its own entries of the audit log.
import { get } from "../lib/api.js";
import { el } from "../lib/element.js";
import { when } from "../lib/moment.js";
import { table } from "../lib/table.js";

export const activity = {
  title: "Activity",
  async show({ me }) {
    const { items } = await get("/console/api/v1/audit?limit=100");
    return [
      el("h1", null, "Activity"),
      el("p", { class: "lead" }, "Everything that was changed about your account and its keys, newest first. If something here was not you, revoke the key and tell whoever runs this server."),
      entryTable(items, (actor) => (actor === me.account.id || actor === "self" ? "you" : actor)),
    ];
  },
};

/** Entries of the audit log as a table. */
export function entryTable(rows, actorName = (actor) => actor, more = []) {
  return table("Entries", [
    ["When", (row) => when(row.at)],
    ["What", (row) => el("code", null, row.action)],
    ["By", (row) => el("span", { class: "breaks" }, actorName(row.actor))],
    ["To", (row) => el("code", { class: "breaks" }, row.subject)],
    ["Detail", (row) => el("span", { class: "breaks" }, row.detail)],
    ...more,
  ], rows, { empty: "Nothing was done yet.", hidden: true });
}
