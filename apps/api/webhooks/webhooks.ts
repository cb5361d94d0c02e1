import { Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { TesseraError } from '#contracts';
import type { DeliveryRecord } from '#storage';
import { Operation } from '../http/operation.js';
import { pageLimit, pageOf, requireBehind, toPage } from '../http/page.js';
import { ZodPipe } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { PARTS, type ApiParts } from '../parts.js';
import { EVENTS } from './event.js';
import { WebhookSender } from './sender.js';
import { noSecret } from './target.js';

const State = z.enum(['waiting', 'pending', 'delivered', 'failed']);

export const DeliveryResource = z.object({
  id: z.string().describe('The `webhook-id` of every attempt.'),
  object: z.literal('webhook.delivery'),
  job_id: z.string(),
  url: z.string(),
  event: z.enum(EVENTS).nullable().describe('Null until the job has ended.'),
  status: State.describe('waiting for the job; pending: being tried; failed: tried no more.'),
  attempts: z
    .array(
      z.object({
        at: z.string().describe('ISO 8601.'),
        status: z.number().nullable().describe('HTTP status of the answer.'),
        error: z.string().nullable(),
        ms: z.number(),
      }),
    )
    .describe('The last 20.'),
  next_attempt_at: z.number().nullable().describe('Unix time in seconds.'),
  created_at: z.number(),
  delivered_at: z.number().nullable(),
});
export type DeliveryResource = z.infer<typeof DeliveryResource>;
const DeliveryList = pageOf(DeliveryResource);

const ListQuery = z.object({
  limit: pageLimit,
  after: z.string().optional().describe('Id of the last delivery of the page before.'),
  job: z.string().optional().describe('Only the deliveries of this job.'),
  status: State.optional(),
});

const seconds = (date: Date) => Math.floor(date.getTime() / 1000);

const toResource = (delivery: DeliveryRecord): DeliveryResource => ({
  id: delivery.id,
  object: 'webhook.delivery',
  job_id: delivery.job,
  url: delivery.url,
  event: delivery.event as DeliveryResource['event'],
  status: delivery.state,
  attempts: delivery.attempts,
  next_attempt_at: delivery.state === 'pending' ? seconds(delivery.nextAt) : null,
  created_at: seconds(delivery.createdAt),
  delivered_at: delivery.deliveredAt && seconds(delivery.deliveredAt),
});

@Controller('v1/webhooks/deliveries')
export class WebhooksController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(WebhookSender) private readonly sender: WebhookSender,
  ) {}

  @Get()
  @Operation({
    tag: 'Webhooks',
    summary: 'List messages to webhooks, newest first, with every attempt',
    query: ListQuery,
    responses: { 200: { description: 'A page of deliveries', schema: DeliveryList } },
    errors: ['invalid_request'],
  })
  async list(@Query(new ZodPipe(ListQuery)) query: z.output<typeof ListQuery>, @Req() request: FastifyRequest) {
    const { limit, after, job, status } = query;
    const page = { limit: limit + 1, before: after, job, state: status };
    const { tenant } = identityOf(request);
    const { deliveries } = this.parts.records;
    const found = await deliveries.list(tenant, page);
    await requireBehind(after, found, (id) => deliveries.get(tenant, id));
    return toPage(found.map(toResource), limit);
  }

  @Post(':id/redeliver')
  @HttpCode(202)
  @Operation({
    tag: 'Webhooks',
    summary: 'Send a message again, at once',
    description: 'With the same id and bytes as before and a new timestamp; failed attempts are repeated as at first.',
    responses: { 202: { description: 'The delivery', schema: DeliveryResource } },
    errors: ['invalid_request', 'not_found', 'conflict'],
  })
  async redeliver(@Param('id') id: string, @Req() request: FastifyRequest): Promise<DeliveryResource> {
    const { tenant } = identityOf(request);
    if (!this.sender.sends) throw noSecret();
    const { deliveries } = this.parts.records;
    const again = await deliveries.redeliver(tenant, id);
    if (again) {
      void this.sender.sendDue();
      return toResource(again);
    }
    const known = await deliveries.get(tenant, id);
    if (!known) throw new TesseraError('not_found', `There is no delivery ${id}.`, { param: id });
    throw new TesseraError('conflict', `The delivery ${id} holds no message: its job has not ended, or is gone.`);
  }
}
