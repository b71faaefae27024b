// http-signature: RFC 9421 over method, address and the body's digest, written one step after the other.
import { base64, base64url, sha256, utf8 } from "../lib/bytes.js";
import { headerName, seconds } from "./token.js";

/** What a signature covers whatever the settings say. */
const ALWAYS = ["@method", "@authority", "@path", "@query"];
/** Names of algorithms in the registry of RFC 9421. */
const HTTP_NAMES = { Ed25519: "ed25519", ES256: "ecdsa-p256-sha256", ES384: "ecdsa-p384-sha384", PS512: "rsa-pss-sha512", RS256: "rsa-v1_5-sha256" };
const DIGESTS = { "sha-256": "SHA-256", "sha-512": "SHA-512" };

export const httpSignature = {
  name: "http-signature",
  kinds: ["Ed25519", "P-256", "P-384", "RSA"],
  tampers: ["signature", "parameter", "path", "body", "clock"],
  fields: (own, me, settings) => [
    ...(named(settings) ? [{ name: "identifier", label: "Your identifier", value: own(settings.namespace) }] : []),
    ...more(settings).filter((name) => !name.startsWith("@")).map((name) => ({ name: `field ${name}`, label: headerName(name), hint: "A header that the signature covers." })),
  ],
  async sign({ pair, settings, values, method, url, body, tamper, now, algorithms }) {
    const algorithm = pair.httpAlgorithms.find((name) => algorithms.includes(name));
    if (!algorithm) throw new Error(`This key signs with ${pair.httpAlgorithms.join(" or ") || "nothing that is taken here"}; wanted ${algorithms.join(", ")}.`);
    const steps = [];
    const fields = more(settings).filter((name) => !name.startsWith("@")).map((name) => [name, values[`field ${name}`]]);
    if (body) {
      const name = list(settings.digests).find((name) => DIGESTS[name]) ?? "sha-256";
      const digest = new Uint8Array(await crypto.subtle.digest(DIGESTS[name], utf8(body)));
      fields.push(["content-digest", `${name}=:${base64(digest)}:`]);
      steps.push(["Digest of the body", `Content-Digest: ${name}=:${base64(digest)}:`]);
    }
    const derived = [...ALWAYS, ...more(settings).filter((name) => name.startsWith("@") && !ALWAYS.includes(name))];
    const covered = [...derived.map((name) => [name, part(name, method, new URL(url))]), ...fields];
    const parameters = { created: now, expires: now + seconds(settings.make_life, 60), nonce: base64url(crypto.getRandomValues(new Uint8Array(18))),
      keyid: named(settings) ? values.identifier : await thumbprint(pair), alg: HTTP_NAMES[algorithm], ...(set(settings.tag) && { tag: list(settings.tag)[0] }) };
    const inputs = written(covered, parameters);
    const base = `${covered.map(([name, value]) => `"${name}": ${value}\n`).join("")}"@signature-params": ${inputs}`;
    const signed = utf8(base);
    const signature = await pair.signHttp(signed, algorithm);
    if (tamper === "signature") signature[signature.length - 2] ^= 1;
    const label = set(settings.label) && settings.label !== "any" ? settings.label : "sig1";
    // What a thief would change who wants more time.
    const sent = tamper === "parameter" ? written(covered, { ...parameters, expires: parameters.expires + 60 }) : inputs;
    steps.push(
      ["What is covered", covered.map(([name, value]) => `"${name}": ${value}`).join("\n")],
      ["When, once, by whom", `"@signature-params": ${inputs}`],
      ["The signature base: these lines, joined by line feeds", base],
      [`Signed with ${algorithm} (${HTTP_NAMES[algorithm]})`, `Signature-Input: ${label}=${sent}\nSignature: ${label}=:${base64(signature)}:`]);
    return {
      headers: [...fields.map(([name, value]) => [headerName(name), value]), ["Signature-Input", `${label}=${sent}`], ["Signature", `${label}=:${base64(signature)}:`]],
      signed, steps,
    };
  },
};

const set = (value) => Boolean(value) && value !== "off";
const list = (value) => (set(value) ? value.split(",").map((name) => name.trim()).filter(Boolean) : []);
const named = (settings) => set(settings.namespace);
/** What the settings add to what is covered. */
const more = (settings) => list(settings.also_covers);

/** A derived component (RFC 9421, section 2.2). */
function part(name, method, url) {
  switch (name) {
    case "@method": return method;
    case "@authority": return url.host;
    case "@path": return url.pathname;
    case "@query": return url.search || "?";
    case "@scheme": return url.protocol.slice(0, -1);
    case "@target-uri": return url.href;
    case "@request-target": return url.pathname + url.search;
    default: throw new Error(`This page does not know the component ${name}; use the command line.`);
  }
}

/** The inner list of what is covered, with its parameters, as structured fields write it. */
function written(covered, parameters) {
  const quoted = (value) => (typeof value === "number" ? String(value) : `"${value.replace(/[\\"]/g, "\\$&")}"`);
  return `(${covered.map(([name]) => `"${name}"`).join(" ")})${Object.entries(parameters).map(([name, value]) => `;${name}=${quoted(value)}`).join("")}`;
}

/** The JWK thumbprint of a key (RFC 7638). */
async function thumbprint(pair) {
  const { kty, crv, x, y, n, e } = await pair.publicJwk();
  const members = { RSA: { e, kty, n }, EC: { crv, kty, x, y }, OKP: { crv, kty, x } }[kty];
  return base64url(await sha256(utf8(JSON.stringify(members))));
}
