import type { FastifyInstance } from 'fastify';

/** Clients name JSON as the type of a body also where they send none: OpenAI's of PyPI does with DELETE and some POSTs. */
export function allowNoBody(fastify: Pick<FastifyInstance, 'addHook'>): void {
  fastify.addHook('onRequest', async ({ headers }) => {
    const empty = headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
    if (empty && headers['content-type']?.startsWith('application/json')) delete headers['content-type'];
  });
}
