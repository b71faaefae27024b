// Every key of the installation, found by state, algorithm, dialect, end and disuse.
import { get, getIfThere, query } from "../lib/api.js";
import { el } from "../lib/element.js";
import { field } from "../lib/field.js";
import { names as nameList } from "../lib/mark.js";
import { instant } from "../lib/moment.js";
import { to } from "../lib/route.js";
import { notHere, table } from "../lib/table.js";
import { ALGORITHMS } from "../keys/kind.js";
import { kindText, lastUse, stateMark } from "../own/key-words.js";
import { namesIn } from "./names.js";

const STATES = ["", "active", "pending", "retiring", "disabled", "recovery", "expired", "revoked"];
const UNUSED = [["", "whenever used"], ["30", "unused for 30 days"], ["90", "unused for 90 days"], ["365", "unused for a year"]];
const ENDING = [["", "whenever it ends"], ["7", "ends within 7 days"], ["30", "ends within 30 days"], ["90", "ends within 90 days"]];
/** Steps of a list that are asked for: each looks at ten thousand accounts. */
const STEPS = 10;

/** Keys that end within so many days, the sooner first, and whether all accounts were looked at; null where the server has no such list. */
export async function endingKeys(days) {
  const items = [];
  let after;
  for (let step = 0; step < STEPS; step += 1) {
    const found = await getIfThere(`/api/v1/keys${query({ ends_within_days: days, limit: 200, after })}`);
    if (found === null) return null;
    items.push(...found.items);
    after = found.next;
    if (!after) break;
  }
  return { items: items.toSorted((one, other) => endOf(one) - endOf(other)), more: Boolean(after) };
}

/** When a live key ends, Unix milliseconds. */
const endOf = (key) => Math.min(...[key.until, key.expires].filter(Boolean).map(instant));

export const allKeys = {
  title: "All keys",
  async show({ query: asked, go }) {
    const members = ["state", "algorithm", "dialect", "unused_days", "ends_within_days"];
    const wanted = Object.fromEntries(members.map((name) => [name, asked.get(name) ?? ""]));
    const head = el("h1", null, "All keys");
    const found = await getIfThere(`/api/v1/keys${query({ ...wanted, after: asked.get("after"), limit: 50 })}`);
    if (found === null) return [head, notHere("A list of all keys")];
    const [{ items: dialects }, names] = await Promise.all([get("/api/v1/dialects"), namesIn(found.items.map(({ account }) => account))]);
    // What was asked for is there, be it one of ours or not.
    const choose = (label, name, entries) => field(label, { options: entries.some(([value]) => value === wanted[name]) ? entries : [...entries, [wanted[name], wanted[name]]], value: wanted[name] });
    const fields = {
      state: choose("State", "state", STATES.map((one) => [one, one || "any"])),
      algorithm: choose("Kind or algorithm", "algorithm", [["", "any"], ...Object.entries(ALGORITHMS).flatMap(([kind, list]) => [[kind, kind], ...list.filter((one) => one !== kind).map((one) => [one, `may sign ${one}`])])]),
      dialect: choose("Dialect", "dialect", [["", "any"], ...dialects.map((one) => [one.name, one.name])]),
      unused_days: choose("Use", "unused_days", UNUSED),
      ends_within_days: choose("End", "ends_within_days", ENDING),
    };
    const apply = () => go(`#/operate/keys${query(Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, one.value])))}`);
    for (const one of Object.values(fields)) one.input.addEventListener("change", apply);
    return [head, el("div", { class: "row filters" }, Object.values(fields).map((one) => one.node)), keyTable(found.items, names),
      found.next && el("p", { class: "actions" }, el("a", { class: "button", href: `#/operate/keys${query({ ...wanted, after: found.next })}` }, "More"))];
  },
};

/** A table of keys for operators; with `names` each tells its account. */
export function keyTable(items, names) {
  return table("Keys", [
    ["Key", (key) => el("a", { href: to("operate", "keys", key.id) }, key.label || key.id)],
    ...(names ? [["Account", (key) => names.link(key.account)]] : []),
    ["Kind", kindText],
    ["State", stateMark],
    ["For", (key) => nameList(key.dialects)],
    ["Last used", lastUse],
  ], items, { empty: "No key fits.", hidden: true });
}
