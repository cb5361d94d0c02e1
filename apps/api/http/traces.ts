import type { FastifyInstance, FastifyRequest } from 'fastify';
import { beginWork, type TracedWork } from '#platform';

/** Asked for all the time, by machines. */
const UNTOLD = /^\/(health|metrics)\b/;

/** A span for each request, which goes on from its `traceparent`; what the request starts becomes a part of it. */
export function traceRequests(fastify: Pick<FastifyInstance, 'addHook'>): void {
  const works = new WeakMap<FastifyRequest, TracedWork>();
  fastify.addHook('onRequest', (request, reply, done) => {
    const path = request.url.split('?')[0] ?? '';
    const route = request.routeOptions.url ?? 'none';
    const work = UNTOLD.test(path)
      ? undefined
      : beginWork(`${request.method} ${route}`, {
          kind: 'server',
          from: request.headers,
          attributes: {
            'http.request.method': request.method,
            'http.route': route,
            'url.path': path,
            'tessera.request': request.id,
          },
        });
    if (!work) return done();
    works.set(request, work);
    // Also for streams, which Fastify is not told the end of.
    reply.raw.once('close', () => {
      const status = reply.raw.statusCode;
      const job = reply.getHeader('x-job-id');
      const attributes = {
        'http.response.status_code': status,
        ...(typeof job === 'string' ? { 'tessera.job': job } : {}),
      };
      work.end({ attributes, ...(status >= 500 ? { error: `status ${status}` } : {}) });
    });
    work.within(done);
  });
  // A body that has been read has left the context behind.
  fastify.addHook('preHandler', (request, _reply, done) => {
    const work = works.get(request);
    if (work) work.within(done);
    else done();
  });
}
