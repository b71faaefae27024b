// The npm package http-message-signatures: signs requests for our server, and judges what our command signed. Tasks come on standard
// input as JSON, outcomes go to standard output.
import { constants, createHash, createPublicKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';

const require = createRequire(`${process.env.NODE_FOLDER}/`);
const { createSigner, createVerifier, httpbis } = require('http-message-signatures');

// A signer as the package takes it, with the salt that the RFC wants.
function salted(key, alg, id, saltLength) {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return { id, alg, sign: async (data) => sign('sha512', data, { key, padding, saltLength }) };
}

// Judges the server's signature on an answer, with the keys that it publishes.
async function answered(answer, told, request) {
  const set = await (await fetch(new URL('/.well-known/http-message-signatures-directory', request.url))).json();
  const keyLookup = async (parameters) => {
    const jwk = set.keys.find(({ kid }) => kid === parameters.keyid);
    const alg = 'ecdsa-p256-sha256';
    return jwk ? { id: jwk.kid, algs: [alg], verify: createVerifier(createPublicKey({ key: jwk, format: 'jwk' }), alg) } : null;
  };
  const headers = Object.fromEntries(answer.headers);
  const judge = (response, asked) => httpbis.verifyMessage({ keyLookup, requiredParams: ['created', 'keyid', 'tag'] }, response, asked);
  if (await judge({ status: answer.status, headers }, request) !== true) return 'the answer is not the server\'s';
  if (await judge({ status: 299, headers }, request) !== false) return 'an answer with another status was taken';
  if (await judge({ status: answer.status, headers }, { ...request, method: 'DELETE' }) !== false) return 'an answer to another method was taken';
  const digest = createHash('sha256').update(told).digest('base64');
  return headers['content-digest'] === `sha-256=:${digest}:` ? '' : 'the body is not the one that was signed';
}

const DO = {
  async send({ key, alg, keyid, method, url, body, salt, status = 200 }) {
    const request = { method, url, headers: {} };
    const fields = ['@method', '@authority', '@path', '@query'];
    if (body) {
      request.headers['content-digest'] = `sha-512=:${createHash('sha512').update(body).digest('base64')}:`;
      fields.push('content-digest');
    }
    const signed = await httpbis.signMessage({
      key: salt ? salted(readFileSync(key, 'utf8'), alg, keyid, salt) : createSigner(readFileSync(key, 'utf8'), alg, keyid),
      fields,
      params: ['created', 'keyid', 'alg', 'nonce', 'expires'],
      paramValues: { nonce: crypto.randomUUID() },
    }, request);
    const answer = await fetch(url, { method, headers: signed.headers, body: body || undefined });
    const told = await answer.text();
    const unsigned = await answered(answer, told, { method, url, headers: signed.headers });
    if (unsigned) return unsigned;
    if (answer.status !== status) return `expected ${status}, found ${answer.status}: ${told.slice(0, 200)}`;
    if (status !== 200) return '';
    const echo = JSON.parse(told);
    return echo.body_sha256 === createHash('sha256').update(body).digest('hex') ? '' : 'the upstream saw another body';
  },
  async verify({ key, alg, keyid, method, url, headers }) {
    const verify = createVerifier(createPublicKey(readFileSync(key, 'utf8')), alg);
    const keyLookup = async (parameters) => (parameters.keyid === keyid ? { id: keyid, algs: [alg], verify } : null);
    const required = { requiredParams: ['created', 'nonce', 'keyid'], requiredFields: ['@method', '@authority', '@path', '@query'] };
    const good = await httpbis.verifyMessage({ keyLookup, ...required }, { method, url, headers });
    if (good !== true) return `expected true, found ${good}`;
    const other = await httpbis.verifyMessage({ keyLookup, ...required }, { method: 'DELETE', url, headers });
    return other === false ? '' : `another method: expected false, found ${other}`;
  },
};

const outcomes = [];
for (const task of JSON.parse(await text(process.stdin))) {
  let why;
  try {
    why = await DO[task.do](task);
  } catch (error) {
    why = String(error.stack || error);
  }
  outcomes.push({ case: task.case, why });
}
console.log(JSON.stringify(outcomes));
