// What fails on our side is a 503 and lets nobody in; what is wrong with a body is answered as HTTP wants.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import expressFramework from 'express';
import Fastify from 'fastify';
import { express, fastify, guarded, Signer, signedFetch, Verifier } from 'countersign';
import { DOORS, open } from './doors.mjs';
import { caller, keys } from './people.mjs';
import { freePort, ownClaims, raw } from './wire.mjs';

const never = () => new Promise(() => {});
const holder = await keys({ dialect: 'skykit', namespace: 'email', identifier: 'ops@example.com' });

/** Callbacks that fail, and what the program is told. */
const FAILURES = [
  ['keys rejects', { keys: async () => { throw new Error('the database is away'); } }, /the database is away/],
  ['keys throws', { keys: () => { throw new Error('at once'); } }, /at once/],
  ['keys says nothing', { keys: async () => {} }, /wanted an object for its answer, found undefined/],
  ['keys says false', { keys: async () => false }, /found boolean/],
  ['keys misspells a condition', { keys: async () => ({ ...holder, disable: true }) }, /there is no `disable`/],
  ['keys gives no list', { keys: async () => ({ account: 'a', keys: 'pem' }) }, /wanted a list of keys/],
  ['keys gives a path that is none', { keys: async () => ({ account: 'a', keys: [], paths: ['public'] }) }, /wanted prefixes that begin with a slash/],
  ['keys gives no text', { keys: async () => ({ account: 'a', keys: [{ publicKey: 7 }] }) }, /text of a public key/],
  ['keys gives members that are no texts', { keys: async () => ({ account: 'a', keys: [], paths: [7] }) }, /./],
  ['keys never answers', { keys: never, callbackTime: 50 }, /within 50 ms/],
  ['claim rejects', { claim: async () => { throw new Error('the cache is away'); } }, /the cache is away/],
  ['claim says nothing', { claim: async () => {} }, /wanted true .* found undefined/],
  ['claim says what a cache says', { claim: async () => 'OK' }, /found string "OK"/],
  ['claim says null', { claim: async () => null }, /found null/],
  ['claim says 1', { claim: async () => 1 }, /found number 1/],
  ['claim never answers', { claim: never, callbackTime: 50 }, /within 50 ms/],
  ['a listener that fails as well', { keys: async () => { throw new Error('away'); }, onFault: () => { throw new Error('the log is full'); } }, null],
];

