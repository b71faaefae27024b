// Names of keys, as proofs that name a key and nobody else give them.
'use strict';

const { createHash, createPublicKey } = require('node:crypto');

/** The members of each kind of key that make its thumbprint, in the order of RFC 7638 section 3.2. */
const MEMBERS = { EC: ['crv', 'kty', 'x', 'y'], OKP: ['crv', 'kty', 'x'], RSA: ['e', 'kty', 'n'] };

/**
 * The RFC 7638 thumbprint of a public key, which http-signature puts into `keyid`.
 * @param {string | Buffer | import('node:crypto').KeyObject} key PEM, or a key object of node:crypto
 */
function thumbprint(key) {
  const jwk = (key.type === 'public' ? key : createPublicKey(key)).export({ format: 'jwk' });
  const members = MEMBERS[jwk.kty].map((name) => [name, jwk[name]]);
  return createHash('sha256').update(JSON.stringify(Object.fromEntries(members))).digest('base64url');
}

module.exports = { thumbprint };
