// The names of what ids mean: lists tell ids, people know names.
import { getIfThere, query } from "../lib/api.js";
import { el } from "../lib/element.js";
import { to } from "../lib/route.js";

const ID = /\b(?:acc|key|org)_[0-9a-z]+\b/g;
/** Ids that one call takes. */
const MOST = 100;
const PAGES = { acc: "accounts", key: "keys", org: "organisations" };

/** The names of every id in these texts: `{ of(id), link(id), words(text) }`. What has no name is its id. */
export async function namesIn(texts) {
  const ids = [...new Set(texts.flatMap((text) => String(text ?? "").match(ID) ?? []))];
  const parts = Array.from({ length: Math.ceil(ids.length / MOST) }, (_, part) => ids.slice(part * MOST, (part + 1) * MOST));
  const found = await Promise.all(parts.map((part) => getIfThere(`/api/v1/names${query({ ids: part.join(",") })}`)));
  const names = new Map(found.flatMap((one) => one?.items ?? []).map(({ id, name }) => [id, name]));
  const of = (id) => names.get(id) || id;
  return {
    of,
    /** A link to the page of what is there; the id alone of what is gone. */
    link: (id) => (names.has(id) ? el("a", { href: to("operate", PAGES[id.slice(0, 3)], id), title: id }, of(id)) : el("code", { class: "breaks" }, id)),
    /** A sentence with names in the place of ids. */
    words: (text) => String(text).replaceAll(ID, of),
  };
}
