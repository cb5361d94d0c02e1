import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { gauge, renderMetrics } from '#platform';
import { Operation } from '../http/operation.js';
import { Needs } from '../identity/guard.js';
import { PARTS, type ApiParts } from '../parts.js';

const depth = gauge('tessera_queue_depth', 'Requests that are queued or running.');

@Controller('metrics')
export class MetricsController {
  constructor(@Inject(PARTS) private readonly parts: ApiParts) {}

  @Get()
  @Needs('admin')
  @Operation({
    tag: 'Health',
    summary: 'Metrics of this process, for Prometheus',
    responses: { 200: { description: 'Text format 0.0.4', types: ['text/plain'] } },
    errors: ['forbidden'],
  })
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    const { jobs } = this.parts;
    for (const state of ['queued', 'running'] as const) depth.set(await jobs.count([state]), { state });
    await reply.type('text/plain; version=0.0.4; charset=utf-8').send(await renderMetrics());
  }
}
