import type { FastifyReply } from 'fastify';

/** Aborts when the client goes away before its answer is complete. */
export function disconnected(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const { raw } = reply;
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort();
  });
  if (raw.destroyed) controller.abort();
  return controller.signal;
}
