// The kinds of key that this browser can make and use, and the algorithms that each signs with.

const RSA = (bits) => ({ name: "RSASSA-PKCS1-v1_5", modulusLength: bits, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" });
const EC = (namedCurve) => ({ name: "ECDSA", namedCurve });

/** Every kind: how it is made, what it signs possession and sign-in with, and the algorithms of dialects that it serves. */
export const KINDS = [
  { name: "Ed25519", label: "Ed25519", hint: "Short keys, fast, the best choice where it is taken.", make: { name: "Ed25519" }, algorithms: ["Ed25519", "EdDSA"] },
  { name: "P-256", label: "P-256", hint: "An elliptic curve that nearly everything knows.", make: EC("P-256"), hash: "SHA-256", algorithms: ["ES256"] },
  { name: "P-384", label: "P-384", hint: "A larger curve, where a rule asks for it.", make: EC("P-384"), hash: "SHA-384", algorithms: ["ES384"] },
  { name: "P-521", label: "P-521", hint: "The largest of these curves.", make: EC("P-521"), hash: "SHA-512", algorithms: ["ES512"] },
  { name: "RSA-3072", label: "RSA, 3072 bits", hint: "For APIs that speak RSA only.", make: RSA(3072), algorithms: ["RS256", "RSA-SHA256"] },
  { name: "RSA-2048", label: "RSA, 2048 bits", hint: "The smallest that is still taken; faster for callers.", make: RSA(2048), algorithms: ["RS256", "RSA-SHA256"] },
  { name: "RSA-4096", label: "RSA, 4096 bits", hint: "Slower, for long lives.", make: RSA(4096), algorithms: ["RS256", "RSA-SHA256"] },
];

/** The kind of a name, `RSA` being any size. */
export function kindOf(name) {
  return KINDS.find((kind) => kind.name === name) ?? KINDS.find((kind) => kind.name.startsWith(`${name}-`)) ?? null;
}

/** Every algorithm of a registered key's kind, by the names that dialects use; weak ones only where a key names them. */
export const ALGORITHMS = {
  RSA: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "RSA-SHA1"],
  Ed25519: ["Ed25519"],
  "P-256": ["ES256"],
  "P-384": ["ES384"],
  "P-521": ["ES512"],
};

/** The algorithms of a family of keys. */
export const kindsFor = (name) => ALGORITHMS[family(name)] ?? [];

/** The name of the family, as the server tells kinds: `RSA`, `Ed25519`, `P-256`… */
export const family = (name) => (name.startsWith("RSA") ? "RSA" : name);

/** Whether a kind serves one of these algorithms of a dialect. */
export function serves(kind, algorithms) {
  return kind.algorithms.some((algorithm) => algorithms.includes(algorithm));
}

/** Why keys cannot be made here; null where they can. */
export function hindrance() {
  if (globalThis.crypto?.subtle) return null;
  return globalThis.isSecureContext === false
    ? "This page came over plain http from another machine, and browsers give their cryptography to secure pages only. Open the console over https, or make the key with the command line."
    : "This browser has no Web Cryptography. Use another one, or make the key with the command line.";
}

/** The kinds that this browser really makes: each is tried once. */
export async function available() {
  if (hindrance()) return [];
  const tried = await Promise.all(KINDS.map(async (kind) => {
    // Every browser with Web Cryptography has RSA; trying it would take a second.
    if (kind.name.startsWith("RSA")) return kind;
    try {
      await crypto.subtle.generateKey(kind.make, false, ["sign", "verify"]);
      return kind;
    } catch {
      return null;
    }
  }));
  return tried.filter(Boolean);
}
