// The fetch that signs: bodies, redirects, clocks and addresses.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Readable } from 'node:stream';
import { Signer, signedFetch } from 'countersign';
import { open } from './doors.mjs';
import { caller } from './people.mjs';
import { freePort } from './wire.mjs';

/** A server that answers as told and keeps what it was asked. */
async function listener(answer) {
  const port = await freePort();
  const asked = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    asked.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
    answer(request, response);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${port}`, asked, close };
}

const signer = (dialect = 'http-signature', more = {}) => new Signer(caller(dialect, more));

describe('bodies', () => {
  let here;
  before(async () => {
    here = await open('http', ['http-signature']);
  });
  after(() => here.close());

  const post = (body, more = {}) => signedFetch(signer('http-signature', { limit: 1000, ...more }))(`${here.url}/x`, { method: 'POST', body, duplex: 'half' });
  const stream = (...pieces) => Readable.toWeb(Readable.from(pieces.map((piece) => Buffer.from(piece))));

  test('every kind that fetch takes is read and signed', async () => {
    const form = new FormData();
    form.set('a', 'b');
    const given = [
      'text', Buffer.from('buffer'), new Uint8Array([65, 66]), new Uint8Array([65, 66]).buffer, new DataView(new ArrayBuffer(3)), new URLSearchParams('a=b'),
      new Blob(['blob']), stream('a', 'b'), Readable.from([Buffer.from('node stream')]), form,
    ];
    for (const body of given) {
      const response = await post(body);
      assert.equal(response.status, 200, `${body?.constructor?.name}: ${await response.text()}`);
    }
    const seen = await (await post(form)).json();
    assert.match(seen.body, /name="a"\r\n\r\nb\r\n/);
  });

  test('what is over the limit is refused before anything is sent, streams among them', async () => {
    const before = here.refused.length;
    async function* endless() {
      for (;;) yield Buffer.alloc(100);
    }
    for (const body of ['x'.repeat(1001), Buffer.alloc(1001), new Blob(['x'.repeat(1001)]), stream('x'.repeat(600), 'x'.repeat(600)), Readable.from(endless())]) {
      await assert.rejects(post(body), { code: 'ERR_COUNTERSIGN_BODY', name: 'TypeError' });
    }
    assert.equal(here.refused.length, before);
    assert.equal((await post('x'.repeat(1000))).status, 200);
    await assert.rejects(signer('http-signature', { limit: 3 }).sign(new Request(`${here.url}/x`, { method: 'POST', body: 'long' })), { code: 'ERR_COUNTERSIGN_BODY' });
  });

  test('Request objects, and what is set beside them, go as fetch takes them', async () => {
    const fetch = signedFetch(signer());
    const request = new Request(`${here.url}/x`, { method: 'PATCH', body: 'of a request', headers: { 'x-one': '1' } });
    assert.equal((await (await fetch(request)).json()).body, 'of a request');
    const other = new Request(`${here.url}/x`, { method: 'POST', body: 'first' });
    assert.equal((await (await fetch(other, { body: 'second' })).json()).body, 'second');
    assert.equal((await fetch(new URL(`${here.url}/x`), { method: 'post', body: 'x' })).status, 200);
  });

  test('a buffer that is written into meanwhile is sent as it was signed', async () => {
    const body = Buffer.from('as it was');
    const sent = post(body);
    body.fill('!');
    const response = await sent;
    const { body: seen } = await response.json();
    assert.ok(response.status === 200 && ['as it was', '!!!!!!!!!'].includes(seen), seen);
  });

  test('signals end it', async () => {
    await assert.rejects(signedFetch(signer())(`${here.url}/x`, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  test('what fetch refuses is refused', async () => {
    const fetch = signedFetch(signer());
    await assert.rejects(fetch(`${here.url}/x`, { body: 'x' }), TypeError);
    await assert.rejects(fetch('/relative'), TypeError);
    await assert.rejects(fetch('http://name:word@127.0.0.1/'), { code: 'ERR_COUNTERSIGN_ADDRESS' });
  });
});

describe('redirects', () => {
  let other;
  let here;
  before(async () => {
    other = await listener((request, response) => response.end('elsewhere'));
    here = await listener((request, response) => {
      const { searchParams } = new URL(request.url, 'http://x');
      const status = Number(searchParams.get('status'));
      if (!status) return response.end('arrived');
      const to = searchParams.get('to') ?? '/arrived';
      return response.writeHead(status, { location: to }).end();
    });
  });
  after(async () => {
    await here.close();
    await other.close();
  });

  for (const [status, method, then] of [[301, 'POST', 'GET'], [302, 'POST', 'GET'], [303, 'PUT', 'GET'], [307, 'POST', 'POST'], [308, 'PUT', 'PUT'], [302, 'GET', 'GET']]) {
    test(`${status} after ${method} within the origin is signed anew and asked with ${then}`, async () => {
      here.asked.length = 0;
      const init = method === 'GET' ? {} : { method, body: 'a body' };
      const response = await signedFetch(signer())(`${here.url}/?status=${status}`, init);
      assert.equal(await response.text(), 'arrived');
      const [first, second] = here.asked;
      assert.equal(second.method, then);
      assert.equal(second.body, then === 'GET' ? '' : 'a body');
      assert.equal(second.headers['content-digest'] === undefined, then === 'GET');
      assert.notEqual(first.headers.signature, second.headers.signature);
      assert.equal(here.asked.length, 2);
    });
  }

  test('nothing goes to another origin, not even to another port or to the same host in other letters', async () => {
    const targets = [other.url, `//localhost:${new URL(here.url).port}/`, here.url.replace('http:', 'https:'), 'http://elsewhere.example/', 'ftp://127.0.0.1/'];
    for (const status of [301, 302, 303, 307, 308]) {
      for (const to of targets) {
        const url = `${here.url}/?status=${status}&to=${encodeURIComponent(to)}`;
        for (const dialect of ['partner-key', 'skykit', 'http-signature']) {
          await assert.rejects(signedFetch(signer(dialect))(url), (error) => {
            assert.equal(error.code, 'ERR_COUNTERSIGN_REDIRECT');
            assert.equal(error.status, status);
            return error.location.length > 0;
          });
        }
      }
    }
    assert.deepEqual(other.asked, []);
  });

  test('redirects by hand, none at all, endless ones and ones to nowhere', async () => {
    const fetch = signedFetch(signer());
    const manual = await fetch(`${here.url}/?status=302`, { redirect: 'manual' });
    assert.deepEqual([manual.status, manual.headers.get('location')], [302, '/arrived']);
    await assert.rejects(fetch(`${here.url}/?status=302`, { redirect: 'error' }), { code: 'ERR_COUNTERSIGN_REDIRECT' });
    here.asked.length = 0;
    const round = `${here.url}/?status=302&to=${encodeURIComponent('/?status=302&to=%2F%3Fstatus%3D302')}`;
    const loop = await listener((request, response) => response.writeHead(302, { location: request.url }).end());
    await assert.rejects(fetch(`${loop.url}/`), { code: 'ERR_COUNTERSIGN_REDIRECT' });
    assert.equal(loop.asked.length, 21);
    await loop.close();
    assert.equal((await fetch(round)).status, 200);
    await assert.rejects(fetch(`${here.url}/?status=302&to=${encodeURIComponent('http://')}`), { code: 'ERR_COUNTERSIGN_REDIRECT' });
    const body = Readable.toWeb(Readable.from([Buffer.from('once')]));
    await assert.rejects(signedFetch(signer('skykit'))(`${here.url}/?status=307`, { method: 'POST', body, duplex: 'half' }), { code: 'ERR_COUNTERSIGN_REDIRECT' });
  });
});

