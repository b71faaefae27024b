// One of several processes that share a replay memory: `process.mjs PORT FOLDER PUBLIC ACCOUNT KEY`.
import { createServer } from 'node:http';
import { guarded, Verifier } from 'countersign';
import { sharedClaims } from './wire.mjs';

const [port, folder, publicUrl, account, publicKey] = process.argv.slice(2);
const verifier = new Verifier({
  dialects: ['http-signature'],
  publicUrl,
  keys: async () => ({ account, keys: [{ publicKey }] }),
  claim: sharedClaims(folder),
});
createServer(guarded(verifier, (request, response) => response.end(request.countersign.account)))
  .listen(Number(port), '127.0.0.1', () => console.log('listening'));
