import { once } from 'node:events';
import type { FastifyReply } from 'fastify';
import { toEnvelope, toTesseraError } from './errors.js';

const KEEP_ALIVE_MS = 15_000;

export interface ServerEvent {
  data: string;
  event?: string;
  id?: string;
}

/**
 * A stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) on a reply that Fastify no
 * longer manages. Writes wait for a slow client.
 */
export class EventStream {
  private readonly keepAlive: NodeJS.Timeout;

  constructor(private readonly reply: FastifyReply) {
    reply.hijack();
    const headers = {
      ...reply.getHeaders(),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
    };
    // Proxies of the nginx kind would hold events back.
    reply.raw.writeHead(200, { ...headers, 'x-accel-buffering': 'no' } as Record<string, string>);
    reply.raw.flushHeaders();
    this.keepAlive = setInterval(() => reply.raw.write(': keep-alive\n\n'), KEEP_ALIVE_MS).unref();
    reply.raw.once('close', () => clearInterval(this.keepAlive));
  }

  async send({ data, event, id }: ServerEvent): Promise<void> {
    const { raw } = this.reply;
    if (raw.destroyed) return;
    const lines = [...(id === undefined ? [] : [`id: ${id}`]), ...(event === undefined ? [] : [`event: ${event}`])];
    lines.push(...data.split('\n').map((line) => `data: ${line}`));
    if (!raw.write(`${lines.join('\n')}\n\n`)) await Promise.race([once(raw, 'drain'), once(raw, 'close')]);
  }

  async json(value: unknown, event?: string, id?: string): Promise<void> {
    await this.send({ data: JSON.stringify(value), event, id });
  }

  /** Tells what went wrong after the stream had begun, in the form of every error. */
  async fail(thrown: unknown, event?: string): Promise<void> {
    await this.json(toEnvelope(toTesseraError(thrown)).body, event);
  }

  end(): void {
    clearInterval(this.keepAlive);
    this.reply.raw.end();
  }
}
