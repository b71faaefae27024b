// What was pasted where a public key belongs: private keys are noticed before anything is sent.
import { fromBase64 } from "../lib/bytes.js";
import { INTEGER, OCTETS, SEQUENCE, children, read } from "./der.js";

const LEAKED = "This is a PRIVATE key. It was not sent anywhere. Paste the public half instead; if this came from a mail, a chat or a ticket, treat the pair as leaked and make a new one.";

/** Why this text must not be sent; null when it may. */
export function mustNotBeSent(text) {
  const plain = text.trim();
  if (plain === "") return "Paste the public key, or choose its file.";
  if (/-----BEGIN [A-Z0-9 ]*PRIVATE/i.test(plain) || /PRIVATE KEY/i.test(plain)) return LEAKED;
  if (/"(d|k|p|q|dp|dq|qi|private_key|privateKey|client_secret)"\s*:/.test(plain)) return LEAKED;
  if (/^(AGE-SECRET-KEY-|PuTTY-User-Key-File)/im.test(plain)) return LEAKED;
  return privateDer(plain) ? LEAKED : null;
}

/** Whether base64 or hexadecimal hides a private key: PKCS#8 and PKCS#1 begin with a small number, sealed ones with octets second. */
function privateDer(text) {
  const compact = text.replace(/\s+/g, "");
  const isHex = /^(0x)?[0-9a-f]+$/i.test(compact) && compact.length % 2 === 0;
  const bytes = isHex ? Uint8Array.from(compact.replace(/^0x/i, "").match(/../g) ?? [], (pair) => parseInt(pair, 16)) : fromBase64(compact);
  if (!bytes) return false;
  // An Ed25519 seed with its public half.
  if (bytes.length === 64) return true;
  if (bytes[0] !== SEQUENCE) return startsLike(bytes, "openssh-key-v1");
  try {
    const [first, second] = children(read(bytes).body);
    // A bare PKCS#1 public key is two numbers of which the first is the large one.
    if (first.tag === INTEGER) return first.body.length === 1;
    return first.tag === SEQUENCE && second?.tag === OCTETS;
  } catch {
    return false;
  }
}

const startsLike = (bytes, text) => [...text].every((letter, index) => bytes[index] === letter.charCodeAt(0));
