// The account's organisation: who belongs to it, codes that let others join, and joining one.
import { getIfThere, post } from "../lib/api.js";
import { copyBlock } from "../lib/copy.js";
import { el, fill } from "../lib/element.js";
import { field, form, Wrong } from "../lib/field.js";
import { mark } from "../lib/mark.js";
import { serverNow, when } from "../lib/moment.js";
import { notice } from "../lib/notice.js";
import { notHere, table } from "../lib/table.js";

const ROLES = [["MEMBER", "Member"], ["ADMIN", "Admin: invites others"], ["OWNER", "Owner: sets roles, too"]];
const LIVES = [["1", "One day"], ["7", "A week"], ["30", "Thirty days"]];
const DAY = 86_400_000;
const PATH = "/console/api/v1/organisation";

export const organisation = {
  title: "Organisation",
  async show(context) {
    const found = await getIfThere(PATH);
    if (found === null) return [el("h1", null, "Organisation"), notHere("The page of organisations")];
    if (!found.organisation) return [el("h1", null, "Organisation"), joinPart(context)];
    const { name } = typeof found.organisation === "string" ? { name: found.organisation } : found.organisation;
    context.title = name;
    const invites = ["ADMIN", "OWNER"].includes(found.role);
    return [
      el("h1", null, name),
      el("p", { class: "lead" }, `You are ${found.role === "MEMBER" ? "a member" : `its ${found.role.toLowerCase()}`} here.`),
      el("section", null, el("h2", null, "Members"), table("Members", [
        ["Account", (row) => row.name ?? row.account],
        ["Role", (row) => row.role.toLowerCase()],
      ], found.members ?? [], { hidden: true })),
      invites && invitePart(found, context),
    ];
  },
};

function invitePart(found, { again }) {
  const role = field("Role", { options: found.role === "OWNER" ? ROLES : ROLES.slice(0, 1) });
  const life = field("Works for", { options: LIVES, value: "7" });
  const made = el("div", { role: "status" });
  return el("section", null, el("h2", null, "Join codes"),
    table("Join codes", [
      ["Role", (row) => row.role.toLowerCase()],
      ["Works until", (row) => when(row.expires)],
    ], found.join_codes ?? [], { empty: "No join code is open.", hidden: true }),
    el("h3", null, "Make one"),
    form({
      submit: "Make a join code",
      act: async () => {
        const { code } = await post(`${PATH}/join-codes`, { role: role.value, expires: new Date(serverNow() + Number(life.value) * DAY).toISOString() });
        fill(made, el("p", null, "Give this code to whoever shall join. It works once, and is shown now and never again."), copyBlock(code, "the join code"),
          el("p", { class: "actions" }, el("button", { type: "button", onclick: again }, "Done")));
      },
    }, el("div", { class: "row" }, role.node, life.node)), made);
}

function joinPart({ again }) {
  const code = field("Join code", { hint: "From an admin of the organisation.", autocomplete: "off" });
  return el("section", null, el("p", { class: "lead" }, "Your account belongs to no organisation. ", mark("absent", "not joined")),
    form({
      fields: { code },
      submit: "Join",
      act: async () => {
        if (code.value.trim() === "") throw new Wrong("code", "Type the join code.");
        await post(`${PATH}/join`, { code: code.value.trim() });
        notice("You have joined.");
        again();
      },
    }, code.node));
}
