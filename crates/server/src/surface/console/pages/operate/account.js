// One account for operators: identifiers, keys, sessions, and the switch.
import { all, get, patch } from "../lib/api.js";
import { copyValue } from "../lib/copy.js";
import { ask } from "../lib/dialog.js";
import { el } from "../lib/element.js";
import { mark, names } from "../lib/mark.js";
import { when } from "../lib/moment.js";
import { notice } from "../lib/notice.js";
import { to } from "../lib/route.js";
import { facts } from "../lib/table.js";
import { keyTable } from "./all-keys.js";
import { linkButton } from "./links.js";
import { namesIn } from "./names.js";

export const accountPage = {
  title: "Account",
  async show(context) {
    const path = `/api/v1/accounts/${encodeURIComponent(context.params.account)}`;
    const [account, keys] = await Promise.all([get(path), all(`${path}/keys`)]);
    context.title = account.name;
    return [
      el("p", { class: "trail" }, el("a", { href: "#/operate/accounts" }, "Accounts")),
      el("div", { class: "page-head" }, el("h1", null, account.name), el("div", { class: "actions" },
        linkButton(account),
        el("button", { type: "button", class: account.enabled ? "danger-outline" : null, onclick: () => turn(account, path, context) }, account.enabled ? "Disable" : "Enable"))),
      facts(
        ["State", mark(account.enabled ? "enabled" : "disabled")],
        ["Account id", copyValue(account.id, "the account id")],
        ["Identifiers", account.identifiers.map(({ namespace, value }) => el("div", null, el("code", null, value), el("span", { class: "quiet" }, ` ${namespace}`)))],
        account.organisation && ["Organisation", (await namesIn([account.organisation])).link(account.organisation)],
        account.role && ["Role", account.role],
        ["May act as", names(account.acts_as, "nobody")],
        ["Paths", names(account.paths, "all")],
        account.jwks_url && ["Key set", el("code", { class: "breaks" }, account.jwks_url)],
        ["Made", when(account.created)]),
      el("section", null, el("h2", null, "Keys"), keyTable(keys.items)),
      el("p", null, el("a", { href: `#/operate/sessions?account=${encodeURIComponent(account.id)}` }, "Its open sessions"), " · ", el("a", { href: `#/operate/audit?account=${encodeURIComponent(account.id)}` }, "What was done to it and by it")),
    ];
  },
};

function turn(account, path, { again }) {
  const enabled = !account.enabled;
  ask({
    title: `${enabled ? "Enable" : "Disable"} ${account.name}?`,
    text: enabled ? "Its keys count again." : "Nothing signed with its keys counts from then on, and its sessions end. It can be enabled again.",
    danger: !enabled,
    submit: enabled ? "Enable" : "Disable",
    act: async () => {
      await patch(path, { enabled });
      notice(enabled ? "Enabled." : "Disabled.");
      again();
    },
  });
}
