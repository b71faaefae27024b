// scrypt (RFC 7914): the key files that the command line encrypts need it, and browsers do not have it.

/** As the command line's own limit: memory for one file. */
const MOST_BYTES = 1 << 28;

/** `length` bytes from a passphrase. */
export async function scrypt(passphrase, salt, { n, r, p }, length) {
  const power = n > 1 && (n & (n - 1)) === 0;
  if (!power || r < 1 || p < 1 || p > 16 || 128 * r * n > MOST_BYTES) throw new Error("The file asks for more work than a page should do; use the command line.");
  const block = 128 * r;
  const mixed = await pbkdf2(passphrase, salt, block * p);
  for (let index = 0; index < p; index += 1) mix(mixed.subarray(index * block, (index + 1) * block), n, r);
  return pbkdf2(passphrase, mixed, length);
}

async function pbkdf2(passphrase, salt, length) {
  const key = await crypto.subtle.importKey("raw", passphrase, "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations: 1 }, key, length * 8));
}

/** ROMix over one block, in place. */
function mix(bytes, n, r) {
  const words = 32 * r;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let x = Uint32Array.from({ length: words }, (_, index) => view.getUint32(index * 4, true));
  let y = new Uint32Array(words);
  const kept = new Uint32Array(words * n);
  for (let index = 0; index < n; index += 1) {
    kept.set(x, index * words);
    blockMix(x, y, r);
    [x, y] = [y, x];
  }
  for (let index = 0; index < n; index += 1) {
    const from = (x[(2 * r - 1) * 16] & (n - 1)) * words;
    for (let word = 0; word < words; word += 1) x[word] ^= kept[from + word];
    blockMix(x, y, r);
    [x, y] = [y, x];
  }
  x.forEach((word, index) => view.setUint32(index * 4, word, true));
}

function blockMix(from, to, r) {
  const state = from.slice((2 * r - 1) * 16, 2 * r * 16);
  for (let index = 0; index < 2 * r; index += 1) {
    for (let word = 0; word < 16; word += 1) state[word] ^= from[index * 16 + word];
    salsa(state);
    to.set(state, ((index >> 1) + (index & 1) * r) * 16);
  }
}

/** Which words a step of Salsa20 takes: target, two sources, turn. */
const STEPS = [
  [4, 0, 12, 7], [8, 4, 0, 9], [12, 8, 4, 13], [0, 12, 8, 18], [9, 5, 1, 7], [13, 9, 5, 9], [1, 13, 9, 13], [5, 1, 13, 18],
  [14, 10, 6, 7], [2, 14, 10, 9], [6, 2, 14, 13], [10, 6, 2, 18], [3, 15, 11, 7], [7, 3, 15, 9], [11, 7, 3, 13], [15, 11, 7, 18],
  [1, 0, 3, 7], [2, 1, 0, 9], [3, 2, 1, 13], [0, 3, 2, 18], [6, 5, 4, 7], [7, 6, 5, 9], [4, 7, 6, 13], [5, 4, 7, 18],
  [11, 10, 9, 7], [8, 11, 10, 9], [9, 8, 11, 13], [10, 9, 8, 18], [12, 15, 14, 7], [13, 12, 15, 9], [14, 13, 12, 13], [15, 14, 13, 18],
].flat();

function salsa(state) {
  const x = state.slice();
  for (let round = 0; round < 4; round += 1) {
    for (let step = 0; step < STEPS.length; step += 4) {
      const sum = (x[STEPS[step + 1]] + x[STEPS[step + 2]]) >>> 0;
      const turn = STEPS[step + 3];
      x[STEPS[step]] ^= (sum << turn) | (sum >>> (32 - turn));
    }
  }
  for (let word = 0; word < 16; word += 1) state[word] = (state[word] + x[word]) >>> 0;
}

/** Overwrites secrets that are not needed any more. */
export function wipe(...secrets) {
  for (const secret of secrets) secret?.fill?.(0);
}
