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
