// Bodies as fetch takes them, made into bytes within a limit.
'use strict';

const { mistake } = require('./mistake.js');

/** Bytes of a body that is read to be signed, unless another limit is set: what verifiers read by themselves. */
const MOST = 1024 * 1024;

function tooLarge(limit) {
  const text = `the proof covers the body, which is larger than the limit of ${limit} bytes; raise \`limit\`, or send less`;
  return mistake('ERR_COUNTERSIGN_BODY', text, { type: TypeError });
}

/**
 * Reads a body whole.
 * @param {unknown} body anything that fetch sends
 * @param {number} limit bytes
 * @returns {Promise<{ bytes: Buffer, type: string | null }>} the bytes, and the content type that fetch would add
 */
async function readWhole(body, limit) {
  if (body === null || body === undefined) return { bytes: Buffer.alloc(0), type: null };
  // Sizes that are known are looked at before anything is copied.
  const known = typeof body === 'string' ? Buffer.byteLength(body) : (body.byteLength ?? body.size);
  if (typeof known === 'number' && known > limit) throw tooLarge(limit);
  // The platform's own reading: strings, buffers, forms, blobs, streams and async iterables alike.
  const response = new Response(body);
  const chunks = [];
  let length = 0;
  // Bounded by the limit: each round adds at least nothing and the sum may not pass it.
  for await (const chunk of response.body) {
    length += chunk.byteLength;
    if (length > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return { bytes: Buffer.concat(chunks, length), type: response.headers.get('content-type') };
}

/** The content type that fetch adds for a body which is not read here; `null`: none, or one that fetch has to make itself. */
function usualType(body) {
  if (typeof body === 'string') return 'text/plain;charset=UTF-8';
  if (body instanceof URLSearchParams) return 'application/x-www-form-urlencoded;charset=UTF-8';
  return body instanceof Blob && body.type ? body.type : null;
}

/** Whether a body can be sent a second time. */
function comesAgain(body) {
  return body === null || body === undefined || typeof body === 'string' || ArrayBuffer.isView(body)
    || body instanceof ArrayBuffer || body instanceof URLSearchParams || body instanceof Blob || body instanceof FormData;
}

module.exports = { MOST, comesAgain, readWhole, usualType };
