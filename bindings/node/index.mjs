// The same door for modules.
import countersign from './index.js';

export const { Signer, Verifier, express, fastify, guarded, signedFetch, thumbprint } = countersign;
