// Key pairs: made here or read from a file; the private half signs and never leaves the page.
import { base64url, hex, sha256, utf8 } from "../lib/bytes.js";
import { family, kindOf } from "./kind.js";
import { pem } from "./pem.js";

/** A private key that signs, with its public half. It has no way to give the private half away. */
export class Pair {
  constructor({ kind, privateKey, spki, fingerprint, label = "" }) {
    Object.assign(this, { kind, privateKey, spki, fingerprint, label });
  }

  /** The public half as PEM. */
  get publicPem() {
    return pem("PUBLIC KEY", this.spki);
  }

  /** Signs with what the kind is used with: Ed25519, ES256/384/512 (raw), RS256. */
  async sign(bytes) {
    const kind = kindOf(this.kind);
    const how = kind.make.name === "ECDSA" ? { name: "ECDSA", hash: kind.hash } : { name: kind.make.name };
    return new Uint8Array(await crypto.subtle.sign(how, this.privateKey, bytes));
  }

  /** The JOSE name of what [`sign`] makes. */
  get joseAlgorithm() {
    if (this.kind === "Ed25519") return "EdDSA";
    return { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" }[this.kind] ?? "RS256";
  }

  /** Proof that the holder of this key wants it registered for the account. */
  async possession(account, time) {
    const text = `countersign key possession 1\n${account}\n${this.fingerprint}\n${time}`;
    return { time, signature: base64url(await this.sign(utf8(text))) };
  }
}

/** Makes a pair. `pkcs8` is there when the private half is to be saved as a file; wipe it when that is done. */
export async function makePair(kindName, { file }) {
  const kind = kindOf(kindName);
  const made = await crypto.subtle.generateKey(kind.make, file, ["sign", "verify"]);
  const pkcs8 = file ? new Uint8Array(await crypto.subtle.exportKey("pkcs8", made.privateKey)) : null;
  const privateKey = file ? await importPrivate(pkcs8, kind, false) : made.privateKey;
  return { pair: await pairOf(kind, privateKey, made.publicKey), pkcs8 };
}

/** The pair of a PKCS#8 document, whose kind is known. */
export async function pairOfPkcs8(pkcs8, kindName) {
  const kind = kindOf(kindName);
  const open = await importPrivate(pkcs8, kind, true);
  const jwk = await crypto.subtle.exportKey("jwk", open);
  // What is left names the public half; the private members do not stay in this object.
  const { kty, crv, x, y, n, e } = jwk;
  for (const name of Object.keys(jwk)) delete jwk[name];
  const publicKey = await crypto.subtle.importKey("jwk", { kty, crv, x, y, n, e }, importAs(kind), true, ["verify"]);
  return pairOf(kind, await importPrivate(pkcs8, kind, false), publicKey);
}

async function pairOf(kind, privateKey, publicKey) {
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
  return new Pair({ kind: family(kind.name), privateKey, spki, fingerprint: hex(await sha256(spki)) });
}

function importPrivate(pkcs8, kind, extractable) {
  return crypto.subtle.importKey("pkcs8", pkcs8, importAs(kind), extractable, ["sign"]);
}

function importAs(kind) {
  const { name, namedCurve } = kind.make;
  if (namedCurve) return { name, namedCurve };
  return name === "Ed25519" ? { name } : { name, hash: "SHA-256" };
}
