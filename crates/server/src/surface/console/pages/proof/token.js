// JSON Web Tokens as three of the dialects carry them: written and signed here.
import { base64url, utf8 } from "../lib/bytes.js";

/** `{ token, signed }`: the token, and the bytes that its signature covers. */
export async function token(pair, head, claims, tamper) {
  const text = `${part(head)}.${part(claims)}`;
  const signed = utf8(text);
  const signature = await pair.sign(signed);
  if (tamper === "signature") signature[signature.length - 2] ^= 1;
  // Claims that are changed after signing, as a thief would.
  const sent = tamper === "claims" ? `${part(head)}.${part(changed(claims))}` : text;
  return { token: `${sent}.${base64url(signature)}`, signed };
}

const part = (value) => base64url(utf8(JSON.stringify(value)));

function changed(claims) {
  const name = ["exp", "time", "iat"].find((name) => name in claims);
  return { ...claims, [name]: claims[name] + 60 };
}

/** Seconds of a length such as "10m". */
export function seconds(length, otherwise) {
  const found = /^(\d+)(s|m|h|d)$/.exec(length ?? "");
  return found ? Number(found[1]) * { s: 1, m: 60, h: 3600, d: 86400 }[found[2]] : otherwise;
}

/** The name of a header as people write it. */
export const headerName = (name) => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
