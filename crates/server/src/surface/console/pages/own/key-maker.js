// Makes a key pair in the browser: choose, make, save, and only then register the public half.
import { copyValue } from "../lib/copy.js";
import { el, fill } from "../lib/element.js";
import { choice, field, form, tick, Wrong } from "../lib/field.js";
import { serverNow } from "../lib/moment.js";
import { KINDS, available, hindrance, serves } from "../keys/kind.js";
import { forget, keep, keepsKeys } from "../keys/keyring.js";
import { makePair } from "../keys/pair.js";
import { pem } from "../keys/pem.js";
import { wipe } from "../keys/scrypt.js";
import { seal } from "../keys/sealed.js";

const LEAST_PASSPHRASE = 12;

/**
 * The wizard. `label` is what the key is called at first, `algorithms` says what may be chosen (a function, asked again whenever
 * `node.dispatchEvent(new Event("narrow"))` comes), `before` are fields that stand above, `register(pair, details)` registers the
 * public half, and `done(result)` gives what is shown at last.
 */
export async function keyMaker({ me, label, algorithms, before, submit = "Register the public key", register, done, onleave }) {
  const hindered = hindrance();
  if (hindered) return withoutBrowser(hindered);
  const [kinds, keeps] = await Promise.all([available(), keepsKeys()]);
  const node = el("div", { class: "wizard" });
  const name = field("Label", { value: label, hint: "So that you know it again: where it will be used.", maxlength: 100 });
  const kindPlace = el("div");
  let kindChoice;
  const narrow = () => {
    const wanted = algorithms();
    const fitting = kinds.filter((kind) => !wanted || serves(kind, wanted));
    const missing = KINDS.some((kind) => !wanted || serves(kind, wanted)) && fitting.length === 0;
    kindChoice = choice("Kind of key", fitting.map((kind) => [kind.name, kind.label, kind.hint]), { value: fitting[0]?.name });
    fill(kindPlace, kindChoice.node, missing && el("p", { class: "box warn" }, "This browser cannot make the kind that is wanted here; use another browser or the command line."),
      fitting.length === 0 && !missing && el("p", { class: "box warn" }, "Keys for this are not made in browsers: use countersign key new KEYFILE, and upload the public half."));
  };
  narrow();
  node.addEventListener("narrow", narrow);
  const passphrase = field("Passphrase", { kind: "password", autocomplete: "new-password", hint: `At least ${LEAST_PASSPHRASE} characters; whoever has the file and the passphrase is you.` });
  const repeated = field("Passphrase again", { kind: "password", autocomplete: "new-password" });
  const phrases = el("div", { class: "nested" }, passphrase.node, repeated.node);
  const place = choice("Where does the private half go?", [
    ["sealed", "Into a file with a passphrase", "Encrypted PKCS#8, which countersign and openssl read. For people and careful servers."],
    ["plain", "Into a file without one", "PKCS#8. For servers that start by themselves; keep it readable for one user only."],
    ["browser", "It stays in this browser", "No page and no file ever holds it. For signing in here and for the playground, not for servers.", !keeps],
  ], { value: "sealed", onchange: (value) => phrases.toggleAttribute("hidden", value !== "sealed") });
  const make = async () => {
    if (!kindChoice.value) throw new Wrong("label", "Choose a kind of key.");
    if (place.value === "sealed") checkPassphrase(passphrase.value, repeated.value);
    const { pair, pkcs8 } = await makePair(kindChoice.value, { file: place.value !== "browser" });
    pair.label = name.value.trim();
    const next = { node, me, pair, submit, register, done };
    if (place.value === "browser") return savedInBrowser(next);
    const file = place.value === "sealed"
      ? { name: fileName(pair.label, "enc.pem"), text: pem("ENCRYPTED PRIVATE KEY", await seal(pkcs8, passphrase.value)) }
      : { name: fileName(pair.label, "pem"), text: pem("PRIVATE KEY", pkcs8) };
    wipe(pkcs8);
    passphrase.value = "";
    repeated.value = "";
    return savedAsFile({ ...next, file, onleave });
  };
  fill(node, steps(1), form({ fields: { label: name, passphrase, repeated }, submit: "Make the key pair", act: make },
    before, name.node, kindPlace, place.node, phrases));
  return node;
}

const STEPS = ["Choose", "Save the private half", "Register the public half"];

function steps(now) {
  return el("ol", { class: "progress", "aria-label": "Progress" }, STEPS.map((text, index) =>
    el("li", { class: index + 1 < now ? "done" : null, "aria-current": index + 1 === now ? "step" : null }, text)));
}

function checkPassphrase(passphrase, repeated) {
  if (passphrase.length < LEAST_PASSPHRASE) throw new Wrong("passphrase", `Wanted at least ${LEAST_PASSPHRASE} characters, found ${passphrase.length}.`);
  if (passphrase !== repeated) throw new Wrong("repeated", "The two passphrases differ. Type the same twice.");
}

const fileName = (label, end) => `${label.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "countersign-key"}.${end}`;

function savedAsFile({ node, me, pair, file, submit, register, done, onleave }) {
  const address = URL.createObjectURL(new Blob([file.text], { type: "application/x-pem-file" }));
  const letGo = () => URL.revokeObjectURL(address);
  onleave?.(letGo);
  let downloaded = false;
  const saved = tick("I have saved the file and know where it is", { hint: "Nobody can give it to you again: the server never sees it." });
  const link = el("a", { class: "button primary", href: address, download: file.name, onclick: () => { downloaded = true; } }, `Download ${file.name}`);
  show(node, 2, "Save the private half",
    made(pair),
    el("p", { class: "actions" }, link),
    form({
      submit,
      act: async () => {
        if (!downloaded) throw new Error("Download the private key first.");
        if (!saved.value) throw new Error("Tick that you have saved the file; without it the key is worth nothing.");
        const result = await register(pair, await pair.possession(me.account.id, Math.floor(serverNow() / 1000)));
        letGo();
        show(node, 3, "Registered", done(result, { file: file.name, pair }));
      },
    }, saved.node));
}

function savedInBrowser({ node, me, pair, submit, register, done }) {
  const saved = tick("I understand that only this browser can use this key", { hint: "Clearing the browser's data loses it; keep a second way to sign in." });
  show(node, 2, "Keep it in this browser", made(pair), form({
    submit,
    act: async () => {
      if (!saved.value) throw new Error("Tick that you know where the key is.");
      const about = { account: me.account.id, accountName: me.account.name, label: pair.label };
      // Kept before it is registered: a registered key that nobody has would be the worse end.
      await keep(pair, about);
      let result;
      try {
        result = await register(pair, await pair.possession(me.account.id, Math.floor(serverNow() / 1000)));
      } catch (error) {
        if (error.code !== "outcome-unknown" && error.code !== "unreachable") await forget(pair.fingerprint);
        throw error;
      }
      show(node, 3, "Registered", done(result, { pair }));
    },
  }, saved.node));
}

function made(pair) {
  return [
    el("p", null, `A new ${pair.kind} key pair was made in this browser. Fingerprint of its public half:`),
    el("p", null, copyValue(pair.fingerprint, "the fingerprint")),
  ];
}

function show(node, step, heading, ...content) {
  const title = el("h2", { tabindex: "-1" }, heading);
  fill(node, steps(step), title, content);
  title.focus();
}

function withoutBrowser(why) {
  return el("div", { class: "box warn" }, el("p", { class: "box-title" }, "Keys cannot be made on this page"), el("p", null, why),
    el("p", null, "On your machine: ", el("code", null, "countersign key new KEYFILE"), ", then upload the public half here."));
}
