// One key of the account: all that is known of it, and what can be done with it.
import { get, patch, post } from "../lib/api.js";
import { copyBlock, copyValue } from "../lib/copy.js";
import { ask } from "../lib/dialog.js";
import { el } from "../lib/element.js";
import { field } from "../lib/field.js";
import { names } from "../lib/mark.js";
import { ago, when } from "../lib/moment.js";
import { notice } from "../lib/notice.js";
import { Problem } from "../lib/problem.js";
import { to } from "../lib/route.js";
import { facts, table } from "../lib/table.js";
import { kindText, stateMark, stateOf, traffic, usesOf } from "./key-words.js";

const FINGERPRINTS = [
  ["openssh", "OpenSSH", "ssh-keygen -lf shows it"],
  ["spki_sha256_hex", "SHA-256, hexadecimal", "openssl pkey -pubin -outform DER | sha256sum"],
  ["spki_sha256_base64", "SHA-256, base64", "as Snowflake shows it after SHA256:"],
  ["jwk_thumbprint", "JWK thumbprint", "RFC 7638"],
  ["pem_sha256_hex", "SHA-256 of the PEM text", "as some JWT libraries name keys"],
];

export const keyPage = {
  title: "Key",
  async show(context) {
    const key = await ownKey(context.params.key);
    context.title = key.label || key.id;
    const signedInWith = context.me.key === key.id;
    return [
      el("p", { class: "trail" }, el("a", { href: "#/keys" }, "Keys")),
      el("div", { class: "page-head" }, el("h1", null, key.label || key.id), actions(key, signedInWith, context)),
      stateOf(key) === "retiring" && el("section", { class: "box info", "aria-label": "Old key" }, traffic(key)),
      stateOf(key) === "pending" && el("p", { class: "box info" }, "This key waits until a manager of this server approves it. Nothing signed with it counts until then."),
      keyFacts(key),
      uses(key),
    ];
  },
};

/** One key of the account's own list. */
export async function ownKey(id) {
  const { items } = await get("/console/api/v1/keys");
  const key = items.find((one) => one.id === id);
  if (!key) throw new Problem({ status: 404, code: "key-not-found", title: "Your account has no such key.", detail: "It may have been another account's, or the address was mistyped." });
  return key;
}

/** Everything about a key, for its owner and for operators. */
export function keyFacts(key) {
  const { methods = [], paths = [], networks = [] } = key.limits ?? {};
  return [
    el("section", null, el("h2", null, "What it is"), facts(
      ["State", stateMark(key)],
      ["Kind", kindText(key)],
      ["Key id", copyValue(key.id, "the key id")],
      ["Dialects", names(key.dialects)],
      ["Algorithms", names(key.algorithms, "every one of its kind that is not weak")],
      ["Methods", names(methods)],
      ["Paths", names(paths)],
      ["Client networks", names(networks)],
      ["Registered", when(key.created)],
      key.not_before && ["Not before", when(key.not_before)],
      key.until && ["Retires", when(key.until)],
      ["Expires", when(key.expires)],
    )),
    el("section", null, el("h2", null, "Fingerprints"),
      el("p", { class: "quiet" }, "Compare one of these with what your own tools show, to be sure that it is your key."),
      facts(...FINGERPRINTS.map(([name, term, hint]) => [term, copyValue(key.fingerprints[name], term), el("p", { class: "quiet small" }, hint)]))),
    el("section", null, el("h2", null, "Public key"), copyBlock(key.public.trim(), "the public key")),
  ];
}

function uses(key) {
  return el("section", null, el("h2", null, "Used from"),
    table("Addresses that used this key", [
      ["Address", (use) => el("code", null, use.address)],
      ["Last", (use) => when(use.at)],
    ], usesOf(key), { empty: key.last_used ? `Last used ${ago(key.last_used)}.` : "It has not been used yet.", hidden: true }));
}

function actions(key, signedInWith, context) {
  const state = stateOf(key);
  const buttons = [];
  if (state === "active") buttons.push(el("a", { class: "button primary", href: to("keys", key.id, "rotate") }, "Rotate"));
  if (state !== "revoked" && state !== "expired") buttons.push(el("a", { class: "button", href: to("keys", key.id, "limits") }, "Restrict"));
  if (state !== "revoked") buttons.push(button("Rename", () => rename(key, context)));
  if (state === "active" || state === "retiring") buttons.push(button("Disable", () => disable(key, signedInWith, context)));
  if (state === "disabled") buttons.push(button("Enable", () => act(key, "enable", "The key counts again.", context)));
  if (state !== "revoked") buttons.push(button("Revoke", () => revoke(key, signedInWith, context), "danger-outline"));
  return el("div", { class: "actions" }, buttons);
}

const button = (text, onclick, kind) => el("button", { type: "button", class: kind, onclick }, text);

async function act(key, verb, words, context) {
  try {
    await post(`/console/api/v1/keys/${key.id}/${verb}`);
    notice(words);
    context.again();
  } catch (error) {
    notice(error.words ?? error.message);
  }
}

function rename(key, context) {
  const label = field("Label", { value: key.label });
  ask({
    title: "Rename the key",
    text: "The label is for people; nothing that is signed names it.",
    submit: "Rename",
    danger: false,
    extra: label.node,
    act: async () => {
      await patch(`/console/api/v1/keys/${key.id}`, { label: label.value.trim() });
      notice("Renamed.");
      context.again();
    },
  });
}

function disable(key, signedInWith, context) {
  ask({
    title: `Disable ${key.label || key.id}?`,
    text: ["Requests signed with it are refused at once, everywhere. You can enable it again.", signedInWith ? "You are signed in with this key: you will be signed out." : []].flat(),
    submit: "Disable it",
    act: async () => {
      await post(`/console/api/v1/keys/${key.id}/disable`);
      notice("Disabled.");
      context.again();
    },
  });
}

function revoke(key, signedInWith, context) {
  ask({
    title: "Revoke for ever?",
    text: ["Requests signed with this key are refused at once and for ever; its sessions end. This cannot be taken back: to replace a key without refusing anybody, rotate it.",
      signedInWith ? "You are signed in with this key: you will be signed out." : []].flat(),
    name: key.label || key.id,
    submit: "Revoke for ever",
    act: async () => {
      await post(`/console/api/v1/keys/${key.id}/revoke`);
      notice("Revoked.");
      context.again();
    },
  });
}
