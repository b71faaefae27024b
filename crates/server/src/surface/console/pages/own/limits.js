// What a key may be used for: its owner narrows it, and an operator may widen it again.
import { get, patch, put } from "../lib/api.js";
import { el } from "../lib/element.js";
import { field, form, ticks, Wrong } from "../lib/field.js";
import { instant } from "../lib/moment.js";
import { notice } from "../lib/notice.js";
import { Problem } from "../lib/problem.js";
import { to } from "../lib/route.js";
import { ALGORITHMS } from "../keys/kind.js";
import { ownKey } from "./key.js";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const WEAK = ["RSA-SHA1"];
/** The fields by a word of the code, or of the sentence, that says what is wrong with them. */
const FIELDS = { "wanted end": "expires", method: "methods", path: "paths", network: "networks", algorithm: "algorithms", dialect: "dialects", dates: "expires" };

export const keyLimits = {
  title: "Restrict a key",
  async show({ me, params, go }) {
    const key = await ownKey(params.key);
    const strong = ALGORITHMS[key.kind].filter((name) => !WEAK.includes(name));
    const parts = {
      methods: ticks("Methods", (key.limits.methods.length > 0 ? key.limits.methods : METHODS).map((name) => [name, name]), key.limits.methods, { hint: any(key.limits.methods) }),
      paths: lines("Path prefixes", key.limits.paths, "One a line, such as /orders: it covers /orders/7 and not /orderings."),
      networks: lines("Client networks", key.limits.networks, "One a line, such as 10.0.0.0/8 or one address."),
      expires: until(key),
      dialects: ticks("Dialects", key.dialects.map((name) => [name, name]), key.dialects),
      algorithms: ticks("Algorithms", (key.algorithms.length > 0 ? key.algorithms : strong).map((name) => [name, name]), key.algorithms.length > 0 ? key.algorithms : strong),
    };
    const act = async () => {
      const changed = changes(key, parts, strong);
      if (Object.keys(changed).length === 0) throw new Error("Nothing is changed yet.");
      if (changed.expires === null) throw new Wrong("expires", "Only an operator takes the date away.");
      for (const name of ["dialects", "algorithms"]) if (changed[name]?.length === 0) throw new Wrong(name, "Wanted at least one. To end the key, revoke it.");
      await told(put(`/console/api/v1/keys/${key.id}/limits`, changed));
      notice("The key is restricted.");
      go(to("keys", key.id));
    };
    return page(key, to("keys", key.id), [["#/keys", "Keys"]],
      ["What you take away here is refused from then on. You cannot give it back: an operator can, or a new key has it."],
      me.key === key.id && el("p", { class: "box warn" }, "You are signed in with this key. What it may no longer do, this session may no longer do either."), parts, act);
  },
};

export const anyKeyLimits = {
  title: "Restrict a key",
  async show({ params, go }) {
    const path = `/api/v1/keys/${encodeURIComponent(params.key)}`;
    const key = await get(path);
    const all = ALGORITHMS[key.kind];
    const strong = all.filter((name) => !WEAK.includes(name));
    const methods = [...new Set([...METHODS, ...key.limits.methods])];
    const parts = {
      methods: ticks("Methods", methods.map((name) => [name, name]), key.limits.methods, { hint: any([]) }),
      paths: lines("Path prefixes", key.limits.paths, "One a line, such as /orders: it covers /orders/7 and not /orderings. None: every path."),
      networks: lines("Client networks", key.limits.networks, "One a line, such as 10.0.0.0/8 or one address. None: from everywhere."),
      expires: until(key),
      dialects: lines("Dialects", key.dialects, "One a line, by their names."),
      algorithms: ticks("Algorithms", all.map((name) => [name, WEAK.includes(name) ? `${name} (weak)` : name]), key.algorithms.length > 0 ? key.algorithms : strong),
    };
    const act = async () => {
      const { methods, paths, networks, ...others } = changes(key, parts, strong);
      const limits = { methods, paths, networks };
      const limited = Object.values(limits).some(Boolean);
      if (!limited && Object.keys(others).length === 0) throw new Error("Nothing is changed yet.");
      if (limited) await told(put(`${path}/limits`, { ...key.limits, ...Object.fromEntries(Object.entries(limits).filter(([, value]) => value)) }));
      if (Object.keys(others).length > 0) await told(patch(path, others));
      notice("The key is restricted.");
      go(to("operate", "keys", key.id));
    };
    return page(key, to("operate", "keys", key.id), [["#/operate/keys", "All keys"]],
      ["It counts at once, and whoever signs with the key sees it on its page."], null, parts, act);
  },
};

function page(key, back, trail, words, warning, parts, act) {
  return [
    el("p", { class: "trail" }, trail.map(([address, name]) => [el("a", { href: address }, name), " / "]), el("a", { href: back }, key.label || key.id)),
    el("h1", null, `Restrict ${key.label || key.id}`),
    el("p", { class: "lead" }, words), warning,
    form({ fields: parts, submit: "Restrict it", act, aside: el("a", { class: "button", href: back }, "Cancel") }, Object.values(parts).map((part) => part.node)),
  ];
}

const any = (list) => (list.length > 0 ? "Those that the key has now." : "None ticked: every method.");

function lines(label, list, hint) {
  const one = field(label, { rows: Math.max(2, list.length + 1), value: list.join("\n"), hint, optional: true });
  return { ...one, get value() { return one.input.value.split(/[\s,]+/).filter(Boolean); } };
}

/** Whole minutes are what people set; the seconds of the date that stands there are kept while it is not touched. */
function until(key) {
  const shown = key.expires ? new Date(instant(key.expires)).toISOString().slice(0, 16) : "";
  const one = field("Expires, in UTC", { kind: "datetime-local", value: shown, optional: true });
  return { ...one, get value() { return one.input.value === shown ? undefined : one.input.value === "" ? null : `${one.input.value.slice(0, 16)}:00Z`; } };
}

/** What differs from how the key stands. */
function changes(key, parts, strong) {
  const same = (one, other) => one.length === other.length && one.every((name) => other.includes(name));
  const now = { ...key.limits, dialects: key.dialects };
  const changed = Object.fromEntries(Object.entries(now).filter(([name, list]) => !same(list, parts[name].value)).map(([name]) => [name, parts[name].value]));
  const algorithms = parts.algorithms.value;
  if (!same(algorithms, key.algorithms.length > 0 ? key.algorithms : strong)) changed.algorithms = same(algorithms, strong) ? [] : algorithms;
  if (parts.expires.value !== undefined) changed.expires = parts.expires.value;
  return changed;
}

/** A problem is told at the field that it is about. */
async function told(call) {
  try {
    return await call;
  } catch (error) {
    const what = error.code === "wider-than-before" ? error.detail : error.code;
    const at = error instanceof Problem ? Object.entries(FIELDS).find(([word]) => what?.includes(word))?.[1] : null;
    if (at && !error.at) error.at = at;
    throw error;
  }
}
