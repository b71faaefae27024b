// One-time links that let somebody sign in who has no registered key yet.
import { get, post, query } from "../lib/api.js";
import { copyBlock } from "../lib/copy.js";
import { el, fill } from "../lib/element.js";
import { field, form, Wrong } from "../lib/field.js";
import { ask } from "../lib/dialog.js";
import { when } from "../lib/moment.js";

export const links = {
  title: "Sign-in links",
  async show() {
    const name = field("Account", { hint: "Its name or id." });
    const made = el("div", { role: "status" });
    return [
      el("h1", null, "Sign-in links"),
      el("p", { class: "lead" }, "A link signs its reader in as that account, once, within thirty minutes. Send it over a way that you trust; making it is in the audit log."),
      form({
        fields: { name },
        submit: "Make a link",
        act: async () => fill(made, linkShown(await make(await accountOf(name.value.trim(), "name")))),
      }, name.node),
      made,
    ];
  },
};

/** A button that makes a link for this account. */
export function linkButton(account) {
  const made = el("div", { role: "status" });
  return el("button", { type: "button", onclick: () => ask({
    title: `A sign-in link for ${account.name}?`,
    text: "Whoever opens it first is signed in as this account.",
    submit: "Make a link",
    danger: false,
    act: async () => {
      const link = await make(account);
      ask({ title: "The link", text: `For ${account.name}. It works once and is shown now only.`, submit: "Done", danger: false, extra: linkShown(link), act: async () => {} });
    },
  }) }, "Sign-in link", made);
}

const make = (account) => post(`/api/v1/accounts/${encodeURIComponent(account.id)}/sign-in-link`);

/** The account of a name or an id; what is wrong is told at `at`. */
export async function accountOf(text, at) {
  if (text === "") throw new Wrong(at, "Say for whom.");
  if (text.startsWith("acc_")) return { id: text, name: text };
  const { items } = await get(`/api/v1/accounts${query({ search: text, limit: 200 })}`);
  const found = items.find((row) => row.name === text);
  if (!found) throw new Wrong(at, "No account has this name. Its page shows its id, which works too.");
  return found;
}

function linkShown(made) {
  const address = made.link ?? made.url ?? `${location.origin}/console/#/link/${made.token}`;
  return el("div", null, copyBlock(address, "the sign-in link"), made.expires && el("p", { class: "quiet" }, "It ends ", when(made.expires), "."));
}
