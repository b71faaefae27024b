// One organisation for operators: members and join codes.
import { all, get, post, remove } from "../lib/api.js";
import { copyBlock } from "../lib/copy.js";
import { ask } from "../lib/dialog.js";
import { el, fill } from "../lib/element.js";
import { field, form } from "../lib/field.js";
import { when } from "../lib/moment.js";
import { notice } from "../lib/notice.js";
import { table } from "../lib/table.js";
import { namesIn } from "./names.js";

export const organisationPage = {
  title: "Organisation",
  async show(context) {
    const path = `/api/v1/organisations/${encodeURIComponent(context.params.organisation)}`;
    const [one, members, codes] = await Promise.all([get(path), all(`${path}/members`), all(`${path}/join-codes`)]);
    const names = await namesIn(members.items.map(({ account }) => account));
    context.title = one.name;
    const role = field("Role", { options: ["MEMBER", "ADMIN", "OWNER"].map((name) => [name, name.toLowerCase()]) });
    const life = field("Works for", { options: [["1d", "one day"], ["7d", "a week"], ["30d", "thirty days"]], value: "7d" });
    const made = el("div", { role: "status" });
    return [
      el("p", { class: "trail" }, el("a", { href: "#/operate/organisations" }, "Organisations")),
      el("h1", null, one.name),
      el("p", { class: "lead" }, one.approval ? ["Keys that its members register wait for a manager of this server: see ", el("a", { href: "#/operate/keys?state=pending" }, "those that wait"), "."] : "Keys that its members register count at once."),
      el("section", null, el("h2", null, "Members"), table("Members", [
        ["Account", (row) => names.link(row.account)],
        ["Role", (row) => row.role.toLowerCase()],
      ], members.items, { empty: "It has no members.", hidden: true })),
      el("section", null, el("h2", null, "Join codes"), table("Join codes", [
        ["Role", (row) => row.role.toLowerCase()],
        ["Works until", (row) => when(row.expires)],
        ["Once", (row) => (row.once ? "once" : "any number of times")],
        ["", (row) => el("button", { type: "button", class: "small-button", "aria-label": `Delete the join code that works until ${row.expires}`, onclick: () => drop(row, path, context) }, "Delete")],
      ], codes.items, { empty: "No join code is open.", hidden: true }),
      form({
        submit: "Make a join code",
        act: async () => {
          const { code } = await post(`${path}/join-codes`, { role: role.value, life: life.value });
          fill(made, el("p", null, "It is shown now and never again."), copyBlock(code, "the join code"));
        },
      }, el("div", { class: "row" }, role.node, life.node)), made),
    ];
  },
};

function drop(row, path, { again }) {
  ask({
    title: "Delete this join code?",
    text: "Nobody can join with it any more. Those who did stay members.",
    submit: "Delete it",
    act: async () => {
      await remove(`${path}/join-codes/${row.digest}`);
      notice("Deleted.");
      again();
    },
  });
}
