// The keys of the account: what they are, where they stand, who uses them.
import { get } from "../lib/api.js";
import { copyValue } from "../lib/copy.js";
import { ask } from "../lib/dialog.js";
import { el } from "../lib/element.js";
import { mark, names } from "../lib/mark.js";
import { notice } from "../lib/notice.js";
import { to } from "../lib/route.js";
import { table } from "../lib/table.js";
import { forget, keptKeys } from "../keys/keyring.js";
import { kindText, lastUse, short, stateMark, stateOf, traffic } from "./key-words.js";

const ORDER = ["active", "pending", "retiring", "disabled", "expired", "revoked"];

export const keysPage = {
  title: "Keys",
  async show(context) {
    const { me, again, every } = context;
    const { items } = await get("/console/api/v1/keys");
    const keys = items.toSorted((one, other) => ORDER.indexOf(stateOf(one)) - ORDER.indexOf(stateOf(other)) || (one.created < other.created ? 1 : -1));
    const retiring = keys.filter((key) => stateOf(key) === "retiring");
    if (retiring.length > 0) every(30_000, () => document.querySelector("dialog[open]") || again());
    const kept = await keptKeys().catch(() => []);
    return [
      el("div", { class: "page-head" }, el("h1", null, "Keys"),
        el("p", { class: "actions" }, el("a", { class: "button primary", href: "#/keys/new" }, "Make a key"), el("a", { class: "button", href: "#/keys/upload" }, "Upload a public key"))),
      retiring.map((key) => el("section", { class: "box info", "aria-label": `Rotation of ${key.label || key.id}` },
        el("p", { class: "box-title" }, "Rotation under way: ", el("a", { href: to("keys", key.id) }, key.label || key.id)), traffic(key))),
      table("Your keys", [
        ["Key", (key) => [el("a", { href: to("keys", key.id) }, key.label || key.id), me.key === key.id && el("span", { class: "quiet small" }, " (signed in with it)")]],
        ["Kind", kindText],
        ["State", stateMark],
        ["For", (key) => names(key.dialects)],
        ["Fingerprint", (key) => copyValue(key.fingerprints.openssh, "the fingerprint", short(key.fingerprints.openssh)), "wide"],
        ["Last used", lastUse],
      ], keys, { empty: "No key is registered yet. Make one in this browser, or upload the public half of a pair that you have.", hidden: true }),
      keptPart(kept, keys, again),
    ];
  },
};

function keptPart(kept, keys, again) {
  if (kept.length === 0) return null;
  const registered = (row) => keys.find((key) => key.fingerprints.spki_sha256_hex === row.fingerprint);
  return el("section", null,
    el("h2", null, "Kept in this browser"),
    el("p", { class: "quiet" }, "Private keys that this browser keeps for signing. No page can read them out; clearing the browser's data loses them."),
    table("Private keys in this browser", [
      ["Key", (row) => row.label || short(row.fingerprint)],
      ["Kind", (row) => row.kind],
      ["Registered as", (row) => {
        const key = registered(row);
        return key ? el("a", { href: to("keys", key.id) }, key.label || key.id) : el("span", { class: "quiet" }, "not for this account");
      }],
      ["State", (row) => (registered(row) ? mark(stateOf(registered(row))) : mark("absent", "unregistered"))],
      ["", (row) => el("button", { type: "button", class: "small-button", "aria-label": `Forget ${row.label || row.fingerprint}`, onclick: () => forgetOne(row, again) }, "Forget")],
    ], kept, { hidden: true }));
}

function forgetOne(row, again) {
  ask({
    title: `Forget ${row.label || "this key"}?`,
    text: "This browser can then no longer sign with it, and nobody has a copy. The public half stays registered until you revoke it.",
    submit: "Forget it",
    act: async () => {
      await forget(row.fingerprint);
      notice("The browser has forgotten the key.");
      again();
    },
  });
}
