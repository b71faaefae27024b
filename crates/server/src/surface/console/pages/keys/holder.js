// Chooses the key that signs: one kept in this browser, one read before, or a file that is read now.
import { el, fill } from "../lib/element.js";
import { choice, field, Wrong } from "../lib/field.js";
import { hindrance } from "./kind.js";
import { WantsPassphrase, pairOfFile } from "./key-file.js";
import { keptKeys } from "./keyring.js";

/** Keys read from files, until the page is closed. */
const opened = new Map();

/** Lets go of the keys that were read from files. */
export function letGo() {
  opened.clear();
}

/** Every key at hand: `{ pair, label, from }`. */
export async function atHand() {
  let kept = [];
  try {
    kept = await keptKeys();
  } catch {
    // A private window: nothing is kept, files still work.
  }
  const files = [...opened.values()].map((pair) => ({ pair, label: pair.label, from: "file" }));
  return [...kept.map((row) => ({ pair: row.pair, label: row.label, from: "browser", key: row.key })), ...files];
}

/**
 * A part of a form: `{ node, pair() }`. `kinds` and `fingerprint` narrow what fits. `pair()` gives the key or throws what to
 * tell at the part's own field.
 */
export async function keyChooser({ kinds, fingerprint, legend = "Which key signs?" } = {}) {
  const hindered = hindrance();
  if (hindered) return { node: el("div", { class: "box warn" }, el("p", null, hindered)), pair: async () => { throw new Error(hindered); } };
  const fits = (pair) => (!kinds || kinds.includes(pair.kind)) && (!fingerprint || pair.fingerprint === fingerprint);
  const hand = (await atHand()).filter((one) => fits(one.pair));
  const file = field("Private key file", { kind: "file", hint: "It is read in this page and sent nowhere." });
  const passphrase = field("Passphrase of the file", { kind: "password", autocomplete: "off", hint: "Only if it has one." });
  const fileNodes = el("div", { class: "nested" }, file.node, passphrase.node);
  const entries = hand.map((one, index) => [String(index), `${one.label || "Key"} (${one.pair.kind})`, `${one.from === "browser" ? "kept in this browser" : "read from a file"} · ${one.pair.fingerprint.slice(0, 16)}…`]);
  const which = entries.length === 0 ? null : choice(legend, [...entries, ["file", "A key file on this machine", null]], {
    value: "0",
    onchange: (value) => fileNodes.toggleAttribute("hidden", value !== "file"),
  });
  fileNodes.toggleAttribute("hidden", which !== null);
  return {
    node: el("div", { class: "chooser" }, which?.node, fileNodes),
    fields: { file, passphrase },
    async pair() {
      if (which && which.value !== "file") return hand[Number(which.value)].pair;
      return read(file, passphrase, kinds, fingerprint);
    },
  };
}

async function read(file, passphrase, kinds, fingerprint) {
  const chosen = file.value;
  if (!chosen) throw new Wrong("file", "Choose the file with your private key.");
  let pair;
  try {
    pair = await pairOfFile(chosen, passphrase.value);
  } catch (error) {
    throw new Wrong(error instanceof WantsPassphrase || /passphrase does/.test(error.message) ? "passphrase" : "file", error.message);
  }
  if (kinds && !kinds.includes(pair.kind)) throw new Wrong("file", `This is a key of kind ${pair.kind}; wanted ${kinds.join(" or ")}.`);
  if (fingerprint && pair.fingerprint !== fingerprint) throw new Wrong("file", "This is another key: its fingerprint is not the one that is wanted here.");
  pair.label = chosen.name;
  opened.set(pair.fingerprint, pair);
  fill(passphrase.input);
  passphrase.value = "";
  return pair;
}
