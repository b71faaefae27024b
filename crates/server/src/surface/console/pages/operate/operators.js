// Who runs this installation, and with what role.
import { get, put } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { el } from "../lib/element.js";
import { field } from "../lib/field.js";
import { notice } from "../lib/notice.js";
import { accountTable } from "./accounts.js";

const ROLES = [["auditor", "auditor: reads everything"], ["manager", "manager: all but operators and signing keys"], ["owner", "owner: everything"]];

export const operators = {
  title: "Operators",
  async show({ me, again }) {
    const { items } = await get("/api/v1/operators?limit=200");
    const owner = me.account.role === "owner";
    return [
      el("h1", null, "Operators"),
      el("p", { class: "lead" }, "Each has a key of its own. A new one is added on the command line: countersign operator add."),
      accountTable(items, "There is no operator.", owner ? [["", (row) =>
        el("button", { type: "button", class: "small-button", "aria-label": `Change the role of ${row.name}`, onclick: () => change(row, again) }, "Role")]] : []),
    ];
  },
};

function change(row, again) {
  const role = field("Role", { options: ROLES, value: row.role });
  ask({
    title: `The role of ${row.name}`,
    text: "It counts at once. The last owner cannot be taken away.",
    submit: "Set it",
    danger: false,
    extra: role.node,
    act: async () => {
      await put(`/api/v1/operators/${encodeURIComponent(row.id)}`, { role: role.value });
      notice("The role is set.");
      again();
    },
  });
}
