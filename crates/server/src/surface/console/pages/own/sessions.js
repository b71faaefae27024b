// Open sessions of the account, and how to end them.
import { get, post } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { el } from "../lib/element.js";
import { absolute, when } from "../lib/moment.js";
import { notice } from "../lib/notice.js";
import { to } from "../lib/route.js";
import { table } from "../lib/table.js";

export const sessions = {
  title: "Sessions",
  async show({ me, again }) {
    const [{ items }, keys] = await Promise.all([get("/console/api/v1/sessions"), get("/console/api/v1/keys")]);
    const label = (id) => keys.items.find((key) => key.id === id)?.label || id;
    return [
      el("h1", null, "Sessions"),
      el("p", { class: "lead" }, "Sessions that your keys opened, at the session API and in this console, newest first. Ending one takes effect at once."),
      sessionTable(items.toSorted((one, other) => (one.opened < other.opened ? 1 : -1)), {
        end: (row) => endSession(row, me.account.name, `/console/api/v1/sessions/${encodeURIComponent(row.id)}/end`, post, again),
        name: () => me.account.name,
        who: [],
        opener: (row) => (row.key?.startsWith("key_") ? el("a", { href: to("keys", row.key), title: row.key }, label(row.key)) : el("span", { class: "quiet" }, "by a link")),
      }),
    ];
  },
};

/** The table of sessions, for owners and operators: `name` of a row says whose it is, `who` are columns for it, `opener` what opened it. */
export function sessionTable(items, { end, name, who, opener }) {
  return table("Open sessions", [
    ["Opened", (row) => when(row.opened)],
    ...who,
    // A session of the console knows the address of its pages, one of the session API the name that it was opened under.
    ["Where", (row) => (row.console ? (row.current ? "this console, now" : "console") : ["session API, as ", el("code", null, row.identifier)])],
    ["By", opener],
    ["Renewed", (row) => when(row.refreshed)],
    ["Ends at the latest", (row) => when(row.ends)],
    ["", (row) => el("button", { type: "button", class: "small-button", "aria-label": `End the session of ${name(row)} that was opened ${absolute(row.opened, true)}`, onclick: () => end(row) }, "End")],
  ], items, { empty: "No session is open.", hidden: true });
}

/** Asks, and ends it. */
export function endSession(row, name, path, call, again) {
  ask({
    title: "End this session?",
    text: `Whoever holds its ${row.console ? "cookie" : `tokens (${row.identifier})`} has to sign in again. It is a session of ${name}, opened ${absolute(row.opened, true)}.`,
    submit: "End it",
    act: async () => {
      await call(path);
      notice("The session has ended.");
      again();
    },
  });
}
