// Open sessions of the account, and how to end them.
import { get, post } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { el } from "../lib/element.js";
import { when } from "../lib/moment.js";
import { notice } from "../lib/notice.js";
import { to } from "../lib/route.js";
import { table } from "../lib/table.js";

export const sessions = {
  title: "Sessions",
  async show({ again }) {
    const { items } = await get("/console/api/v1/sessions");
    return [
      el("h1", null, "Sessions"),
      el("p", { class: "lead" }, "Sessions that your keys opened, at the session API and in this console. Ending one takes effect at once."),
      sessionTable(items, (row) => endSession(row, `/console/api/v1/sessions/${encodeURIComponent(row.id)}/end`, post, again), (row) => (row.key?.startsWith("key_") ? el("a", { href: to("keys", row.key) }, row.key) : el("span", { class: "quiet" }, "by a link")),
        [["Where", (row) => (row.current ? "this console, now" : row.console ? "console" : "session API")]]),
    ];
  },
};

/** The table of sessions, for owners and operators. */
export function sessionTable(items, end, keyCell, more = []) {
  return table("Open sessions", [
    ["Opened", (row) => when(row.opened)],
    ...more,
    ["Identifier", (row) => el("code", null, row.identifier)],
    ["Key", keyCell],
    ["Tokens renewed", (row) => when(row.refreshed)],
    ["Ends at the latest", (row) => when(row.ends)],
    ["", (row) => el("button", { type: "button", class: "small-button", "aria-label": `End the session of ${row.identifier}`, onclick: () => end(row) }, "End")],
  ], items, { empty: "No session is open.", hidden: true });
}

/** Asks, and ends it. */
export function endSession(row, path, call, again) {
  ask({
    title: "End this session?",
    text: `Whoever holds its tokens (${row.identifier}) has to sign in again.`,
    submit: "End it",
    act: async () => {
      await call(path);
      notice("The session has ended.");
      again();
    },
  });
}
