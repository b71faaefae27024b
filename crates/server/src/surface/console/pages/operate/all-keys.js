// Every key of the installation, found by state, algorithm, dialect and disuse.
import { get, getIfThere, query } from "../lib/api.js";
import { el } from "../lib/element.js";
import { field } from "../lib/field.js";
import { names } from "../lib/mark.js";
import { to } from "../lib/route.js";
import { notHere, table } from "../lib/table.js";
import { kindText, lastUse, stateMark } from "../own/key-words.js";

const STATES = ["", "active", "pending", "retiring", "disabled", "revoked"];
const UNUSED = [["", "whenever used"], ["30", "unused for 30 days"], ["90", "unused for 90 days"], ["365", "unused for a year"]];

/** Live keys for the overview; null where the server has no such list. */
export async function allLiveKeys() {
  const found = await getIfThere("/api/v1/keys?limit=200");
  return found?.items.filter((key) => key.live) ?? null;
}

export const allKeys = {
  title: "All keys",
  async show({ query: asked, go }) {
    const value = (name) => asked.get(name) ?? "";
    const wanted = { state: value("state"), algorithm: value("algorithm"), unused_days: value("unused_days"), dialect: value("dialect"), after: value("after") };
    const head = el("h1", null, "All keys");
    const found = await getIfThere(`/api/v1/keys${query({ ...wanted, limit: 50 })}`);
    if (found === null) return [head, notHere("A list of all keys")];
    const { items: dialects } = await get("/api/v1/dialects");
    const state = field("State", { options: STATES.map((one) => [one, one || "any"]), value: wanted.state });
    const dialect = field("Dialect", { options: [["", "any"], ...dialects.map((one) => [one.name, one.name])], value: wanted.dialect });
    const unused = field("Use", { options: UNUSED, value: wanted.unused_days });
    const apply = () => go(`#/operate/keys${query({ state: state.value, dialect: dialect.value, unused_days: unused.value })}`);
    for (const one of [state, dialect, unused]) one.input.addEventListener("change", apply);
    return [head, el("div", { class: "row filters" }, state.node, dialect.node, unused.node), keyTable(found.items),
      found.next && el("p", { class: "actions" }, el("a", { class: "button", href: `#/operate/keys${query({ ...wanted, after: found.next })}` }, "More"))];
  },
};

/** A table of keys for operators. */
export function keyTable(items, account = true) {
  return table("Keys", [
    ["Key", (key) => el("a", { href: to("operate", "keys", key.id) }, key.label || key.id)],
    ...(account ? [["Account", (key) => el("a", { href: to("operate", "accounts", key.account) }, key.account)]] : []),
    ["Kind", kindText],
    ["State", stateMark],
    ["For", (key) => names(key.dialects)],
    ["Last used", lastUse],
  ], items, { empty: "No key fits.", hidden: true });
}
