// Verification as a middleware of Express, or of anything that takes `(request, response, next)`.
'use strict';

const { send } = require('./http.js');

/**
 * A middleware: who is verified goes on, with who it is at `request.countersign`; everybody else is answered here.
 *
 * Put it before `express.json()` and other parsers of bodies, which find the body as it came.
 * @param {import('./verifier.js').Verifier} verifier
 */
function express(verifier) {
  return function countersign(request, response, next) {
    request.countersign = undefined;
    verifier.judge(request).then((outcome) => {
      if (outcome.answer) return send(response, outcome.answer);
      request.countersign = outcome.verified;
      return next();
    }).catch(next);
  };
}

module.exports = { express };
