// Which accounts may act for which users.
import { all } from "../lib/api.js";
import { el } from "../lib/element.js";
import { mark, names } from "../lib/mark.js";
import { to } from "../lib/route.js";
import { table } from "../lib/table.js";

export const connections = {
  title: "Who acts for whom",
  async show() {
    const [accounts, users] = await Promise.all([all("/api/v1/accounts"), all("/api/v1/users")]);
    const acting = accounts.items.filter((row) => row.acts_as.length > 0);
    return [
      el("h1", null, "Who acts for whom"),
      accounts.more && el("p", { class: "box warn" }, "Only the first 2000 accounts were looked at."),
      table("Accounts that act for users", [
        ["Account", (row) => el("a", { href: to("operate", "accounts", row.id) }, row.name)],
        ["May act as", (row) => names(row.acts_as)],
        ["Paths", (row) => names(row.paths, "all")],
      ], acting, { empty: "No account may act for a user.", hidden: true }),
      el("section", null, el("h2", null, "Users"), table("Users", [
        ["User", (row) => row.name],
        ["State", (row) => mark(row.enabled ? "enabled" : "disabled")],
      ], users.items, { empty: "There are no users.", hidden: true })),
    ];
  },
};
