// Node's own server with the package jose.
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
const { importSPKI, jwtVerify } = await import('file://' + createRequire('{packages}/').resolve('jose'));
const key = (name, algorithm) => importSPKI(fs.readFileSync('{keys}/' + name, 'utf8'), algorithm);
const keys = { RS256: await key('rsa.pem', 'RS256'), ES256: await key('p256.pem', 'ES256'), EdDSA: await key('ed25519.pem', 'EdDSA') };
const expected = { issuer: 'partner@example.com', audience: 'countersign', algorithms: Object.keys(keys) };
http.createServer(async (request, answer) => {
  try {
    const { payload } = await jwtVerify((request.headers.authorization || '').slice(7), head => keys[head.alg], expected);
    answer.writeHead(200, { 'x-subject': payload.sub, 'content-length': 2 });
    answer.end('ok');
  } catch {
    answer.writeHead(401, { 'content-length': 6 });
    answer.end('denied');
  }
}).listen({port}, '127.0.0.1');
