// Code to copy: how a request is signed in each language, with the account's own names filled in.
import { get, query } from "../lib/api.js";
import { copyBlock } from "../lib/copy.js";
import { el, fill } from "../lib/element.js";
import { field } from "../lib/field.js";
import { Problem, problemBox } from "../lib/problem.js";
import { emptyState, notHere } from "../lib/table.js";
import { signedDialects } from "./signed-dialects.js";

const LANGUAGES = [["countersign", "countersign"], ["shell", "curl and openssl"], ["python", "Python"], ["php", "PHP"], ["node", "Node.js"], ["go", "Go"], ["java", "Java"], ["rust", "Rust"]];

export const snippets = {
  title: "Snippets",
  async show() {
    const head = [el("h1", null, "Snippets"), el("p", { class: "lead" }, "Programs that sign one request, filled with your own values. Your private key is never part of them: they read its file.")];
    const dialects = await signedDialects();
    if (!dialects?.length) return [...head, notHere("A list of dialects")];
    const { items } = await get("/console/api/v1/keys");
    // A key that goes soon is nobody's first choice.
    const live = items.filter((key) => key.live).toSorted((one, other) => Number(one.state === "retiring") - Number(other.state === "retiring"));
    const place = el("div", { role: "status" });
    const dialect = field("Dialect", { options: dialects.map((one) => [one.name, one.name]) });
    const language = field("Language", { options: LANGUAGES, value: "python" });
    const key = field("Key", { options: live.length > 0 ? live.map((one) => [one.id, one.label || one.id]) : [["", "no live key yet"]] });
    const show = () => snippet(place, { dialect: dialect.value, language: language.value, key: key.value });
    for (const one of [dialect, language, key]) one.input.addEventListener("change", show);
    await show();
    return [...head, el("div", { class: "row" }, dialect.node, language.node, key.node), place];
  },
};

async function snippet(place, wanted) {
  try {
    const { title, text } = await get(`/console/api/v1/snippets${query(wanted)}`);
    fill(place, el("h2", null, title), copyBlock(text, "the snippet"));
  } catch (error) {
    const missing = error instanceof Problem && error.status === 404;
    fill(place, missing ? emptyState(`There is no snippet for ${wanted.dialect} in this language yet. The command line signs for every dialect: countersign request --help`) : problemBox(error));
  }
}
