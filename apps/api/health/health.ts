import { Controller, Get, Inject, Injectable, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Operation } from '../http/operation.js';
import { PARTS, type ApiParts } from '../parts.js';

const Live = z.object({ status: z.literal('ok') });
const Ready = z.object({ status: z.enum(['ok', 'draining', 'unavailable']), checks: z.record(z.string(), z.string()) });

/** Whether this process is on its way out. */
@Injectable()
export class Draining {
  active = false;
}

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

  @Get('ready')
  @Operation({
    tag: 'Health',
    summary: 'Requests can be taken',
    responses: { 200: { description: 'They can', schema: Ready }, 503: { description: 'They cannot', schema: Ready } },
  })
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const check = (work: Promise<unknown>) => work.then(() => 'ok').catch((error: Error) => error.message);
    const checks = {
      database: await check(this.parts.records.ping()),
      queue: await check(this.parts.jobs.count(['queued'])),
    };
    const well = Object.values(checks).every((state) => state === 'ok');
    const status = this.draining.active ? 'draining' : well ? 'ok' : 'unavailable';
    await reply.status(status === 'ok' ? 200 : 503).send({ status, checks });
  }
}
