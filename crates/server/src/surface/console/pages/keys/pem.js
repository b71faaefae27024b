// PEM: the armour of key files.
import { base64, fromBase64 } from "../lib/bytes.js";

/** Bytes in armour, lines of 64. */
export function pem(label, bytes) {
  return `-----BEGIN ${label}-----\n${base64(bytes).replace(/(.{64})(?=.)/g, "$1\n")}\n-----END ${label}-----\n`;
}

/** The first block of a text: `{ label, bytes, headers }`; null where there is none. */
export function unarmoured(text) {
  const found = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/.exec(text);
  if (!found) return null;
  const body = found[2].replace(/\\n/g, "\n");
  const headers = /^[A-Za-z-]+: /m.test(body);
  const bytes = headers ? null : fromBase64(body);
  return { label: found[1], bytes, headers };
}
