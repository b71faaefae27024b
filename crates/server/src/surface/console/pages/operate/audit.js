// The audit log of the installation, and the check of its chain.
import { get, query } from "../lib/api.js";
import { copyValue } from "../lib/copy.js";
import { el, fill } from "../lib/element.js";
import { field, form } from "../lib/field.js";
import { mark } from "../lib/mark.js";
import { problemBox } from "../lib/problem.js";
import { entryTable } from "../own/activity.js";
import { accountOf } from "./links.js";
import { namesIn } from "./names.js";

export const audit = {
  title: "Audit log",
  async show({ query: asked, go }) {
    const wanted = { account: asked.get("account") ?? "", action: asked.get("action") ?? "" };
    const found = await get(`/api/v1/audit${query({ ...wanted, newest: true, after: asked.get("after"), limit: 100 })}`);
    const names = await namesIn([wanted.account, ...found.items.flatMap(({ actor, subject, detail }) => [actor, subject, detail])]);
    const account = field("Account", { value: names.of(wanted.account), hint: "What it did, and what was done to it and its keys. Its name or id." });
    const action = field("Action", { value: wanted.action, hint: "Such as key.revoke, or key for all about keys." });
    const apply = async () => go(`#/operate/audit${query({ account: account.value.trim() && (await accountOf(account.value.trim(), "account")).id, action: action.value.trim() })}`);
    const checked = el("div", { role: "status" });
    return [
      el("div", { class: "page-head" }, el("h1", null, "Audit log"), el("button", { type: "button", onclick: () => check(checked) }, "Check the chain")),
      el("p", { class: "quiet" }, "Every change, newest first; each entry holds the digest of the one before it."),
      checked,
      el("search", null, form({ fields: { account, action }, submit: "Filter", act: apply }, account.node, action.node)),
      entryTable(found.items, { actor: names.link, subject: names.link, words: names.words }, [["Number", (row) => String(row.number), "number"]]),
      found.next && found.items.length === 0 && el("p", { class: "quiet" }, "Nothing among the newest entries; older ones may have it."),
      el("p", { class: "actions" },
        asked.get("after") && el("a", { class: "button", href: `#/operate/audit${query(wanted)}` }, "Newest"),
        found.next && el("a", { class: "button", href: `#/operate/audit${query({ ...wanted, after: found.next })}` }, "Older")),
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
