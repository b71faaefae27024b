// One key of any account, for operators.
import { get, getIfThere, post } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { el } from "../lib/element.js";
import { when } from "../lib/moment.js";
import { notice } from "../lib/notice.js";
import { to } from "../lib/route.js";
import { table } from "../lib/table.js";
import { keyFacts } from "../own/key.js";
import { namesIn } from "./names.js";
import { lastUse, stateOf, traffic } from "../own/key-words.js";

const ACTIONS = {
  activate: ["Activate", "Requests signed with it count from then on.", "Activated."],
  disable: ["Disable", "Requests signed with it are refused at once. It can be activated again.", "Disabled."],
  revoke: ["Revoke", "Requests signed with it are refused at once and for ever; its sessions end.", "Revoked."],
};
const POSSIBLE = { pending: ["activate", "revoke"], active: ["disable", "revoke"], retiring: ["disable", "revoke"], disabled: ["activate", "revoke"], expired: ["revoke"], revoked: [] };

export const anyKey = {
  title: "Key",
  async show(context) {
    const path = `/api/v1/keys/${encodeURIComponent(context.params.key)}`;
    const [key, uses] = await Promise.all([get(path), getIfThere(`${path}/uses`)]);
    const names = await namesIn([key.account]);
    const full = { ...key, uses: uses?.items };
    context.title = key.label || key.id;
    return [
      el("p", { class: "trail" }, el("a", { href: "#/operate/keys" }, "All keys")),
      el("div", { class: "page-head" }, el("h1", null, context.title), el("div", { class: "actions" }, POSSIBLE[stateOf(key)].length > 0 && el("a", { class: "button", href: to("operate", "keys", key.id, "limits") }, "Restrict"), POSSIBLE[stateOf(key)].map((verb) =>
        el("button", { type: "button", class: verb === "revoke" ? "danger-outline" : null, onclick: () => confirm(key, path, verb, context) }, ACTIONS[verb][0])))),
      el("p", null, "Key of ", names.link(key.account), ", ", lastUse(key), "."),
      stateOf(key) === "retiring" && el("section", { class: "box info" }, traffic(full)),
      keyFacts(key),
      uses && el("section", null, el("h2", null, "Used from"), table("Addresses", [
        ["Address", (use) => el("code", null, use.address)],
        ["Last", (use) => when(use.at)],
      ], uses.items, { empty: "It has not been used yet.", hidden: true })),
    ];
  },
};

function confirm(key, path, verb, { again }) {
  const [title, text, done] = ACTIONS[verb];
  ask({
    title: `${title} ${key.label || key.id}?`,
    text,
    danger: verb !== "activate",
    name: verb === "revoke" ? key.label || key.id : null,
    submit: title,
    act: async () => {
      await post(`${path}/${verb}`);
      notice(done);
      again();
    },
  });
}
