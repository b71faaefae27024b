// Verification before a handler of node:http; the frameworks' doors are made of its pieces.
'use strict';

/** Sends an answer of the verifier as it is, whatever a framework would make of it. */
function send(response, { status, headers, body, close }) {
  if (response.headersSent || response.destroyed) return;
  for (const [name, value] of headers) response.setHeader(name, value);
  // What is left of a body that is too large or too slow is not waited for.
  if (close) response.setHeader('connection', 'close');
  response.statusCode = status;
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
}

/**
 * A handler for `http.createServer` that lets requests through to another one once they are verified.
 * @param {import('./verifier.js').Verifier} verifier
 * @param {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void} handler
 */
function guarded(verifier, handler) {
  return async function countersign(request, response) {
    request.countersign = undefined;
    const outcome = await verifier.judge(request);
    if (outcome.answer) return send(response, outcome.answer);
    request.countersign = outcome.verified;
    return handler(request, response);
  };
}

module.exports = { guarded, send };
