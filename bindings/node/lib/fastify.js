// Verification as a plugin of Fastify.
'use strict';

/**
 * A plugin: in the context it is registered in, and in those made inside it afterwards, who is verified goes on, with who it is at
 * `request.countersign`; everybody else is answered here.
 * @param {import('./verifier.js').Verifier} verifier
 */
function fastify(verifier) {
  async function countersign(instance) {
    if (!instance.hasRequestDecorator('countersign')) instance.decorateRequest('countersign', null);
    // The first hook there is: nothing has read the body yet, and nothing of the application has run.
    instance.addHook('onRequest', async (request, reply) => {
      request.countersign = null;
      const outcome = await verifier.judge(request.raw, request.originalUrl);
      if (!outcome.answer) {
        request.countersign = outcome.verified;
        return undefined;
      }
      const { status, headers, body, close } = outcome.answer;
      reply.code(status);
      for (const [name, value] of headers) reply.header(name, value);
      if (close) reply.header('connection', 'close');
      // As bytes: nothing is added to the type, and nothing is serialised.
      return reply.send(Buffer.from(body));
    });
  }
  // What fastify-plugin sets: the hook belongs to the context that registers the plugin.
  countersign[Symbol.for('skip-override')] = true;
  countersign[Symbol.for('fastify.display-name')] = 'countersign';
  countersign[Symbol.for('plugin-meta')] = { name: 'countersign', fastify: '>=4' };
  return countersign;
}

module.exports = { fastify };
