// What was done with the account, by whom: its own entries of the audit log.
import { get } from "../lib/api.js";
import { el } from "../lib/element.js";
import { dated, when } from "../lib/moment.js";
import { to } from "../lib/route.js";
import { table } from "../lib/table.js";

export const activity = {
  title: "Activity",
  async show({ me }) {
    const [{ items }, keys] = await Promise.all([get("/console/api/v1/audit?limit=100"), get("/console/api/v1/keys")]);
    const labels = new Map(keys.items.map((key) => [key.id, key.label || key.id]));
    const words = (text) => [...labels, [me.account.id, me.account.name]].reduce((told, [id, name]) => told.replaceAll(id, name), text);
    return [
      el("h1", null, "Activity"),
      el("p", { class: "lead" }, "Everything that was changed about your account and its keys, newest first. If something here was not you, revoke the key and tell whoever runs this server."),
      entryTable(items, {
        actor: (actor) => (actor === me.account.id || actor === "self" ? "you" : actor),
        subject: (id) => (labels.has(id) ? el("a", { href: to("keys", id), title: id }, labels.get(id)) : id === me.account.id ? "your account" : el("code", null, id)),
        words,
      }),
    ];
  },
};

/** Entries of the audit log as a table; `actor`, `subject` and `words` say what ids are called. */
export function entryTable(rows, { actor, subject, words }, more = []) {
  return table("Entries", [
    ["When", (row) => when(row.at)],
    ["What", (row) => el("code", { class: "word" }, row.action)],
    ["By", (row) => actor(row.actor)],
    ["To", (row) => subject(row.subject)],
    ["Detail", (row) => el("span", { class: "breaks" }, dated(words(row.detail)))],
    ...more,
  ], rows, { empty: "Nothing was done yet.", hidden: true });
}
