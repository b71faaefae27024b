// Key pairs: made here or read from a file; the private half signs and never leaves the page.
import { base64url, hex, sha256, utf8 } from "../lib/bytes.js";
import { family, kindOf } from "./kind.js";
import { pem } from "./pem.js";

/** A private key that signs, with its public half. It has no way to give the private half away. */
export class Pair {
  constructor({ kind, privateKey, pssKey = null, spki, fingerprint, label = "" }) {
    Object.assign(this, { kind, privateKey, pssKey, spki, fingerprint, label });
  }

  /** The public half as PEM. */
  get publicPem() {
    return pem("PUBLIC KEY", this.spki);
  }

  /** The public half as a JWK. */
  async publicJwk() {
    const kind = kindOf(this.kind);
    return crypto.subtle.exportKey("jwk", await crypto.subtle.importKey("spki", this.spki, importAs(kind), true, ["verify"]));
  }

  /** Signs with what the kind is used with: Ed25519, ES256/384/512 (raw), RS256. */
  async sign(bytes) {
    const kind = kindOf(this.kind);
    const how = kind.make.name === "ECDSA" ? { name: "ECDSA", hash: kind.hash } : { name: kind.make.name };
    return new Uint8Array(await crypto.subtle.sign(how, this.privateKey, bytes));
  }

  /** The algorithms of RFC 9421 that this signs with, the better first: PS512 only where its private half came from a file. */
  get httpAlgorithms() {
    if (this.kind === "RSA") return [...(this.pssKey ? ["PS512"] : []), "RS256"];
    return { Ed25519: ["Ed25519"], "P-256": ["ES256"], "P-384": ["ES384"] }[this.kind] ?? [];
  }

  /** Signs with one of [`httpAlgorithms`]. */
  async signHttp(bytes, algorithm) {
    if (algorithm !== "PS512") return this.sign(bytes);
    return new Uint8Array(await crypto.subtle.sign({ name: "RSA-PSS", saltLength: 64 }, this.pssKey, bytes));
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
  return { pair: await pairOf(kind, privateKey, made.publicKey, pkcs8), pkcs8 };
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
  return pairOf(kind, await importPrivate(pkcs8, kind, false), publicKey, pkcs8);
}

async function pairOf(kind, privateKey, publicKey, pkcs8) {
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
  // A key of the browser's is for one padding; from a file the same is read for the other as well.
  const pss = pkcs8 && family(kind.name) === "RSA";
  const pssKey = pss ? await crypto.subtle.importKey("pkcs8", pkcs8, { name: "RSA-PSS", hash: "SHA-512" }, false, ["sign"]) : null;
  return new Pair({ kind: family(kind.name), privateKey, pssKey, spki, fingerprint: hex(await sha256(spki)) });
}

function importPrivate(pkcs8, kind, extractable) {
  return crypto.subtle.importKey("pkcs8", pkcs8, importAs(kind), extractable, ["sign"]);
}

function importAs(kind) {
  const { name, namedCurve } = kind.make;
  if (namedCurve) return { name, namedCurve };
  return name === "Ed25519" ? { name } : { name, hash: "SHA-256" };
}
