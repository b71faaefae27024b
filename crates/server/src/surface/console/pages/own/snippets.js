// Code to copy: how a request is signed in each language, with the account's own names filled in.
import { get, query } from "../lib/api.js";
import { copyBlock } from "../lib/copy.js";
import { el, fill } from "../lib/element.js";
import { field, options } from "../lib/field.js";
import { Problem, problemBox } from "../lib/problem.js";
import { emptyState, notHere } from "../lib/table.js";
import { algorithmsOf, firstCall, identifierFor, serves, signedDialects } from "./signed-dialects.js";

/** How people write the languages; one that is not here is written as it is. */
const LANGUAGES = { countersign: "countersign", shell: "curl and openssl", python: "Python", php: "PHP", node: "Node.js", go: "Go", java: "Java", rust: "Rust" };

export const snippets = {
  title: "Snippets",
  async show({ me, query: asked }) {
    const head = [el("h1", null, "Snippets"), el("p", { class: "lead" }, "Programs that sign one request, filled with your own values. Your private key is never part of them: they read its file.")];
    const { items } = await get("/console/api/v1/keys");
    const dialects = await signedDialects(me, items);
    if (!dialects?.length) return [...head, notHere("A list of dialects")];
    const live = items.filter((key) => key.live);
    const place = el("div", { role: "status" });
    const first = dialects.find(({ name }) => name === asked.get("dialect")) ?? dialects[0];
    const dialect = field("Dialect", { options: dialects.map((one) => [one.name, one.name]), value: first.name });
    const language = field("Language", { options: [], value: "" });
    const key = field("Key", { options: [], value: "" });
    const chosen = () => dialects.find(({ name }) => name === dialect.value);
    const show = () => snippet(place, { dialect: chosen(), language: language.value, key: key.value }, me);
    const narrow = () => {
      const before = language.value || "python";
      const languages = chosen().languages ?? [];
      options(language, languages.map((name) => [name, LANGUAGES[name] ?? name]), languages.includes(before) ? before : languages[0]);
      language.node.toggleAttribute("hidden", languages.length === 0);
      const fitting = keysFor(chosen(), live);
      options(key, fitting.length > 0 ? fitting.map((one) => [one.id, one.label || one.id]) : [["", "no live key yet"]], fitting.find(({ id }) => id === key.value)?.id ?? fitting[0]?.id);
    };
    dialect.input.addEventListener("change", () => { narrow(); show(); });
    for (const one of [language, key]) one.input.addEventListener("change", show);
    narrow();
    await show();
    return [...head, el("div", { class: "row" }, dialect.node, language.node, key.node), place];
  },
};

/** What signs in this dialect first, then what could; a key that goes soon is nobody's first choice. */
function keysFor(dialect, live) {
  const rank = (key) => (serves(key, dialect) ? 0 : algorithmsOf(key, dialect).length > 0 ? 2 : 4) + Number(key.state === "retiring");
  return live.toSorted((one, other) => rank(one) - rank(other));
}

async function snippet(place, { dialect, language, key }, me) {
  if (!language) {
    fill(place, emptyState(`There is no program for ${dialect.name} here yet. The command line signs it:`), copyBlock(firstCall(dialect, me), "the command"));
    return;
  }
  const unnamed = dialect.namespace && !identifierFor(dialect, me);
  try {
    const { title, text } = await get(`/console/api/v1/snippets${query({ dialect: dialect.name, language, key })}`);
    fill(place, unnamed && el("p", { class: "box warn" }, `Your account has no identifier for ${dialect.name} (${dialect.namespace}), so the program has a place for it. Whoever runs this server registers one.`),
      el("h2", null, title), copyBlock(text, "the snippet"));
  } catch (error) {
    const missing = error instanceof Problem && error.status === 404;
    fill(place, missing ? emptyState(`There is no snippet for ${dialect.name} in this language yet. The command line signs for every dialect: countersign request --help`) : problemBox(error));
  }
}
