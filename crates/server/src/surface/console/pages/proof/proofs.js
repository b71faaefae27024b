// The dialects that the playground writes, and what it can break about each.
import { asymmetricJwt } from "./asymmetric-jwt.js";
import { httpSignature } from "./http-signature.js";
import { partnerKey } from "./partner-key.js";
import { skillhive } from "./skillhive.js";
import { skykit } from "./skykit.js";
import { spacetime } from "./spacetime.js";

export const PROOFS = [httpSignature, skykit, skillhive, spacetime, asymmetricJwt, partnerKey];

/** What may be broken on purpose. */
export const TAMPERS = {
  none: ["Leave it as signed", "The request as an honest client sends it."],
  signature: ["Flip one bit of the signature", "As damage on the way would."],
  claims: ["Change a claim after signing", "As somebody would who prolongs a token that is not theirs."],
  parameter: ["Change a parameter after signing", "As somebody would who prolongs a signature that is not theirs."],
  path: ["Change the path after signing", "As a proxy does that rewrites addresses."],
  body: ["Change the body after signing", "As somebody in between would."],
  clock: ["Sign with a clock an hour fast", "The usual fault of a machine without time synchronisation."],
};

/**
 * A signed request `{ method, url, headers, body, signed, steps }`. The tampering is in it: `signed` are the bytes that were signed,
 * whatever was changed afterwards; `steps` tell how they came to be, where that takes some. `algorithms`: those that may be chosen.
 */
export async function signedRequest({ proof, pair, settings, values, method, url, body, tamper, now, algorithms }) {
  const made = await proof.sign({ pair, settings, values, method, url, body, algorithms, tamper, now: tamper === "clock" ? now + 3600 : now });
  const sent = { method, url, headers: made.headers, body: made.body ?? body, signed: made.signed, steps: made.steps };
  if (tamper === "path") sent.url = changedPath(url);
  if (tamper === "body") sent.body = `${sent.body} `;
  return sent;
}

function changedPath(url) {
  const changed = new URL(url);
  changed.pathname = `${changed.pathname.replace(/\/$/, "")}/changed`;
  return changed.href;
}

/** The request as a command line. */
export function curl({ method, url, headers, body }) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const lines = [`curl -i -X ${method} ${quoted(url)}`];
  for (const [name, value] of headers) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body) lines.push(`--data-binary ${quoted(body)}`);
  return lines.join(" \\\n  ");
}
