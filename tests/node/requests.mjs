// Requests that every judge in these tests is asked, the real gateway and the package's doors alike.
import assert from 'node:assert/strict';
import { Signer, signedFetch } from 'countersign';
import { caller, of, PEOPLE, stranger } from './people.mjs';

/** A request in each way that fetch sends bodies. */
const BODIES = {
  none: {},
  json: { method: 'POST', body: JSON.stringify({ hello: 'wörld' }), headers: { 'content-type': 'application/json' } },
  buffer: { method: 'PUT', body: Buffer.from('plain bytes'), headers: { 'content-type': 'text/plain' } },
  form: { method: 'POST', body: new URLSearchParams({ a: '1 2', b: 'ü' }) },
  blob: { method: 'POST', body: new Blob(['of a blob'], { type: 'text/x-blob' }) },
  empty: { method: 'POST', body: '' },
};

/** What a body is on the wire. */
async function text(body) {
  return body === undefined ? '' : new Response(body).text();
}

/**
 * Every dialect there and back.
 * @param {(dialect: string) => Promise<{ base: string, seen: (response: Response) => Promise<{ account: string, body: string, target: string }> }>} judge
 */
export async function roundTrips(test, judge) {
  for (const { dialect, account } of PEOPLE) {
    await test(`${dialect}: every kind of body comes through`, async () => {
      const { base, seen } = await judge(dialect);
      const fetch = signedFetch(new Signer(caller(dialect)));
      for (const [kind, init] of Object.entries(BODIES)) {
        const target = '/things/1?page=2&q=a%20b';
        const response = await fetch(`${base}${target}#not-sent`, init);
        const found = await seen(response);
        assert.equal(found.account, account, kind);
        assert.equal(found.body, await text(init.body), kind);
        assert.ok(found.target.endsWith(target), found.target);
      }
    });
  }
}

/** What must be refused, with the status and the outward code of each: `[name, status, code, send]`. */
export function refusals(dialect) {
  const status = dialect === 'skillhive' ? 403 : 401;
  const sign = async (url, init, options = {}) => new Signer(caller(dialect, options)).sign(new Request(url, init));
  const post = { method: 'POST', body: '{"amount":1}', headers: { 'content-type': 'application/json' } };
  const list = [
    ['no proof', status, 'missing-credentials', async (url) => fetch(url)],
    ['a stranger\'s key', status, 'refused', async (url) => fetch(await sign(url, {}, { key: stranger(dialect) }))],
    ['an unknown caller', status, 'refused', async (url) => {
      const options = dialect === 'http-signature' ? { key: stranger(dialect) } : { identifier: of(dialect).identifier.replace(/.$/, '0') };
      return fetch(await sign(url, {}, options));
    }],
    ['a changed signature', status, 'refused', async (url) => {
      const request = await sign(url, {});
      const header = { skillhive: 'api-signature', 'http-signature': 'signature' }[dialect] ?? 'authorization';
      const value = request.headers.get(header);
      const at = value.length - 20;
      request.headers.set(header, value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1));
      return fetch(request);
    }],
  ];
  if (dialect === 'skillhive' || dialect === 'http-signature') {
    const code = dialect === 'skillhive' ? 'refused' : null;
    list.push(
      ['a changed body', dialect === 'skillhive' ? status : 401, code, async (url) => {
        const request = await sign(url, post);
        return fetch(url, { method: 'POST', headers: request.headers, body: '{"amount":2}' });
      }],
      ['a changed query', status, 'refused', async (url) => {
        const request = await sign(url, post);
        return fetch(`${url}&more=1`, { method: 'POST', headers: request.headers, body: post.body });
      }],
    );
  }
  if (dialect === 'asymmetric-jwt' || dialect === 'http-signature') {
    list.push(['a proof that was used', status, 'replayed', async (url) => {
      const request = await sign(url, {});
      const first = await fetch(url, { headers: request.headers });
      assert.equal(first.status, 200, await first.text());
      return fetch(url, { headers: request.headers });
    }]);
  }
  return list;
}
