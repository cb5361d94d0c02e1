import type { FastifyInstance } from 'fastify';
import { createLogger, histogram } from '#platform';

const log = createLogger('http');
const seconds = histogram('tessera_http_request_seconds', 'Time from request to the end of its answer.');

/** One line a request, with the ids that tie it to its job. Paths only: queries may hold what is nobody's business. */
export function logRequests(fastify: Pick<FastifyInstance, 'addHook'>): void {
  fastify.addHook('onResponse', async (request, reply) => {
    // Routes, not paths: ids would make a series each.
    const route = request.routeOptions.url ?? 'none';
    seconds.observe(reply.elapsedTime / 1000, { method: request.method, route, status: reply.statusCode });
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
