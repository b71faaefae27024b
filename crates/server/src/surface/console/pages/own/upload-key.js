// Registers the public half of a pair that was made elsewhere; a private key is noticed before anything is sent.
import { post } from "../lib/api.js";
import { base64url, fromBase64 } from "../lib/bytes.js";
import { copyBlock, copyValue } from "../lib/copy.js";
import { el, fill } from "../lib/element.js";
import { choice, field, form, Wrong } from "../lib/field.js";
import { serverNow } from "../lib/moment.js";
import { to } from "../lib/route.js";
import { facts } from "../lib/table.js";
import { mustNotBeSent } from "../keys/public-text.js";
import { keyChooser } from "../keys/holder.js";
import { kindText } from "./key-words.js";
import { nextSteps } from "./next-steps.js";
import { signedDialects } from "./signed-dialects.js";

/** A public key of any kind in any spelling is well under this. */
const MOST = 64 * 1024;

export const uploadKey = {
  title: "Upload a public key",
  async show({ me }) {
    const dialects = (await signedDialects(me)) ?? [];
    const place = el("div", { class: "wizard" });
    const text = field("Public key", { rows: 7, hint: "PEM, an OpenSSH line, a JWK, base64 or hexadecimal: any usual spelling." });
    const file = field("Or its file", { kind: "file", optional: true, onchange: () => readInto(file, text) });
    text.input.addEventListener("input", () => text.error(text.value ? (mustNotBeSent(text.value) ?? "") : ""));
    fill(place, form({
      fields: { public: text },
      submit: "Check it",
      act: async () => {
        const leaked = mustNotBeSent(text.value);
        if (leaked) throw new Wrong("public", leaked);
        const checked = await post("/console/api/v1/keys/check", { public: text.value });
        await registerPart(place, { me, checked, text: text.value, dialects });
      },
    }, text.node, file.node));
    return [
      el("p", { class: "trail" }, el("a", { href: to("keys") }, "Keys")),
      el("h1", null, "Upload a public key"),
      el("p", { class: "lead" }, "For a pair that you made elsewhere. Only the public half is sent, and you show that you hold the private one."),
      place,
    ];
  },
};

async function readInto(file, text) {
  const chosen = file.value;
  if (!chosen) return;
  file.error(chosen.size > MOST ? "This file is too large for a public key." : "");
  if (chosen.size > MOST) return;
  const read = await chosen.text();
  const leaked = mustNotBeSent(read);
  // What is private is not even shown.
  text.value = leaked ? "" : read;
  text.error("");
  file.error(leaked ?? "");
  if (leaked) file.input.value = "";
}

async function registerPart(place, { me, checked, text, dialects }) {
  const label = field("Label", { hint: "So that you know it again: where it is used.", maxlength: 100 });
  const dialect = dialects.length === 0 ? null : choice("What is it for?", dialects.map((one) => [one.name, one.name, one.summary]), { value: dialects[0].name });
  const time = Math.floor(serverNow() / 1000);
  const fingerprint = checked.fingerprints.spki_sha256_hex;
  const line = signLine(checked.kind, `printf 'countersign key possession 1\\n%s\\n%s\\n%s' '${me.account.id}' '${fingerprint}' '${time}'`);
  const chooser = await keyChooser({ fingerprint, legend: "Which key?" });
  const signature = field("The line that it prints", { rows: 3 });
  const panels = { file: chooser.node, command: el("div", null, copyBlock(line ?? "", "the command"), signature.node) };
  const way = choice("Show that you hold the private half", [
    ["file", "With its file, in this page", "It is read here and sent nowhere."],
    ["command", "With openssl", line ? "Where the private key is; within five minutes." : "openssl signs with this kind in another form; use its file.", !line],
  ], { value: "file", onchange: (value) => Object.entries(panels).forEach(([name, node]) => node.toggleAttribute("hidden", name !== value)) });
  panels.command.hidden = true;
  const heading = el("h2", { tabindex: "-1" }, "This is what was read");
  fill(place, heading, facts(
    ["Kind", kindText(checked)],
    ["OpenSSH fingerprint", copyValue(checked.fingerprints.openssh, "the OpenSSH fingerprint")],
    ["SHA-256", copyValue(fingerprint, "the SHA-256 fingerprint")],
    (checked.repaired ?? []).length > 0 && ["Repaired", checked.repaired.join("; ")],
  ), form({
    fields: { label, signature, ...chooser.fields },
    submit: "Register it",
    act: async () => {
      const possession = way.value === "file" ? await (await chooser.pair()).possession(me.account.id, Math.floor(serverNow() / 1000)) : { time, signature: pasted(signature.value) };
      const chosen = dialects.find((one) => one.name === dialect?.value);
      const made = await post("/console/api/v1/keys", { public: text, label: label.value.trim(), dialects: chosen ? [chosen.name] : undefined, possession });
      fill(place, el("h2", { tabindex: "-1" }, "Registered"), nextSteps(made.key ?? made, {}, chosen, me));
      place.querySelector("h2").focus();
    },
  }, label.node, dialect?.node, way.node, panels.file, panels.command));
  heading.focus();
}

/** How openssl signs a text with this kind of key; null where its form is not the one that is wanted. */
function signLine(kind, text) {
  if (kind === "RSA") return `${text} | openssl dgst -sha256 -sign KEYFILE | openssl base64 -A`;
  if (kind === "Ed25519") return `${text} > possession.txt && openssl pkeyutl -sign -rawin -inkey KEYFILE -in possession.txt | openssl base64 -A`;
  return null;
}

/** The signature of a pasted line, in base64url. */
function pasted(text) {
  const bytes = fromBase64(text);
  if (!bytes?.length) throw new Wrong("signature", "Paste the line that the command printed.");
  return base64url(bytes);
}
