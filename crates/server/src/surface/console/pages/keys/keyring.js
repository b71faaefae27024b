// The keys that stay in this browser: kept by the browser itself in a form that no page can read out.
import { Pair } from "./pair.js";

const NAME = "countersign-console";
const STORE = "keys";

/** Every key kept here, newest first. */
export async function keptKeys() {
  const rows = await done("readonly", (store) => store.getAll());
  return rows.sort((one, other) => other.kept - one.kept).map((row) => ({ ...row, pair: new Pair(row) }));
}

/** Keeps a key; `about` has the account's id and name and, once registered, the key's id. */
export async function keep(pair, about) {
  const { kind, privateKey, spki, fingerprint } = pair;
  await done("readwrite", (store) => store.put({ kind, privateKey, spki, fingerprint, kept: Date.now(), ...about }));
}

/** Forgets a key for ever. */
export async function forget(fingerprint) {
  await done("readwrite", (store) => store.delete(fingerprint));
}

/** Whether this browser keeps keys at all; private windows of some do not. */
export async function keepsKeys() {
  try {
    await keptKeys();
    return true;
  } catch {
    return false;
  }
}

function done(mode, act) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "fingerprint" });
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const transaction = database.transaction(STORE, mode);
      const asked = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => {
        database.close();
        resolve(asked.result);
      };
      transaction.onabort = () => reject(transaction.error);
    };
  });
}
