// fastify with fast-jwt, whose cache is off.
import fs from 'node:fs';
import { createRequire } from 'node:module';
const require = createRequire('{packages}/');
const fastify = require('fastify');
const { createVerifier } = require('fast-jwt');
const verifier = (name, algorithm) => createVerifier({
  key: fs.readFileSync('{keys}/' + name, 'utf8'), algorithms: [algorithm], allowedIss: 'partner@example.com', allowedAud: 'countersign', cache: false,
});
const verifiers = { RS256: verifier('rsa.pem', 'RS256'), ES256: verifier('p256.pem', 'ES256'), EdDSA: verifier('ed25519.pem', 'EdDSA') };
const app = fastify();
app.addHook('onRequest', (request, reply, done) => {
  try {
    const token = (request.headers.authorization || '').slice(7);
    const { alg } = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url'));
    request.subject = verifiers[alg](token).sub;
    done();
  } catch {
    reply.code(401).send('denied');
  }
});
app.get('/', (request, reply) => { reply.header('x-subject', request.subject).send('ok'); });
app.listen({ port: {port}, host: '127.0.0.1' });
