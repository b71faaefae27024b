// Organisations: list and make.
import { get, post, query } from "../lib/api.js";
import { el } from "../lib/element.js";
import { field, form, tick, Wrong } from "../lib/field.js";
import { when } from "../lib/moment.js";
import { to } from "../lib/route.js";
import { table } from "../lib/table.js";

export const organisations = {
  title: "Organisations",
  async show({ query: asked, go }) {
    const found = await get(`/api/v1/organisations${query({ after: asked.get("after"), limit: 50 })}`);
    const name = field("Name");
    const approval = tick("Keys that its members register wait for a manager of this server");
    return [
      el("h1", null, "Organisations"),
      table("Organisations", [
        ["Organisation", (row) => el("a", { href: to("operate", "organisations", row.id) }, row.name)],
        ["Id", (row) => el("code", null, row.id)],
        ["Made", (row) => when(row.created)],
      ], found.items, { empty: "There is no organisation yet.", hidden: true }),
      found.next && el("p", { class: "actions" }, el("a", { class: "button", href: `#/operate/organisations${query({ after: found.next })}` }, "More")),
      el("section", null, el("h2", null, "Make one"), form({
        fields: { name },
        submit: "Make it",
        act: async () => {
          if (name.value.trim() === "") throw new Wrong("name", "Give it a name.");
          const made = await post("/api/v1/organisations", { name: name.value.trim(), approval: approval.value });
          go(to("operate", "organisations", made.id));
        },
      }, name.node, approval.node)),
    ];
  },
};
