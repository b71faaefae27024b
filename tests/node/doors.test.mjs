// The package's doors over the real frameworks, with its own signer before them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Signer, signedFetch } from 'countersign';
import { DOORS, open } from './doors.mjs';
import { caller, of, stranger } from './people.mjs';
import { roundTrips } from './requests.mjs';
import { raw } from './wire.mjs';

/** A token that lived for a second, and has ended; this dialect's are for any address. */
const past = new Signer(caller('skykit', { settings: { make_life: '1s' } }))
  .sign(new Request('http://any.example/'))
  .then(async ({ headers }) => {
    await new Promise((resolve) => setTimeout(resolve, 2100));
    return headers;
  });

for (const door of Object.keys(DOORS)) {
  describe(door, async () => {
    const opened = new Map();
    const at = async (...dialects) => {
      const name = dialects.join();
      if (!opened.has(name)) opened.set(name, await open(door, dialects));
      return opened.get(name);
    };
    const json = async (response) => {
      assert.equal(response.status, 200, await response.clone().text());
      return response.json();
    };

    await roundTrips(test, async (dialect) => ({
      base: `${(await at(dialect)).url}/api`,
      seen: async (response) => {
        const { who, url, body } = await json(response);
        assert.equal(who.dialect, dialect);
        assert.equal(who.actingAs, of(dialect).actingAs);
        // Parsers give objects; what was sent is compared in their words.
        const found = typeof body === 'string' ? body : written(body, response);
        return { account: who.account, body: found ?? '', target: url };
      },
    }));

    /** The text that a parsed body came from. */
    function written(body) {
      if (body === null || body === undefined) return '';
      if ('hello' in body) return JSON.stringify(body);
      return Object.keys(body).length === 0 ? '' : new URLSearchParams(body).toString();
    }

    test('who it is cannot be brought along', async () => {
      const here = await at('skykit');
      const { who } = await json(await signedFetch(new Signer(caller('skykit')))(`${here.url}/api/x`, { headers: { countersign: 'root' } }));
      assert.equal(who.account, 'skykit-account');
      assert.deepEqual(Object.keys(who).sort(), [
        'account', 'accountId', 'algorithm', 'at', 'covered', 'dialect', 'fingerprint', 'identifier', 'keyId', 'keyLabel',
      ]);
    });

    test('reasons are the program\'s to know', async () => {
      const here = await at('asymmetric-jwt');
      here.refused.length = 0;
      const signed = async (options) => (await new Signer(caller('asymmetric-jwt', options)).sign(new Request(`${here.url}/api/x`))).headers;
      const send = async (headers) => (await fetch(`${here.url}/api/x`, { headers })).status;
      const good = await signed();
      assert.equal(await send(good), 200);
      assert.equal(await send(good), 401);
      assert.equal(await send(await signed({ identifier: 'nobody' })), 401);
      assert.equal(await send(await signed({ key: stranger('asymmetric-jwt') })), 401);
      assert.deepEqual(here.refused, ['replayed', 'unknown-account', 'bad-signature']);
    });

    test('a credential that comes twice is refused, and headers are seen as they came', async () => {
      const here = await at('skykit');
      const { headers } = await new Signer(caller('skykit')).prove({ url: `${here.url}/api/x` });
      const [[name, value]] = headers;
      const lines = (...more) => ['GET /api/x HTTP/1.1', `host: 127.0.0.1:${here.port}`, 'connection: close', ...more, '', ''].join('\r\n');
      here.refused.length = 0;
      assert.match(await raw(here.port, lines(`${name}: ${value}`)), /^HTTP\/1\.1 200 /);
      assert.match(await raw(here.port, lines(`${name}: ${value}`, `${name.toUpperCase()}: ${value}`)), /^HTTP\/1\.1 401 /);
      assert.deepEqual(here.refused, ['ambiguous-credentials']);
    });

    test('the address is judged byte for byte', async () => {
      const here = await at('http-signature');
      const signer = new Signer(caller('http-signature'));
      const ask = async (signed, sent) => {
        const { headers } = await signer.prove({ url: `${here.url}${signed}` });
        const lines = headers.map(([name, value]) => `${name}: ${value}`);
        const answer = await raw(here.port, [`GET ${sent} HTTP/1.1`, `host: 127.0.0.1:${here.port}`, 'connection: close', ...lines, '', ''].join('\r\n'));
        return Number(answer.slice(9, 12));
      };
      for (const path of ['/api/a%20b?q=%2F&q=+', '/api/%7Ea', '/api/a//b', '/api/x?']) assert.equal(await ask(path, path), 200, path);
      assert.equal(await ask('/api/~a', '/api/%7Ea'), 401);
      assert.equal(await ask('/api/a', '/api/a?'), 200, 'an empty query is none, as the server reads it');
      assert.equal(await ask('/api/x?a=1', '/api/x?a=2'), 401);
      // A target in absolute form names a host of its own; frameworks read its path, so it is judged as what it is.
      assert.notEqual(await ask('/api/x', `http://elsewhere.example/api/x`), 200);
    });

    test('what another host says is not believed', async () => {
      const here = await at('http-signature');
      const { headers } = await new Signer(caller('http-signature')).prove({ url: 'http://other.example/api/x' });
      const lines = headers.map(([name, value]) => `${name}: ${value}`);
      const answer = await raw(here.port, ['GET /api/x HTTP/1.1', 'host: other.example', 'connection: close', ...lines, '', ''].join('\r\n'));
      assert.match(answer, /^HTTP\/1\.1 401 /);
    });

    test('a proof whose time is over is refused as such', async () => {
      const here = await at('skykit');
      here.refused.length = 0;
      assert.equal((await fetch(`${here.url}/api/x`, { headers: await past })).status, 401);
      assert.deepEqual(here.refused, ['expired']);
    });

    test('is closed', async () => {
      for (const one of opened.values()) {
        assert.deepEqual(one.faults, []);
        await one.close();
      }
    });
  });
}
