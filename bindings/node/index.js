// The package's door.
'use strict';

const { Signer } = require('./lib/signer.js');
const { signedFetch } = require('./lib/fetch.js');
const { thumbprint } = require('./lib/thumbprint.js');
const { Verifier } = require('./lib/verifier.js');
const { guarded } = require('./lib/http.js');
const { express } = require('./lib/express.js');
const { fastify } = require('./lib/fastify.js');

module.exports = { Signer, Verifier, express, fastify, guarded, signedFetch, thumbprint };
