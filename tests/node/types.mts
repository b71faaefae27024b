// What programs write, as the compiler sees it; wrong programs are marked with the error that is expected.
import { createServer } from 'node:http';
import express from 'express';
import Fastify from 'fastify';
import { fetch as undiciFetch } from 'undici';
import * as countersign from 'countersign';
import { guarded, Signer, signedFetch, thumbprint, Verifier, type Holder, type Judgement, type KeysWanted } from 'countersign';

const signer = new Signer({ dialect: 'http-signature', key: 'PEM', identifier: 'me' });
new Signer({ dialect: 'skykit', settings: { make_life: '5m' }, keyFile: 'key.pem', identifier: 'me', limit: 10 });
// @ts-expect-error: there has to be a key
new Signer({ dialect: 'skykit', identifier: 'me' });
// @ts-expect-error: one key, not two
new Signer({ dialect: 'skykit', identifier: 'me', key: 'PEM', keyFile: 'key.pem' });
// @ts-expect-error: no such option
new Signer({ dialect: 'skykit', identifier: 'me', key: 'PEM', secret: 'x' });

const plain: typeof fetch = signedFetch(signer);
const other: typeof undiciFetch = signedFetch(signer, { fetch: undiciFetch });
const answer: Response = await plain('https://api.example/', { method: 'POST', body: new URLSearchParams() });
const signed: Request = await signer.sign(new Request('https://api.example/'));
const { headers, url, body } = await signer.prove({ url: new URL('https://api.example/'), body: Buffer.from('x') });
const all: [string, string][] = headers;
const key: string = thumbprint('PEM');

async function keys(wanted: KeysWanted): Promise<Holder | null> {
  // @ts-expect-error: what was asked is not changed
  wanted.identifier = 'other';
  return wanted.identifier === key ? { account: 'partner', keys: [{ publicKey: 'PEM', expires: 1 }] } : null;
}

const verifier = new Verifier({ dialects: ['http-signature', { dialect: 'skykit', settings: {} }], publicUrl: 'https://api.example', keys, claim: async () => true });
new Verifier({ dialects: ['skykit'], accounts: '[[account]]', replay: 'process', require: ['body'] });
// @ts-expect-error: nobody says who has which keys
new Verifier({ dialects: ['skykit'] });
// @ts-expect-error: both say it
new Verifier({ dialects: ['skykit'], keys, accounts: '' });
// @ts-expect-error: an answer without a word is none
new Verifier({ dialects: ['skykit'], keys: async () => {} });
// @ts-expect-error: a cache's own answer is none
new Verifier({ dialects: ['skykit'], keys, claim: async () => 'OK' });
// @ts-expect-error: no such thing to cover
new Verifier({ dialects: ['skykit'], keys, require: ['everything'] });

const app = express();
app.use(countersign.express(verifier));
app.get('/', (request, response) => {
  response.json(request.countersign?.account);
});
const server = Fastify();
await server.register(countersign.fastify(verifier));
createServer(guarded(verifier, (request, response) => response.end(request.countersign.account)));

const judged: Judgement = await verifier.verify({ method: 'GET', target: '/', rawHeaders: [] });
if (judged.verified) {
  const account: string = judged.verified.account;
  // @ts-expect-error: nobody writes into it
  judged.verified.account = account;
} else {
  const status: number = judged.answer.status;
  console.log(status, judged.refused?.reason, answer, signed, url, body, all, other);
}
