// Replaces a key without refusing anybody: a new key beside the old one, and a date for the end of the old one.
import { post } from "../lib/api.js";
import { base64url, utf8 } from "../lib/bytes.js";
import { el } from "../lib/element.js";
import { choice } from "../lib/field.js";
import { serverNow } from "../lib/moment.js";
import { to } from "../lib/route.js";
import { keyChooser } from "../keys/holder.js";
import { ownKey } from "./key.js";
import { kindText, lastUse, traffic } from "./key-words.js";
import { keyMaker } from "./key-maker.js";
import { signedDialects } from "./signed-dialects.js";

const OVERLAPS = [
  ["1d", "One day", "For one server that you change today."],
  ["7d", "A week", "The usual choice: time to change every place, and to see that the old key is quiet."],
  ["30d", "Thirty days", "For keys in many hands."],
  ["0s", "None: the old key ends at once", "For a key that leaked. Whoever still uses it is refused."],
];

export const rotateKey = {
  title: "Rotate a key",
  async show({ me, params, onleave }) {
    const key = await ownKey(params.key);
    const dialects = (await signedDialects(me)) ?? [];
    const algorithms = dialects.filter((one) => key.dialects.includes(one.name)).flatMap((one) => one.algorithms);
    const overlap = choice("How long does the old key still count?", OVERLAPS, { value: "7d" });
    // Only the key that signed this session in needs no further proof.
    const proves = me.key !== key.id;
    const chooser = proves ? await keyChooser({ fingerprint: key.fingerprints.spki_sha256_hex, legend: "The old key, to prove that it is you who replaces it" }) : null;
    const wizard = await keyMaker({
      me,
      label: "",
      algorithms: () => (algorithms.length > 0 ? algorithms : null),
      before: [
        overlap.node,
        chooser && el("section", null, el("h2", null, "Proof by the old key"),
          el("p", { class: "quiet" }, "You did not sign in with this key, so it has to sign that it is replaced. Signing in with it saves this step."), chooser.node),
      ],
      submit: "Rotate",
      onleave,
      register: async (pair, possession) => post(`/console/api/v1/keys/${key.id}/rotate`, {
        new: { public: pair.publicPem, label: pair.label || undefined, possession },
        overlap: overlap.value,
        old_proof: chooser ? await proofOfOld(await chooser.pair(), me, key, pair) : undefined,
      }),
      done: ({ key: next, retiring }) => [
        el("p", { class: "box good", role: "status" }, "The new key ", el("a", { href: to("keys", next.id) }, next.label || next.id), " counts from now on."),
        el("h2", null, "Now"),
        el("ol", null,
          el("li", null, "Put the new key where the old one is used."),
          el("li", null, "Watch the old one until it is quiet:"),
          el("li", null, "Revoke it, or let it end by itself.")),
        el("section", { class: "box info" }, traffic(retiring)),
        el("p", { class: "actions" }, el("a", { class: "button primary", href: "#/keys" }, "Watch it on the keys page"), el("a", { class: "button", href: to("keys", retiring.id) }, "The old key")),
      ],
    });
    return [
      el("p", { class: "trail" }, el("a", { href: "#/keys" }, "Keys"), " / ", el("a", { href: to("keys", key.id) }, key.label || key.id)),
      el("h1", null, `Rotate ${key.label || key.id}`),
      el("p", { class: "lead" }, `${kindText(key)}, `, lastUse(key), ". The new key takes over its dialects and limits; no request is refused while both count."),
      wizard,
    ];
  },
};

/** The old key's word for the new one. */
async function proofOfOld(old, me, key, next) {
  const time = Math.floor(serverNow() / 1000);
  const text = `countersign key rotation 1\n${me.account.id}\n${key.id}\n${next.fingerprint}\n${time}`;
  return { time, signature: base64url(await old.sign(utf8(text))) };
}
