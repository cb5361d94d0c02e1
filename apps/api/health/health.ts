import { Controller, Get, Inject, Injectable, Res, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Server } from 'node:http';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { readiness } from '#platform';
import { Operation } from '../http/operation.js';
import { Public } from '../identity/guard.js';
import { PARTS, type ApiParts } from '../parts.js';

const Live = z.object({ status: z.literal('ok') });
const Ready = z.object({ status: z.enum(['ok', 'draining', 'unavailable']), checks: z.record(z.string(), z.string()) });

/**
 * The way out: from `close` on the process says that it is leaving, takes no new requests, and lets those that run end. What is
 * left after the time for that is cut off.
 */
@Injectable()
export class Draining implements OnModuleDestroy {
  active = false;

  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  onModuleDestroy(): void {
    this.active = true;
    const server = this.host.httpAdapter.getHttpServer() as Server;
    setTimeout(() => server.closeAllConnections(), this.parts.config.http.drainSeconds * 1000).unref();
  }
}

@Public()
@Controller('health')
export class HealthController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Draining) private readonly draining: Draining,
  ) {}

  @Get('live')
  @Operation({
    tag: 'Health',
    summary: 'The process runs',
    responses: { 200: { description: 'It does', schema: Live } },
  })
  live(): z.infer<typeof Live> {
    return { status: 'ok' };
  }

  @Get('startup')
  @Operation({
    tag: 'Health',
    summary: 'The process has started',
    description: 'Nobody listens before the stores are open and the models are installed.',
    responses: { 200: { description: 'It has', schema: Live } },
  })
  startup(): z.infer<typeof Live> {
    return { status: 'ok' };
  }

  @Get('ready')
  @Operation({
    tag: 'Health',
    summary: 'Requests can be taken',
    responses: { 200: { description: 'They can', schema: Ready }, 503: { description: 'They cannot', schema: Ready } },
  })
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const { records, jobs } = this.parts;
    const checks = { database: () => records.ping(), queue: () => jobs.count(['queued']) };
    const ready = await readiness(checks, this.draining.active);
    await reply.status(ready.status === 'ok' ? 200 : 503).send(ready);
  }
}
