import type { FastifyInstance } from 'fastify';
import { createLogger } from '#platform';

const log = createLogger('http');

/** One line a request, with the ids that tie it to its job. Paths only: queries may hold what is nobody's business. */
export function logRequests(fastify: Pick<FastifyInstance, 'addHook'>): void {
  fastify.addHook('onResponse', async (request, reply) => {
    log.info(
      {
        request: request.id,
        method: request.method,
        path: request.url.split('?')[0],
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        job: reply.getHeader('x-job-id'),
      },
      'request',
    );
  });
}
