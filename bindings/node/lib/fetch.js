// A drop-in fetch that signs what it sends.
'use strict';

const { comesAgain, readWhole, usualType } = require('./body.js');
const { mistake } = require('./mistake.js');

/** Redirects that are followed at most: as many as the fetch standard allows. */
const MOST_REDIRECTS = 20;
/** Bytes of a refusal that are read to learn why. */
const LONGEST_REFUSAL = 64 * 1024;
/** Milliseconds in which it has to be there. */
const REFUSAL_TIME = 2_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** What describes a body, and goes with it when a redirect turns a request into a GET. */
const OF_A_BODY = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length', 'content-digest'];

/**
 * A fetch that signs each request.
 *
 * A redirect within the origin is signed anew and followed; one that leads to another origin is refused, since the proof and the API key
 * beside it are meant for this one.
 * @param {import('./signer.js').Signer} signer
 * @param {{ fetch?: typeof fetch }} [options] another fetch, such as that of the package undici
 * @returns {typeof fetch}
 */
function signedFetch(signer, { fetch: send = globalThis.fetch } = {}) {
  return async function fetch(input, init = {}) {
    const asked = await taken(signer, input, init ?? {});
    const origin = new URL(asked.url).origin;
    for (let followed = 0; ; followed += 1) {
      let response = await once(signer, send, asked);
      if (comesAgain(asked.body) && (await taught(signer, response))) {
        // Not waited for, here and below: it ends with the connection, whenever that is.
        response.body?.cancel().catch(() => {});
        response = await once(signer, send, asked);
      }
      const next = asked.redirect === 'manual' ? null : leads(response, asked.url);
      if (next === null) return response;
      // The connection is free for the next request only when nobody waits for the rest.
      response.body?.cancel().catch(() => {});
      if (asked.redirect === 'error') throw redirected('redirects are not wanted here', response, next);
      if (next.origin !== origin) {
        throw redirected('it is another origin, for which the proof is not meant; ask there by itself', response, next);
      }
      if (followed === MOST_REDIRECTS) throw redirected(`${MOST_REDIRECTS} redirects were followed already`, response, next);
      follow(asked, response, next);
    }
  };
}

/** The request in parts that can be signed and sent more than once. */
async function taken(signer, input, init) {
  const given = typeof input === 'object' && input !== null && !(input instanceof URL) && 'url' in input ? input : null;
  const url = new URL(given ? given.url : input);
  url.hash = '';
  if (url.username || url.password) {
    throw mistake('ERR_COUNTERSIGN_ADDRESS', 'wanted an address without a name and a password in it', { type: TypeError });
  }
  const method = normal(init.method ?? given?.method ?? 'GET');
  const headers = new Headers(init.headers ?? given?.headers);
  let body = init.body ?? given?.body ?? null;
  if (body !== null && (method === 'GET' || method === 'HEAD')) {
    throw mistake('ERR_COUNTERSIGN_BODY', `wanted no body with ${method}: fetch sends none`, { type: TypeError });
  }
  if (body !== null && signer.coversBody) {
    const { bytes, type } = await readWhole(body, signer.limit);
    body = bytes;
    if (type !== null && !headers.has('content-type')) headers.set('content-type', type);
  } else if (body !== null && !headers.has('content-type')) {
    const type = usualType(body);
    if (type !== null) headers.set('content-type', type);
  }
  const { method: _, headers: __, body: ___, redirect, signal, ...rest } = init;
  return {
    url: url.href,
    method,
    headers,
    body,
    redirect: redirect ?? given?.redirect ?? 'follow',
    signal: signal === undefined ? given?.signal : signal,
    rest,
  };
}

/** Signs and sends it. */
async function once(signer, send, { url, method, headers, body, signal, rest }) {
  signal?.throwIfAborted();
  const made = await signer.prove({ method, url, headers, body: signer.coversBody ? body : null });
  const signed = new Headers(headers);
  for (const [name, value] of made.headers) signed.set(name, value);
  const what = made.body ?? body;
  const init = { ...rest, method, headers: [...signed], body: what, redirect: 'manual', signal };
  if (what !== null && !comesAgain(what)) init.duplex = 'half';
  return send(made.url, init);
}

/** Whether an answer refused the proof for the time of this machine's clock, which is corrected now. */
async function taught(signer, response) {
  if (response.status !== 401 && response.status !== 403) return false;
  // Only a problem document says what it is about; nothing else is waited for.
  const told = /^application\/(problem\+)?json\b/i.test(response.headers.get('content-type') ?? '');
  const body = told ? await start(response.clone()) : Buffer.alloc(0);
  // What came late says nothing: by then this clock has gone on.
  if (body === null) return false;
  try {
    return signer.learn(response, body);
  } catch (error) {
    throw mistake('ERR_COUNTERSIGN_CLOCK', error.message, { cause: error });
  }
}

/** The first part of an answer; `null` when it does not come at once. */
async function start(response) {
  if (response.body === null) return Buffer.alloc(0);
  const chunks = [];
  let length = 0;
  const reader = response.body.getReader();
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, REFUSAL_TIME, null);
  });
  // Bounded by the limit: what is longer is no refusal of ours, and so is what does not end.
  while (length <= LONGEST_REFUSAL) {
    const read = await Promise.race([reader.read(), late]);
    if (read === null) length = Infinity;
    if (read === null || read.done) break;
    chunks.push(read.value);
    length += read.value.byteLength;
  }
  clearTimeout(timer);
  // Not waited for: a copy is given up only when the answer it was made of is.
  reader.cancel().catch(() => {});
  return length > LONGEST_REFUSAL ? null : Buffer.concat(chunks);
}

/** Where an answer leads to; `null`: nowhere. */
function leads(response, from) {
  if (!REDIRECTS.has(response.status)) return null;
  const location = response.headers.get('location');
  if (location === null) return null;
  let next;
  try {
    next = new URL(location, from);
  } catch (error) {
    throw mistake('ERR_COUNTERSIGN_REDIRECT', 'the answer leads to what is no address', { type: TypeError, cause: error });
  }
  next.hash = '';
  return next;
}

/** Turns the request into the one that the answer asks for, as the fetch standard does. */
function follow(asked, response, next) {
  const { status } = response;
  const becomesGet = ((status === 301 || status === 302) && asked.method === 'POST')
    || (status === 303 && asked.method !== 'GET' && asked.method !== 'HEAD');
  if (becomesGet) {
    asked.method = 'GET';
    asked.body = null;
    for (const name of OF_A_BODY) asked.headers.delete(name);
  } else if (!comesAgain(asked.body)) {
    throw redirected('the body was a stream, which cannot be sent twice', response, next);
  }
  asked.url = next.href;
}

function redirected(why, response, next) {
  const text = `the answer ${response.status} leads to ${next.origin}${next.pathname}, which was not followed: ${why}`;
  return mistake('ERR_COUNTERSIGN_REDIRECT', text, { type: TypeError, location: next.href, status: response.status });
}

/** A method as fetch spells it: six are written in capitals, the others stay as they are. */
function normal(method) {
  const large = String(method).toUpperCase();
  return ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'].includes(large) ? large : String(method);
}

module.exports = { signedFetch };
