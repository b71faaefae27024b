// The dialects that requests are signed in here, those that fit the account first; not that of session tokens, which nobody signs.
import { get, getIfThere } from "../lib/api.js";
import { kindsFor } from "../keys/kind.js";

const TOKENS = "own-session";

/**
 * Those that routes for the account take: first what its live keys are for, then what names it, then what its keys could sign; by
 * name where these say nothing. Null where the server does not tell.
 */
export async function signedDialects(me, keys) {
  const [found, own] = await Promise.all([getIfThere("/console/api/v1/dialects"), keys ?? get("/console/api/v1/keys").then(({ items }) => items)]);
  if (found === null) return null;
  const live = own.filter((key) => key.live);
  return found.items.filter(({ name }) => name !== TOKENS).map((one) => ({ one, fits: fitness(one, me, live) }))
    .toSorted((a, b) => b.fits - a.fits).map(({ one }) => one);
}

function fitness(dialect, me, keys) {
  const named = dialect.namespace ? (identifierFor(dialect, me) ? 2 : 0) : 1;
  const could = keys.some((key) => algorithmsOf(key, dialect).length > 0);
  return 4 * Number(keys.some((key) => serves(key, dialect))) + named + Number(could);
}

/** Whether a key of the account signs in a dialect as it is registered. */
export const serves = (key, dialect) => key.dialects.includes(dialect.name) && algorithmsOf(key, dialect).length > 0;

/** The algorithms of a dialect that a registered key may sign with. */
export function algorithmsOf(key, dialect) {
  const kind = kindsFor(key.kind);
  return dialect.algorithms.filter((name) => kind.includes(name) && (key.algorithms.length === 0 || key.algorithms.includes(name)));
}

/** What a dialect calls the account by; undefined where no such identifier is registered, or none is wanted. */
export const identifierFor = (dialect, me) => me.account.identifiers?.find(({ namespace }) => namespace === dialect?.namespace)?.value;

/** The command for a first request in a dialect, with the account's own name in it. */
export function firstCall(dialect, me, file = "KEYFILE") {
  const own = identifierFor(dialect, me);
  const quoted = (text) => (/^[\w@.:\/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const url = dialect?.routes?.[0]?.url ?? "https://api.example.com/";
  // Where the key itself says who calls, there is no name to give.
  const as = dialect && !dialect.namespace ? "" : ` --as ${own ? quoted(own) : "NAME"}`;
  return `countersign request GET ${quoted(url)} --dialect ${dialect?.name ?? "DIALECT"}${as} --key ${quoted(file)}`;
}
