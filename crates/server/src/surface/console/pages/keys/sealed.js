// Private keys under a passphrase: PKCS#8 encrypted with PBES2, as OpenSSL and the command line read it.
import { utf8 } from "../lib/bytes.js";
import { NULL, OCTETS, SEQUENCE, children, der, dotted, integer, numberOf, oid, read } from "./der.js";
import { scrypt, wipe } from "./scrypt.js";

const PBES2 = "1.2.840.113549.1.5.13";
const PBKDF2 = "1.2.840.113549.1.5.12";
const SCRYPT = "1.3.6.1.4.1.11591.4.11";
const HMAC_SHA256 = "1.2.840.113549.2.9";
const AES_256_CBC = "2.16.840.1.101.3.4.1.42";
const HASHES = {
  "1.2.840.113549.2.7": "SHA-1",
  [HMAC_SHA256]: "SHA-256",
  "1.2.840.113549.2.10": "SHA-384",
  "1.2.840.113549.2.11": "SHA-512",
};
const AES_LENGTHS = { "2.16.840.1.101.3.4.1.2": 16, "2.16.840.1.101.3.4.1.22": 24, [AES_256_CBC]: 32 };
/** OWASP's figure for PBKDF2 with SHA-256. */
const ROUNDS = 600_000;
/** As the command line's own limit for a file of somebody else. */
const MOST_ROUNDS = 10_000_000;

/** Encrypts a PKCS#8 document: PBKDF2 with SHA-256, AES-256 in CBC mode. */
export async function seal(pkcs8, passphrase) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(16));
  const key = await stretched(utf8(passphrase), { salt, iterations: ROUNDS, hash: "SHA-256" }, 32);
  const aes = await crypto.subtle.importKey("raw", key, "AES-CBC", false, ["encrypt"]);
  wipe(key);
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CBC", iv }, aes, pkcs8));
  const kdf = der(SEQUENCE, oid(PBKDF2), der(SEQUENCE, der(OCTETS, salt), integer(ROUNDS), der(SEQUENCE, oid(HMAC_SHA256), NULL)));
  const cipher = der(SEQUENCE, oid(AES_256_CBC), der(OCTETS, iv));
  return der(SEQUENCE, der(SEQUENCE, oid(PBES2), der(SEQUENCE, kdf, cipher)), der(OCTETS, sealed));
}

/** Decrypts one; throws with what to do where that cannot be. */
export async function open(bytes, passphrase) {
  const [scheme, sealed] = children(read(bytes).body);
  const [name, parameters] = children(scheme.body);
  const unread = new Error("The file is encrypted in a way that is not read here. Wanted PBES2 with PBKDF2 or scrypt, and AES; turn it with: openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE");
  if (dotted(name.body) !== PBES2) throw unread;
  const [kdf, cipher] = children(parameters.body);
  const [cipherName, iv] = children(cipher.body);
  const length = AES_LENGTHS[dotted(cipherName.body)];
  if (!length) throw unread;
  const key = await derived(children(kdf.body), utf8(passphrase), length);
  if (!key) throw unread;
  const aes = await crypto.subtle.importKey("raw", key, "AES-CBC", false, ["decrypt"]);
  wipe(key);
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-CBC", iv: iv.body }, aes, sealed.body));
  } catch {
    throw new Error("The passphrase does not open this file. Type it again.");
  }
}

async function derived([name, parameters], passphrase, length) {
  const parts = children(parameters.body);
  const salt = parts[0].body;
  if (dotted(name.body) === SCRYPT) {
    const [n, r, p] = parts.slice(1, 4).map((part) => numberOf(part.body));
    return scrypt(passphrase, salt, { n, r, p }, length);
  }
  if (dotted(name.body) !== PBKDF2) return null;
  const iterations = numberOf(parts[1].body);
  const prf = parts.find((part) => part.tag === SEQUENCE);
  const hash = prf ? HASHES[dotted(children(prf.body)[0].body)] : "SHA-1";
  if (!hash || iterations > MOST_ROUNDS) return null;
  return stretched(passphrase, { salt, iterations, hash }, length);
}

async function stretched(passphrase, parameters, length) {
  const key = await crypto.subtle.importKey("raw", passphrase, "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "PBKDF2", ...parameters }, key, length * 8));
}
