// What comes after a key was registered.
import { copyBlock } from "../lib/copy.js";
import { el } from "../lib/element.js";
import { to } from "../lib/route.js";
import { stateMark } from "./key-words.js";
import { firstCall } from "./signed-dialects.js";

/** Words and links for a key just registered; `how.file` is the file that holds its private half. */
export function nextSteps(key, { file } = {}, dialect, me) {
  return [
    el("p", { class: "box good", role: "status" }, "The public half is registered as ", el("a", { href: to("keys", key.id) }, key.label || key.id), ". ", stateMark(key)),
    key.state === "pending" && el("p", null, "It waits: requests that it signs are refused until a manager of this server approves it."),
    file && dialect?.routes?.length > 0 && [el("p", null, "Call from your machine:"), copyBlock(firstCall(dialect, me, file), "the command")],
    el("p", { class: "actions" },
      el("a", { class: "button primary", href: dialect ? `#/try?dialect=${encodeURIComponent(dialect.name)}` : "#/try" }, "Try it in the playground"),
      el("a", { class: "button", href: dialect ? `#/snippets?dialect=${encodeURIComponent(dialect.name)}` : "#/snippets" }, "See snippets"),
      el("a", { class: "button", href: "#/keys" }, "All keys")),
  ];
}
