// Open sessions of the whole installation.
import { get, query, remove } from "../lib/api.js";
import { el } from "../lib/element.js";
import { to } from "../lib/route.js";
import { endSession, sessionTable } from "../own/sessions.js";

export const allSessions = {
  title: "Open sessions",
  async show({ query: asked, again }) {
    const account = asked.get("account");
    const found = await get(`/api/v1/sessions${query({ account, after: asked.get("after"), limit: 50 })}`);
    return [
      el("h1", null, "Open sessions"),
      account && el("p", null, "Of the account ", el("a", { href: to("operate", "accounts", account) }, account), ". ", el("a", { href: "#/operate/sessions" }, "All accounts")),
      sessionTable(found.items, (row) => endSession(row, `/api/v1/sessions/${encodeURIComponent(row.id)}`, remove, again),
        (row) => el("a", { href: to("operate", "keys", row.key) }, row.key),
        [["Account", (row) => el("a", { href: to("operate", "accounts", row.account) }, row.account)]]),
      found.next && el("p", { class: "actions" }, el("a", { class: "button", href: `#/operate/sessions${query({ account, after: found.next })}` }, "More")),
    ];
  },
};
