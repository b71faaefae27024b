// The package's doors over the real frameworks: each answers a request with what it knows of it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import express5 from 'express';
import express4 from 'express4';
import Fastify from 'fastify';
import { express, fastify, guarded, Verifier } from 'countersign';
import { keys } from './people.mjs';
import { freePort, ownClaims } from './wire.mjs';

/** What a handler tells: who it was told, what it was asked and the body that a parser found. */
const told = (request, body) => ({ who: request.countersign, url: request.originalUrl ?? request.url, body });

function overExpress(framework) {
  return (verifier) => {
    const app = framework();
    // A router inside: its `url` is shortened, and what was signed is not.
    const inside = framework.Router();
    inside.use(express(verifier));
    inside.use(framework.json({ limit: '4mb' }));
    inside.use(framework.urlencoded({ extended: false, limit: '4mb' }));
    inside.use(framework.text({ type: () => true, limit: '4mb' }));
    inside.use((request, response) => response.json(told(request, request.body)));
    app.use('/api', inside);
    return createServer(app);
  };
}

export const DOORS = {
  http: (verifier) => createServer(guarded(verifier, async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.end(JSON.stringify(told(request, Buffer.concat(chunks).toString())));
  })),
  'express 5': overExpress(express5),
  'express 4': overExpress(express4),
  fastify: async (verifier) => {
    const app = Fastify({ bodyLimit: 4 * 1024 * 1024 });
    await app.register(fastify(verifier));
    app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => done(null, body));
    app.all('/api/*', async (request) => told(request, request.body));
    await app.ready();
    const { server } = app;
    server.app = app;
    return server;
  },
};

/**
 * Opens a door; gives its address and what it refused and failed at.
 * @param {keyof DOORS} name
 * @param {string[]} dialects
 */
export async function open(name, dialects, more = {}) {
  const port = await freePort();
  const refused = [];
  const faults = [];
  const verifier = new Verifier({
    dialects,
    publicUrl: `http://127.0.0.1:${port}`,
    keys,
    claim: ownClaims(),
    onRefused: (refusal) => refused.push(refusal.reason),
    onFault: (error) => faults.push(error),
    ...more,
  });
  const server = await DOORS[name](verifier);
  if (server.app) await server.app.listen({ port, host: '127.0.0.1' });
  else await once(server.listen(port, '127.0.0.1'), 'listening');
  const close = async () => {
    server.closeAllConnections();
    await (server.app ? server.app.close() : new Promise((resolve) => server.close(resolve)));
  };
  return { url: `http://127.0.0.1:${port}`, port, verifier, refused, faults, close };
}
