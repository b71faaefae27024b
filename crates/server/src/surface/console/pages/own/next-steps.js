// What comes after a key was registered.
import { copyBlock } from "../lib/copy.js";
import { el } from "../lib/element.js";
import { to } from "../lib/route.js";
import { stateMark } from "./key-words.js";

/** Words and links for a key just registered; `how.file` is the file that holds its private half. */
export function nextSteps(key, { file } = {}, dialect) {
  const url = dialect?.routes?.[0]?.url;
  return [
    el("p", { class: "box good", role: "status" }, "The public half is registered as ", el("a", { href: to("keys", key.id) }, key.label || key.id), ". ", stateMark(key)),
    key.state === "pending" && el("p", null, "It counts as soon as somebody approves it."),
    file && url && [el("p", null, "Call from your machine:"), copyBlock(`countersign request GET ${url} --dialect ${dialect.name} --as NAME --key ${file}`, "the command")],
    el("p", { class: "actions" },
      el("a", { class: "button primary", href: "#/try" }, "Try it in the playground"),
      el("a", { class: "button", href: "#/snippets" }, "See snippets"),
      el("a", { class: "button", href: "#/keys" }, "All keys")),
  ];
}
