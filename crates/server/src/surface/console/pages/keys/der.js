// DER, written and read as far as private keys need it.
import { joined } from "../lib/bytes.js";

export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTETS = 0x04;
export const NULL = new Uint8Array([0x05, 0x00]);
export const OID = 0x06;
export const SEQUENCE = 0x30;

/** A value with its tag and length. */
export function der(tag, ...parts) {
  const body = joined(...parts);
  return joined(new Uint8Array([tag, ...lengthOf(body.length)]), body);
}

/** A small number, 0 or greater. */
export function integer(number) {
  const bytes = [];
  for (let rest = number; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  if (bytes[0] > 127) bytes.unshift(0);
  return der(INTEGER, new Uint8Array(bytes));
}

/** An object identifier from its dotted text. */
export function oid(text) {
  const [first, second, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const number of rest) {
    const groups = [number % 128];
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128)) groups.unshift(128 + (left % 128));
    bytes.push(...groups);
  }
  return der(OID, new Uint8Array(bytes));
}

function lengthOf(length) {
  if (length < 128) return [length];
  const bytes = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [128 + bytes.length, ...bytes];
}

/** Reads one value: `{ tag, body, whole, rest }`; throws where the bytes are none. */
export function read(bytes) {
  const cut = new Error("The file is cut off or is no DER.");
  if (bytes.length < 2) throw cut;
  let length = bytes[1];
  let start = 2;
  if (length > 128) {
    const count = length - 128;
    // Four bytes of length are a file of four gigabytes.
    if (count > 4 || bytes.length < 2 + count) throw cut;
    length = bytes.subarray(2, 2 + count).reduce((sum, byte) => sum * 256 + byte, 0);
    start += count;
  }
  if (bytes[1] === 128 || bytes.length < start + length) throw cut;
  return {
    tag: bytes[0],
    body: bytes.subarray(start, start + length),
    whole: bytes.subarray(0, start + length),
    rest: bytes.subarray(start + length),
  };
}

/** The values inside a value, in order. */
export function children(bytes) {
  const found = [];
  // Ends: every value takes at least two bytes.
  for (let rest = bytes; rest.length > 0; rest = found.at(-1).rest) found.push(read(rest));
  return found;
}

/** The dotted text of an object identifier's bytes. */
export function dotted(body) {
  const numbers = [Math.floor(body[0] / 40), body[0] % 40];
  let number = 0;
  for (const byte of body.subarray(1)) {
    number = number * 128 + (byte & 127);
    if (byte < 128) {
      numbers.push(number);
      number = 0;
    }
  }
  return numbers.join(".");
}

/** The number of an INTEGER's bytes; for small ones. */
export const numberOf = (body) => body.reduce((sum, byte) => sum * 256 + byte, 0);
