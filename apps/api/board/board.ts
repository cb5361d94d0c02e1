import { createBullBoard } from '@bull-board/api';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { TesseraError } from '#contracts';
import { toEnvelope } from '../http/errors.js';
import type { Callers } from '../identity/callers.js';
import { RequestsQueue, type RequestsParts } from './requests-queue.js';

/** Where the board is. */
export const BOARD = '/admin/queues';

/** The page names its own base; it has data in a script that is not run, and styles of its own. Google's fonts stay away. */
const POLICY =
  "default-src 'self';style-src 'self' 'unsafe-inline';img-src 'self' data:;object-src 'none';base-uri 'self';form-action 'none';frame-ancestors 'none'";

/** Browsers ask their user for a name and a password: the password is the key. */
function keyOf({ headers }: FastifyRequest): { authorization: string | undefined; apiKey: string | undefined } {
  const [, basic] = /^Basic\s+(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  const password = basic && Buffer.from(basic, 'base64').toString().split(':').slice(1).join(':');
  const header = headers['x-api-key'];
  return {
    authorization: basic ? undefined : headers.authorization,
    apiKey: password || (typeof header === 'string' ? header : undefined),
  };
}

async function judge(callers: Callers, request: FastifyRequest): Promise<void> {
  const { authorization, apiKey } = keyOf(request);
  callers.permit(await callers.identify(authorization, apiKey), 'admin');
  // A browser sends the password along for whatever page asks; other pages have no business here.
  const site = request.headers['sec-fetch-site'];
  if (request.method !== 'GET' && site !== undefined && site !== 'same-origin')
    throw new TesseraError('forbidden', 'The board is used from its own page only.');
}

/** Bull Board (https://github.com/felixmosh/bull-board) under a key of the scope `admin`: requests, dead letters, and the queues below. */
export async function mountBoard(fastify: FastifyInstance, callers: Callers, parts: RequestsParts): Promise<void> {
  const serverAdapter = new FastifyAdapter().setBasePath(BOARD);
  createBullBoard({
    queues: [new RequestsQueue(parts), ...(await parts.jobs.boardQueues())],
    serverAdapter,
    options: { uiConfig: { boardTitle: 'Tessera', hideDocsLink: true } },
  });
  await fastify.register(async (scope) => {
    scope.addHook('onRequest', async (request, reply) => {
      reply.header('content-security-policy', POLICY);
      try {
        await judge(callers, request);
      } catch (error) {
        return refuse(reply, TesseraError.from(error));
      }
    });
    await scope.register(serverAdapter.registerPlugin(), { prefix: BOARD });
  });
}

function refuse(reply: FastifyReply, error: TesseraError): FastifyReply {
  const { status, body } = toEnvelope(error);
  if (status === 401) reply.header('www-authenticate', 'Basic realm="Tessera, with an admin key as the password"');
  return reply.status(status).send(body);
}
