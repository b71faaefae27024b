// Calls of the server's own APIs: same origin, the session's cookie and the page's half, and the header that other sites cannot send.
import { pageHalf } from "./half.js";
import { Problem, problemOf } from "./problem.js";

/** Called when a session has ended; set once by the frame. */
let ended = () => {};

/** Says what happens when an answer tells that nobody is signed in. */
export function whenEnded(act) {
  ended = act;
}

async function call(method, path, body, { signedIn = true } = {}) {
  const headers = { accept: "application/json", "countersign-console": "1" };
  const half = pageHalf();
  if (half) headers["countersign-console-page"] = half;
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
    });
  } catch {
    throw new Problem({ status: 0, code: "unreachable", title: "The server cannot be reached.", detail: "Check the connection and try again; nothing is known to have changed." });
  }
  if (answer.status === 401 && signedIn) {
    const problem = await problemOf(answer);
    ended();
    throw problem;
  }
  if (!answer.ok) throw await problemOf(answer);
  if (answer.status === 204) return null;
  const text = await answer.text();
  return text === "" ? null : JSON.parse(text);
}

export const get = (path, options) => call("GET", path, undefined, options);
export const post = (path, body = {}, options) => call("POST", path, body, options);
export const put = (path, body) => call("PUT", path, body);
export const patch = (path, body) => call("PATCH", path, body);
export const remove = (path) => call("DELETE", path);

/** What is there, or null where this server has no such thing. */
export async function getIfThere(path) {
  try {
    return await get(path);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

/** A query from values; those that are empty are left out. */
export function query(values) {
  const kept = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return kept.length === 0 ? "" : `?${new URLSearchParams(kept)}`;
}

/** Up to `most` entries of a list in pages of 200, and whether there are more. */
export async function all(path, values = {}, most = 2000) {
  const items = [];
  let after;
  do {
    const page = await get(path + query({ ...values, limit: 200, after }));
    items.push(...page.items);
    after = page.next;
  } while (after && items.length < most);
  return { items, more: Boolean(after) };
}
