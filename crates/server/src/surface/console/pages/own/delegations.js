// Whom the account may act for, and where.
import { getIfThere } from "../lib/api.js";
import { el } from "../lib/element.js";
import { names } from "../lib/mark.js";
import { facts, notHere } from "../lib/table.js";

export const delegations = {
  title: "Delegations",
  async show() {
    const found = await getIfThere("/console/api/v1/delegations");
    return [
      el("h1", null, "Delegations"),
      el("p", { class: "lead" }, "Users whose name your requests may carry beside your own. Both names reach the service and its log."),
      found === null ? notHere("A list of delegations") : facts(
        ["May act as", names(found.acts_as, "nobody: requests that name a user are refused")],
        ["Paths", names(found.paths, "all")]),
      el("p", { class: "quiet" }, "Whoever runs this server changes this."),
    ];
  },
};
