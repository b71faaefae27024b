// The dialects that requests are signed in here: not that of session tokens, which nobody signs.
import { getIfThere } from "../lib/api.js";

const TOKENS = "own-session";

/** Those that routes for the account take, by name; null where the server does not tell. */
export async function signedDialects() {
  const found = await getIfThere("/console/api/v1/dialects");
  return found?.items.filter(({ name }) => name !== TOKENS) ?? null;
}

/** The command for a first request in a dialect, with the account's own name in it. */
export function firstCall(dialect, me, file = "KEYFILE") {
  const own = me.account.identifiers?.find(({ namespace }) => namespace === dialect?.namespace)?.value;
  const quoted = (text) => (/^[\w@.:\/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const url = dialect?.routes?.[0]?.url ?? "https://api.example.com/";
  return `countersign request GET ${quoted(url)} --dialect ${dialect?.name ?? "DIALECT"} --as ${own ? quoted(own) : "NAME"} --key ${quoted(file)}`;
}