for (const door of Object.keys(DOORS)) {
  describe(`${door} in trouble`, () => {
    test('callbacks that fail are a 503 and never a pass', async () => {
      for (const [name, more, told] of FAILURES) {
        const here = await open(door, ['asymmetric-jwt', 'skykit'], more);
        const dialect = name.startsWith('claim') ? 'asymmetric-jwt' : 'skykit';
        const response = await signedFetch(new Signer(caller(dialect)))(`${here.url}/api/x`);
        const body = await response.text();
        assert.equal(response.status, 503, `${name}: ${body}`);
        assert.equal(response.headers.get('retry-after'), '1', name);
        assert.equal(response.headers.get('content-type'), 'application/problem+json', name);
        assert.deepEqual(JSON.parse(body), {
          type: 'urn:countersign:problem:unavailable',
          title: 'The server cannot decide now; nothing was done',
          status: 503,
          code: 'unavailable',
        });
        if (told) assert.match(String(here.faults[0]?.message), told, name);
        await here.close();
      }
    });

    test('a listener that rejects changes no answer and ends nothing', async () => {
      const rejects = async () => { throw new Error('the log is full'); };
      const here = await open(door, ['skykit'], { onRefused: rejects, onFault: rejects });
      for (let round = 0; round < 2; round += 1) assert.equal((await fetch(`${here.url}/api/x`)).status, 401);
      await here.close();
    });

    test('an account without a usable key is refused as an unknown one is, and the program is told', async () => {
      const answers = [];
      for (const found of [null, { account: 'a', keys: [{ publicKey: 'no key', label: 'old' }] }, { account: 'a', disabled: true, keys: [{ publicKey: 'no key' }] }]) {
        const here = await open(door, ['skykit'], { keys: async () => found });
        const response = await signedFetch(new Signer(caller('skykit')))(`${here.url}/api/x`);
        answers.push([response.status, response.headers.get('www-authenticate'), response.headers.get('retry-after'), await response.text()]);
        assert.deepEqual(here.faults.map(({ code }) => code), found ? ['ERR_COUNTERSIGN_KEY'] : []);
        if (found) assert.match(here.faults[0].message, /no key of account a can be used/);
        await here.close();
      }
      assert.equal(answers[0][0], 401);
      assert.deepEqual(answers[1], answers[0]);
      assert.deepEqual(answers[2], answers[0]);
    });

    test('a body over the limit is refused, announced or not, and one at the limit passes', async () => {
      const here = await open(door, ['http-signature'], { bodyLimit: 100_000 });
      const fetch = signedFetch(new Signer(caller('http-signature')));
      const send = (body) => fetch(`${here.url}/api/x`, { method: 'POST', body, headers: { 'content-type': 'text/plain' } });
      const at = await send('x'.repeat(100_000));
      assert.equal(at.status, 200, await at.text());
      const over = await send('x'.repeat(100_001));
      assert.equal(over.status, 413);
      assert.equal(over.headers.get('connection'), 'close');
      assert.equal((await over.json()).code, 'malformed');
      const head = ['POST /api/x HTTP/1.1', `host: 127.0.0.1:${here.port}`, 'transfer-encoding: chunked', '', ''].join('\r\n');
      assert.match(await raw(here.port, `${head}20000\r\n${'x'.repeat(0x20000)}\r\n`), /^HTTP\/1\.1 413 /);
      assert.deepEqual(here.faults, []);
      await here.close();
    });

    test('chunks come through, an empty body among them', async () => {
      const here = await open(door, ['http-signature']);
      for (const [pieces, status] of [[[], 200], [['a', 'bc'.repeat(70_000), 'd'], 200], [['e'], 401]]) {
        const body = pieces.join('');
        const signed = status === 200 ? body : 'another';
        const { headers } = await new Signer(caller('http-signature')).prove({ method: 'POST', url: `${here.url}/api/x`, body: signed });
        const head = [
          'POST /api/x HTTP/1.1', `host: 127.0.0.1:${here.port}`, 'connection: close', 'transfer-encoding: chunked', 'content-type: text/plain',
          ...headers.map(([name, value]) => `${name}: ${value}`), '', '',
        ].join('\r\n');
        const chunks = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');
        const answer = await raw(here.port, `${head}${chunks}0\r\n\r\n`);
        assert.equal(Number(answer.slice(9, 12)), status, answer.slice(0, 300));
        if (status === 200 && body) assert.ok(answer.includes(body.slice(0, 1000)), 'the handler finds the body as well');
      }
      await here.close();
    });

    test('a body that does not come is not waited for, and one that breaks off harms nobody', async () => {
      const here = await open(door, ['http-signature'], { bodyTime: 100 });
      const head = ['POST /api/x HTTP/1.1', `host: 127.0.0.1:${here.port}`, 'content-length: 10', '', 'half'].join('\r\n');
      const answer = await raw(here.port, head);
      assert.match(answer, /^HTTP\/1\.1 408 /);
      assert.match(answer, /"code":"too-slow"/);
      const { connect } = await import('node:net');
      const socket = connect(here.port, '127.0.0.1', () => socket.end(head));
      socket.resume();
      await once(socket, 'close');
      const still = await signedFetch(new Signer(caller('http-signature')))(`${here.url}/api/x`);
      assert.equal(still.status, 200);
      assert.deepEqual(here.faults, []);
      await here.close();
    });

    test('bodies that no proof covers are left alone, however large', async () => {
      const here = await open(door, ['skykit'], { bodyLimit: 10 });
      const body = new ReadableStream({ start(controller) { controller.enqueue(Buffer.alloc(200_000, 'y')); controller.close(); } });
      const response = await signedFetch(new Signer(caller('skykit')))(`${here.url}/api/x`, {
        method: 'POST', body, duplex: 'half', headers: { 'content-type': 'text/plain' },
      });
      assert.equal(response.status, 200);
      assert.equal((await response.json()).body.length, 200_000);
      await here.close();
    });
  });
}

