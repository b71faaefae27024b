// Refusals of the whole installation, by reason and account.
import { getIfThere, query } from "../lib/api.js";
import { el } from "../lib/element.js";
import { field, form } from "../lib/field.js";
import { to } from "../lib/route.js";
import { notHere } from "../lib/table.js";
import { refusalShown } from "../own/refusal.js";
import { refusalTable } from "../own/refusals.js";
import { accountOf } from "./links.js";
import { namesIn } from "./names.js";

export const allRefusals = {
  title: "All refusals",
  async show({ query: asked, go }) {
    const wanted = { account: asked.get("account") ?? "", reason: asked.get("reason") ?? "" };
    const head = el("h1", null, "All refusals");
    const found = await getIfThere(`/api/v1/refusals${query(wanted)}`);
    if (found === null) return [head, notHere("A list of refusals")];
    const reason = field("Reason", { value: wanted.reason, hint: "A code, such as bad-signature." });
    const names = await namesIn([wanted.account]);
    const account = field("Account", { value: names.of(wanted.account), hint: "Its name or id." });
    return [head,
      form({ fields: { account }, submit: "Filter", act: async () => go(`#/operate/refusals${query({ reason: reason.value.trim(), account: account.value.trim() && (await accountOf(account.value.trim(), "account")).id })}`) }, el("div", { class: "row" }, reason.node, account.node)),
      refusalTable(found.items, (row) => to("operate", "refusals", row.reject))];
  },
};

export const anyRefusal = {
  title: "Refusal",
  show: ({ params }) => refusalShown(`/api/v1/refusals/${encodeURIComponent(params.refusal)}`, params.refusal, "#/operate/refusals"),
};
