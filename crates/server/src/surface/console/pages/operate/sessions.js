// Open sessions of the whole installation, newest first.
import { get, query, remove } from "../lib/api.js";
import { el } from "../lib/element.js";
import { endSession, sessionTable } from "../own/sessions.js";
import { namesIn } from "./names.js";

/** What opened a session that a link of an operator's did: the operator's account and key stand behind it. */
const LINK = /^link-of\/([^/]+)\//;

export const allSessions = {
  title: "Open sessions",
  async show({ query: asked, again }) {
    const account = asked.get("account");
    const found = await get(`/api/v1/sessions${query({ account, after: asked.get("after"), limit: 50 })}`);
    const names = await namesIn([account, ...found.items.flatMap((row) => [row.account, row.key])]);
    const opener = (row) => {
      const [, maker] = LINK.exec(row.key) ?? [];
      return maker ? ["a link of ", names.link(maker)] : names.link(row.key);
    };
    return [
      el("h1", null, "Open sessions"),
      account && el("p", null, "Of the account ", names.link(account), ". ", el("a", { href: "#/operate/sessions" }, "All accounts")),
      sessionTable(found.items, {
        end: (row) => endSession(row, names.of(row.account), `/api/v1/sessions/${encodeURIComponent(row.id)}`, remove, again),
        name: (row) => names.of(row.account),
        who: [["Account", (row) => names.link(row.account)]],
        opener,
      }),
      found.next && el("p", { class: "actions" }, el("a", { class: "button", href: `#/operate/sessions${query({ account, after: found.next })}` }, "More")),
    ];
  },
};
