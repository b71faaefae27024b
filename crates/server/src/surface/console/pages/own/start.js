// The first page of a key owner: three steps to the first signed call.
import { get } from "../lib/api.js";
import { copyBlock } from "../lib/copy.js";
import { el } from "../lib/element.js";
import { ago } from "../lib/moment.js";
import { mark } from "../lib/mark.js";
import { firstCall, signedDialects } from "./signed-dialects.js";

export const startPage = {
  title: "Start",
  async show({ me }) {
    const keys = await get("/console/api/v1/keys");
    const dialects = await signedDialects(me, keys.items);
    const live = keys.items.filter((key) => key.live);
    const used = live.filter((key) => key.last_used);
    const retiring = keys.items.filter((key) => key.state === "retiring" && key.live);
    return [
      el("h1", null, "Make your first signed call"),
      el("p", { class: "lead" }, `Hello ${me.account.name}. Three steps, and your server is recognised by a key that only it holds.`),
      el("ol", { class: "steps" },
        step("Have a key", live.length > 0, live.length > 0
          ? `You have ${live.length === 1 ? "one live key" : `${live.length} live keys`}.`
          : "Make a key pair in this browser: the private half never leaves it. Or upload the public half of a pair that you have.",
          el("p", { class: "actions" }, el("a", { class: live.length ? "button" : "button primary", href: live.length ? "#/keys" : "#/keys/new" }, live.length ? "See your keys" : "Make a key"),
            !live.length && el("a", { class: "button", href: "#/keys/upload" }, "Upload a public key"))),
        step("Try it here", false, "The playground signs a request with your key, and shows how the server judges it, step by step.",
          el("p", { class: "actions" }, el("a", { class: live.length ? "button primary" : "button", href: "#/try" }, "Open the playground"))),
        step("Call from your server", false, "Copy a snippet in your language, with your own names filled in, or use the command line:",
          copyBlock(firstCall(dialects?.find((one) => one.routes?.length), me), "the command"),
          used.length > 0 && el("p", { class: "quiet small" }, `Your keys were last used ${ago(newest(used))}; signing in here does not count.`),
          el("p", { class: "actions" }, el("a", { class: "button", href: "#/snippets" }, "See the snippets")))),
      retiring.length > 0 && el("section", null, el("h2", null, "Going soon"),
        el("ul", { class: "plain" }, retiring.map((key) => el("li", null, mark("retiring"), " ",
          el("a", { href: `#/keys/${key.id}` }, key.label || key.id), ` ends ${ago(key.until)}.`)))),
      el("section", null, el("h2", null, "How you are known"),
        el("p", null, (me.account.identifiers ?? []).length === 0 ? "No identifier is registered for this account." : "Requests name you by:"),
        el("ul", { class: "plain" }, (me.account.identifiers ?? []).map(({ namespace, value }) =>
          el("li", null, el("code", null, value), el("span", { class: "quiet" }, ` ${namespace}`))))),
    ];
  },
};

function step(title, done, text, ...more) {
  return el("li", { class: done ? "done" : null },
    el("h2", null, title, done && [" ", el("span", { class: "mark good" }, el("span", { "aria-hidden": "true" }, "✓"), el("span", { class: "unseen" }, "(done)"))]),
    el("p", null, text), more);
}

const newest = (keys) => keys.map((key) => key.last_used).sort().at(-1);
