// Private key files chosen on this machine: read in the page, never sent.
import { asText, fromBase64 } from "../lib/bytes.js";
import { INTEGER, NULL, OCTETS, SEQUENCE, children, der, dotted, integer, oid, read } from "./der.js";
import { pairOfPkcs8 } from "./pair.js";
import { unarmoured } from "./pem.js";
import { wipe } from "./scrypt.js";
import { open } from "./sealed.js";

const RSA = "1.2.840.113549.1.1.1";
const EC = "1.2.840.10045.2.1";
const ED25519 = "1.3.101.112";
const CURVES = { "1.2.840.10045.3.1.7": "P-256", "1.3.132.0.34": "P-384", "1.3.132.0.35": "P-521" };
/** A private key of RSA-8192 is 5 KB. */
const MOST = 64 * 1024;

/** Thrown when the file wants a passphrase and none was given. */
export class WantsPassphrase extends Error {}

/** The pair in a file; throws with what was wanted, what was found and what to do. */
export async function pairOfFile(file, passphrase) {
  if (file.size > MOST) throw new Error(`${file.name} is too large for a key file: wanted at most 64 KB.`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  try {
    return await pairOfBytes(bytes, passphrase);
  } finally {
    wipe(bytes);
  }
}

/** The pair in PEM, DER or JWK bytes. */
export async function pairOfBytes(bytes, passphrase) {
  const { label, der: body } = bare(bytes);
  if (label === "OPENSSH PRIVATE KEY") throw new Error("This is a key in OpenSSH's own form. Turn a copy of it into PKCS#8 with: ssh-keygen -p -m PKCS8 -f COPY");
  if (label?.includes("PUBLIC") || label?.includes("CERTIFICATE")) throw new Error("This file has a public key. Wanted the private key that belongs to it.");
  const plain = isSealed(body) ? await opened(body, passphrase) : body;
  const { pkcs8, kind } = normal(plain);
  try {
    return await pairOfPkcs8(pkcs8, kind);
  } catch (error) {
    throw new Error(`This browser cannot use the ${kind} key of this file (${error.name}). Use the command line, or another browser.`);
  } finally {
    wipe(pkcs8, plain);
  }
}

function bare(bytes) {
  const text = asText(bytes);
  if (text === null) return { label: null, der: bytes };
  const block = unarmoured(text);
  if (block?.headers) throw new Error("This file is encrypted the old OpenSSL way. Turn it into PKCS#8 with: openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE");
  if (block?.bytes) return { label: block.label, der: block.bytes };
  const loose = fromBase64(text);
  if (loose?.[0] === SEQUENCE) return { label: null, der: loose };
  throw new Error("This file is no private key as far as this page can tell. Wanted PEM, such as countersign and openssl write.");
}

function isSealed(body) {
  const [first, second] = children(read(body).body);
  return first?.tag === SEQUENCE && second?.tag === OCTETS;
}

async function opened(body, passphrase) {
  if (!passphrase) throw new WantsPassphrase("This file is protected by a passphrase. Type it; it stays in this page.");
  return open(body, passphrase);
}

/** PKCS#8 without attributes, from PKCS#8, PKCS#1 or SEC1. */
function normal(body) {
  const parts = children(read(body).body);
  if (parts[0]?.tag !== INTEGER) throw new Error("This file is no private key as far as this page can tell.");
  if (parts[1]?.tag === SEQUENCE && parts[2]?.tag === OCTETS) {
    const [name, parameters] = children(parts[1].body);
    const algorithm = dotted(name.body);
    const kind = algorithm === RSA ? "RSA" : algorithm === ED25519 ? "Ed25519" : algorithm === EC ? CURVES[dotted(parameters?.body ?? [0])] : null;
    if (!kind) throw new Error(`This file has a key of a kind that is not used here (${algorithm}).`);
    // Version and attributes are written anew: browsers are strict about what may follow.
    return { pkcs8: der(SEQUENCE, integer(0), parts[1].whole, parts[2].whole), kind };
  }
  if (parts[1]?.tag === INTEGER) return { pkcs8: der(SEQUENCE, integer(0), der(SEQUENCE, oid(RSA), NULL), der(OCTETS, body)), kind: "RSA" };
  const named = parts.find((part) => part.tag === 0xa0);
  const curve = named ? read(named.body) : null;
  const kind = curve ? CURVES[dotted(curve.body)] : null;
  if (!kind) throw new Error("This file has an elliptic curve key that does not name its curve.");
  return { pkcs8: der(SEQUENCE, integer(0), der(SEQUENCE, oid(EC), curve.whole), der(OCTETS, body)), kind };
}