describe('bodies that were read before', () => {
  const dialects = ['http-signature'];
  const verifier = (port, faults, more) => new Verifier({
    dialects, keys, claim: ownClaims(), publicUrl: `http://127.0.0.1:${port}`, onFault: (error) => faults.push(error), ...more,
  });
  const post = (port) => signedFetch(new Signer(caller('http-signature')))(`http://127.0.0.1:${port}/x`, {
    method: 'POST', body: '{}', headers: { 'content-type': 'application/json' },
  });

  test('express.json() before the verifier is a fault that says so', async () => {
    const [port, faults] = [await freePort(), []];
    const app = expressFramework().use(expressFramework.json()).use(express(verifier(port, faults))).use((request, response) => response.end('in'));
    const server = await new Promise((resolve) => { const opened = app.listen(port, '127.0.0.1', () => resolve(opened)); });
    assert.equal((await post(port)).status, 503);
    assert.equal(faults[0].code, 'ERR_COUNTERSIGN_BODY_CONSUMED');
    assert.match(faults[0].message, /put countersign before express\.json\(\)/);
    server.closeAllConnections();
    server.close();
  });

  test('who listens for the body already, or reads it as text, is told so', async () => {
    for (const before of [(request) => request.setEncoding('utf8'), (request) => request.on('data', () => {}), (request) => request.resume()]) {
      const [port, faults] = [await freePort(), []];
      const handler = guarded(verifier(port, faults), (request, response) => response.end('in'));
      const server = createServer((request, response) => { before(request); return handler(request, response); }).listen(port, '127.0.0.1');
      await once(server, 'listening');
      assert.equal((await post(port)).status, 503);
      assert.equal(faults[0].code, 'ERR_COUNTERSIGN_BODY_CONSUMED');
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('two verifiers in a row see the same body, the smaller limit its own', async () => {
    const [port, faults] = [await freePort(), []];
    for (const [bodyLimit, status] of [[100, 200], [1, 413]]) {
      const inner = verifier(port, faults, { bodyLimit });
      const handler = guarded(verifier(port, faults), guarded(inner, (request, response) => response.end('in')));
      const server = createServer(handler).listen(port, '127.0.0.1');
      await once(server, 'listening');
      assert.equal((await post(port)).status, status, String(faults[0]));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    assert.deepEqual(faults, []);
  });
});

describe('Fastify\'s own ways', () => {
  const make = async (more = {}) => {
    const verifier = new Verifier({ dialects: ['http-signature'], keys, claim: ownClaims(), publicUrl: 'http://api.example', onFault() {}, ...more });
    const app = Fastify();
    app.get('/open', async () => 'open');
    await app.register(async (inside) => {
      await inside.register(fastify(verifier));
      inside.post('/closed', async (request) => ({ who: request.countersign.account, body: request.body }));
      await inside.register(async (deeper) => {
        deeper.get('/deeper', async (request) => request.countersign.account);
      });
    });
    // An instance is thenable: returned by itself, it would be waited for before it is asked.
    return { app };
  };

  test('what is registered beside it stays open, what is inside is closed, and injected requests are judged', async () => {
    const { app } = await make();
    const open = await app.inject('/open');
    assert.equal(open.body, 'open');
    for (const url of ['/deeper', '/closed']) {
      const refused = await app.inject({ method: url === '/closed' ? 'POST' : 'GET', url });
      assert.equal(refused.statusCode, 401, url);
      assert.equal(refused.headers['content-type'], 'application/problem+json');
    }
    const body = '{"a":1}';
    const { headers } = await new Signer(caller('http-signature')).prove({ method: 'POST', url: 'http://api.example/closed', body });
    const signed = { method: 'POST', url: '/closed', headers: { ...Object.fromEntries(headers), 'content-type': 'application/json' }, body };
    const good = await app.inject(signed);
    assert.deepEqual(good.json(), { who: 'http-signature-account', body: { a: 1 } }, good.body);
    assert.equal((await app.inject(signed)).statusCode, 401, 'a second time');
    await app.close();
  });

  test('HTTP/2 is a fault that says so', async () => {
    const faults = [];
    const app = Fastify({ http2: true });
    await app.register(fastify(new Verifier({ dialects: ['skykit'], keys, onFault: (error) => faults.push(error) })));
    app.get('/', async () => 'in');
    const address = await app.listen({ port: await freePort(), host: '127.0.0.1' });
    const { connect } = await import('node:http2');
    const session = connect(address);
    const [headers] = await once(session.request({ ':path': '/' }).end(), 'response');
    assert.equal(headers[':status'], 503);
    assert.equal(faults[0].code, 'ERR_COUNTERSIGN_HTTP');
    session.destroy();
    await app.close();
  });
});

describe('two processes with one replay memory', () => {
  test('of many copies of one proof, sent to both at once, one passes', async () => {
    const folder = mkdtempSync(join(process.env.COUNTERSIGN_WORK, 'claims-'));
    const program = fileURLToPath(new URL('process.mjs', import.meta.url));
    const ports = [await freePort(), await freePort()];
    const publicUrl = 'http://api.example';
    const { publicKey, account } = await import('./people.mjs').then(({ of }) => of('http-signature'));
    const children = ports.map((port) => execFile(process.execPath, [program, String(port), folder, publicUrl, account, publicKey]));
    try {
      await Promise.all(children.map((child) => once(child.stdout, 'data')));
      const signer = new Signer(caller('http-signature'));
      for (let round = 0; round < 5; round += 1) {
        const { headers } = await signer.prove({ url: `${publicUrl}/x` });
        const copies = Array.from({ length: 20 }, (_, at) => fetch(`http://127.0.0.1:${ports[at % 2]}/x`, { headers }));
        const statuses = (await Promise.all(copies)).map(({ status }) => status).sort();
        assert.deepEqual(statuses, [200, ...Array(19).fill(401)]);
      }
    } finally {
      children.forEach((child) => child.kill());
    }
  });
});

describe('options', () => {
  const good = { dialects: ['skykit'], keys };
  test('what cannot be is refused with what was wanted', () => {
    const wrong = [
      [undefined, /the options/], [{ ...good, dialects: [] }, /dialects: wanted a list/], [{ ...good, dialects: ['skykitt'] }, /no such dialect/],
      [{ ...good, key: keys }, /there is no `key` in the options/], [{ dialects: ['skykit'] }, /`keys` .* or `accounts`/],
      [{ ...good, dialects: ['asymmetric-jwt'] }, /wanted a replay memory/], [{ ...good, dialects: ['http-signature'], claim: ownClaims() }, /wanted the public address/],
      [{ ...good, publicUrl: 'api.example' }, /public address/], [{ ...good, bodyLimit: 0 }, /bodyLimit/], [{ ...good, keys: 7 }, /keys: wanted a function/],
      [{ ...good, replay: 'redis' }, /replay: wanted process/], [{ ...good, require: ['everything'] }, /require: wanted/],
      [{ ...good, dialects: ['own-session'] }, /session/],
    ];
    for (const [options, message] of wrong) {
      assert.throws(() => new Verifier(options), (error) => {
        assert.match(error.message, message);
        return error.code === 'ERR_COUNTERSIGN_OPTION' && error instanceof TypeError;
      });
    }
    const signers = [
      [undefined, /wanted an object/], [{}, /./], [caller('skykit', { key: 'no key' }), /the private key/], [caller('skykit', { key: undefined }), /`key` or as `keyFile`/],
      [caller('skykit', { dialect: 'skykitt' }), /no such dialect/], [caller('skykit', { algorithm: 'HS256' }), /HS256/], [caller('skykit', { limit: -1 }), /limit/],
      [caller('skykit', { actinAs: 'x' }), /there is no `actinAs`/],
    ];
    for (const [options, message] of signers) {
      assert.throws(() => new Signer(options), (error) => {
        assert.match(error.message, message);
        return error.code === 'ERR_COUNTERSIGN_OPTION';
      });
    }
  });

  test('keys that are confined to networks want to know the client', async () => {
    const { of } = await import('./people.mjs');
    const accounts = `[[account]]\nname = "ops"\nidentifiers = { email = "ops@example.com" }\n[[account.key]]\nlabel = "k"\ndialects = ["skykit"]\nnetworks = ["127.0.0.0/8"]\npublic = '''${of('skykit').publicKey}'''\n`;
    const outside = { keys: undefined, claim: undefined, accounts, client: () => '192.0.2.1' };
    const inside = { ...outside, client: (request) => request.socket.remoteAddress };
    for (const [more, status] of [[inside, 200], [outside, 401], [{ ...outside, client: undefined }, 401], [{ ...outside, client: () => 'nowhere' }, 401]]) {
      const here = await open('http', ['skykit'], more);
      const response = await signedFetch(new Signer(caller('skykit')))(`${here.url}/x`);
      assert.ok(status === 200 ? response.status === 200 : [401, 403].includes(response.status), `${response.status} ${await response.text()} ${here.faults}`);
      await here.close();
    }
  });

  test('one process may remember uses by itself, and accounts may be described', async () => {
    const { of } = await import('./people.mjs');
    const described = `[[account]]\nname = "guido"\nidentifiers = { user = "guido" }\n[[account.key]]\nlabel = "k"\ndialects = ["asymmetric-jwt"]\npublic = '''${of('asymmetric-jwt').publicKey}'''\n`;
    const verifier = new Verifier({ dialects: ['asymmetric-jwt'], accounts: described, replay: 'process-takes-earlier' });
    const { headers } = await new Signer(caller('asymmetric-jwt')).prove({ url: 'http://any.example/x' });
    const parts = { method: 'GET', target: '/x', rawHeaders: headers.flat(), body: Buffer.alloc(0) };
    const first = await verifier.verify(parts);
    assert.equal(first.verified?.account, 'guido', JSON.stringify(first));
    assert.equal((await verifier.verify(parts)).refused.reason, 'replayed');
    verifier.describe(described.replace('"guido" }', '"barry" }'));
    assert.equal((await verifier.verify(parts)).refused.reason, 'unknown-account');
    assert.throws(() => verifier.describe('[[account]]\nnme = 1'), { code: 'ERR_COUNTERSIGN_OPTION' });
  });
});