describe('clocks', () => {
  const REFUSED = JSON.stringify({ type: 'urn:countersign:problem:out-of-window', title: 'x', status: 401, code: 'out-of-window' });
  const claims = (headers) => JSON.parse(Buffer.from(headers.authorization.split(' ')[1].split('.')[1], 'base64url'));

  test('a refusal about time teaches the server\'s, once', async () => {
    const ahead = 3_600_000;
    const server = await listener((request, response) => {
      const off = Math.abs(claims(request.headers).time * 1000 - (Date.now() + ahead));
      const headers = { 'content-type': 'application/problem+json', 'countersign-time': String(Date.now() + ahead) };
      if (off > 20_000) response.writeHead(401, headers).end(REFUSED);
      else response.end('in');
    });
    const fetch = signedFetch(signer('asymmetric-jwt'));
    assert.equal((await fetch(`${server.url}/`, { method: 'POST', body: 'again' })).status, 200);
    assert.deepEqual(server.asked.map(({ body }) => body), ['again', 'again']);
    assert.equal((await fetch(`${server.url}/`)).status, 200);
    assert.equal(server.asked.length, 3, 'what was learned stays');
    await server.close();
  });

  test('a refusal about anything else, or one that goes on for ever, is the answer', async () => {
    let body = REFUSED.replaceAll('out-of-window', 'refused');
    const server = await listener((request, response) => {
      response.writeHead(401, { 'content-type': 'application/problem+json', 'countersign-time': String(Date.now() + 3_600_000) });
      if (body === null || body === '') {
        response.write('x'.repeat(body === null ? 200_000 : 10));
      } else {
        response.end(body);
      }
    });
    const fetch = signedFetch(signer('asymmetric-jwt'));
    const answer = await fetch(`${server.url}/`);
    assert.deepEqual([answer.status, await answer.text(), server.asked.length], [401, body, 1]);
    body = REFUSED;
    assert.equal((await fetch(`${server.url}/`)).status, 401);
    assert.equal(server.asked.length, 3, 'asked once more, and no more than that');
    const far = await listener((request, response) => response.writeHead(401, { 'countersign-time': '0' }).end());
    await assert.rejects(signedFetch(signer('asymmetric-jwt'))(`${far.url}/`), { code: 'ERR_COUNTERSIGN_CLOCK' });
    await far.close();
    // One that is long, and one that is short, and neither ends.
    for (body of [null, '']) {
      server.asked.length = 0;
      assert.equal((await signedFetch(signer('asymmetric-jwt'))(`${server.url}/`)).status, 401);
      assert.equal(server.asked.length, 1, 'nothing was learned from it');
    }
    await server.close();
  });
});

describe('addresses', () => {
  test('a proof in the query is sent letter for letter', async () => {
    const { generateKeyPairSync } = await import('node:crypto');
    const { privateKey } = generateKeyPairSync('ed25519', { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } });
    const server = await listener((request, response) => response.end('in'));
    const binance = new Signer({ dialect: 'binance', key: privateKey, identifier: 'api-key' });
    const made = await binance.prove({ url: `${server.url}/api?symbol=BTC` });
    assert.match(made.url, /\/api\?symbol=BTC&.*signature=/);
    assert.equal((await signedFetch(binance)(`${server.url}/api?symbol=BTC#x`)).status, 200);
    assert.match(server.asked[0].url, /^\/api\?symbol=BTC&.*signature=[^&]+$/);
    await server.close();
  });

  test('nothing of a signer\'s secrets is shown', async () => {
    const { inspect } = await import('node:util');
    const { companion } = caller('partner-key');
    const shown = inspect(signer('partner-key'), { depth: 10, showHidden: true }) + JSON.stringify(signer('partner-key'));
    assert.ok(companion.length > 0 && !shown.includes(companion) && !shown.includes('PRIVATE'));
  });
});
