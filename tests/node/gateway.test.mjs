// The signer before the real server's gateway, and the package's answers beside the server's.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fetch as undiciFetch } from 'undici';
import { Signer, signedFetch } from 'countersign';
import { open } from './doors.mjs';
import { Installation } from './installation.mjs';
import { caller, PEOPLE } from './people.mjs';
import { refusals, roundTrips } from './requests.mjs';

let server;
before(async () => {
  server = await Installation.start();
});
after(() => server?.stop());

/** What the echo behind the gateway saw. */
async function echoed(response) {
  assert.equal(response.status, 200, await response.clone().text());
  const echo = await response.json();
  const account = echo.headers.find(([name]) => name === 'x-countersign-account')?.[1];
  return { account, body: Buffer.from(echo.body_b64, 'base64').toString(), target: echo.target };
}

describe('before the gateway', async () => {
  await roundTrips(test, async (dialect) => ({ base: `${server.public}/${dialect}`, seen: echoed }));

  test('the fetch of the package undici signs as well', async () => {
    const fetch = signedFetch(new Signer(caller('http-signature')), { fetch: undiciFetch });
    const found = await echoed(await fetch(`${server.public}/http-signature/x`, { method: 'POST', body: 'of undici' }));
    assert.deepEqual([found.account, found.body], ['http-signature-account', 'of undici']);
  });

  test('a Request that was signed is sent by any fetch', async () => {
    const signer = new Signer(caller('http-signature'));
    const request = new Request(`${server.public}/http-signature/x`, { method: 'POST', body: 'a body' });
    assert.equal((await echoed(await fetch(await signer.sign(request)))).body, 'a body');
  });
});

/** What of an answer must be the same, whoever gives it: all but names of ours for this one refusal, times, and the connection's own. */
async function comparable(response) {
  const own = ['countersign-reject', 'countersign-time', 'date', 'connection', 'keep-alive', 'content-length', 'x-powered-by', 'transfer-encoding'];
  const headers = [...response.headers].filter(([name]) => !own.includes(name));
  for (const name of ['countersign-reject', 'countersign-time', 'date']) assert.ok(response.headers.get(name), `no ${name}`);
  return { status: response.status, headers, body: await response.text() };
}

for (const door of ['http', 'express 5', 'express 4', 'fastify']) {
  describe(`${door} answers as the server does`, () => {
    for (const { dialect } of PEOPLE) {
      test(dialect, async () => {
        const here = await open(door, [dialect]);
        try {
          for (const [name, status, code, send] of refusals(dialect)) {
            const theirs = await comparable(await send(`${server.public}/${dialect}/x?a=1`));
            const ours = await comparable(await send(`${here.url}/api/x?a=1`));
            assert.deepEqual(ours, theirs, name);
            assert.equal(ours.status, status, name);
            if (code) assert.equal(JSON.parse(ours.body).code, code, name);
          }
          assert.deepEqual(here.faults, []);
        } finally {
          await here.close();
        }
      });
    }
  });
}
