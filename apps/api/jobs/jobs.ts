import { Controller, Delete, Get, Headers, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { JobState } from '#contracts';
import { disconnected } from '../http/disconnect.js';
import { Operation } from '../http/operation.js';
import { EventStream } from '../http/sse.js';
import { pageLimit, requireBehind } from '../http/page.js';
import { ZodPipe } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { PARTS, type ApiParts } from '../parts.js';
import { Requests } from '../requests.js';
import { targetOf } from '../webhooks/target.js';
import { JobReply } from './reply.js';
import { JobList, JobResource, toResource } from './resource.js';

/** Requests that are read at once. */
const PAGE = 100;

const ListQuery = z.object({
  limit: pageLimit,
  after: z.string().optional().describe('Id of the last job of the page before.'),
  status: JobState.optional(),
});

const PurgeQuery = z.object({
  status: z.enum(['failed', 'cancelled']).describe('Which jobs are forgotten.'),
  before: z.coerce
    .number<string>()
    .int()
    .positive()
    .optional()
    .describe('Only those that ended before this Unix time.'),
});
const Purged = z.object({ object: z.literal('jobs.purged'), deleted: z.number().int() });

@Controller('v1/jobs')
export class JobsController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Requests) private readonly requests: Requests,
    @Inject(JobReply) private readonly reply: JobReply,
  ) {}

  @Get()
  @Operation({
    tag: 'Jobs',
    summary: 'List jobs, newest first',
    query: ListQuery,
    responses: { 200: { description: 'A page of jobs', schema: JobList } },
    errors: ['invalid_request'],
  })
  async list(@Query(new ZodPipe(ListQuery)) query: z.output<typeof ListQuery>, @Req() request: FastifyRequest) {
    const { tenant } = identityOf(request);
    const { limit, status: wanted } = query;
    const data: JobResource[] = [];
    for await (const { record, status } of this.jobsOf(tenant, query.after)) {
      if (wanted && status.state !== wanted) continue;
      if (data.length === limit) return { object: 'list' as const, data, has_more: true };
      data.push(toResource(record, status));
    }
    return { object: 'list' as const, data, has_more: false };
  }

  @Delete()
  @Operation({
    tag: 'Jobs',
    summary: 'Forget failed or cancelled jobs',
    description: 'Those of the caller. They can be neither read nor run again afterwards.',
    query: PurgeQuery,
    responses: { 200: { description: 'How many were forgotten', schema: Purged } },
  })
  async purge(
    @Query(new ZodPipe(PurgeQuery)) { status: wanted, before }: z.output<typeof PurgeQuery>,
    @Req() request: FastifyRequest,
  ): Promise<z.infer<typeof Purged>> {
    const { jobs, records } = this.parts;
    const until = before === undefined ? Infinity : before * 1000;
    const ended: string[] = [];
    for await (const { id, status } of this.jobsOf(identityOf(request).tenant))
      if (status.state === wanted && (status.finishedAt?.getTime() ?? 0) < until) ended.push(id);
    // Afterwards: a page begins behind the last one of the page before, which has to be there still.
    for (const id of ended) {
      await jobs.remove(id);
      await records.deleteRequest(id);
    }
    return { object: 'jobs.purged', deleted: ended.length };
  }

  /** Jobs of a tenant that are still known, newest first. */
  private async *jobsOf(tenant: string, after?: string) {
    for (let before = after; ;) {
      const records = await this.parts.records.listRequests(tenant, { limit: PAGE, before });
      if (before === after) await requireBehind(after, records, (id) => this.parts.records.getRequest(tenant, id));
      for (const record of records) {
        before = record.id;
        const status = await this.parts.jobs.status(record.id).catch(() => undefined);
        if (status) yield { id: record.id, record, status };
      }
      if (records.length < PAGE) return;
    }
  }

  @Get(':id')
  @Operation({
    tag: 'Jobs',
    summary: 'Get a job, with its result once it is completed',
    responses: { 200: { description: 'The job', schema: JobResource } },
    errors: ['job_not_found'],
  })
  get(@Param('id') id: string, @Req() request: FastifyRequest): Promise<JobResource> {
    return this.reply.resource(request, id);
  }

  @Get(':id/events')
  @Operation({
    tag: 'Jobs',
    summary: 'Follow a job',
    description:
      'Server-sent events of the types state, progress, segment and token, from the beginning or behind `Last-Event-ID`, until the job has ended.',
    responses: { 200: { description: 'Events', types: ['text/event-stream'] } },
    errors: ['job_not_found'],
  })
  async events(
    @Param('id') id: string,
    @Headers('last-event-id') after: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.requests.own(request, id);
    await this.parts.jobs.status(id);
    const signal = disconnected(reply);
    const stream = new EventStream(reply);
    try {
      for await (const entry of this.parts.jobs.events(id, { after, signal }))
        await stream.json(entry.event, entry.event.type, entry.id);
    } catch (error) {
      if (!signal.aborted) await stream.fail(error, 'error');
    } finally {
      stream.end();
    }
  }

  @Delete(':id')
  @Operation({
    tag: 'Jobs',
    summary: 'Cancel a job',
    description: 'Running work stops within a second. A job that has ended stays as it is.',
    responses: { 200: { description: 'The job', schema: JobResource } },
    errors: ['job_not_found'],
  })
  async cancel(@Param('id') id: string, @Req() request: FastifyRequest): Promise<JobResource> {
    await this.requests.own(request, id);
    await this.parts.jobs.cancel(id);
    return this.reply.resource(request, id);
  }

  @Post(':id/retry')
  @HttpCode(202)
  @Operation({
    tag: 'Jobs',
    summary: 'Run a failed or cancelled job again, as a new job',
    responses: { 202: { description: 'The new job', schema: JobResource } },
    errors: ['job_not_found', 'conflict'],
  })
  async retry(@Param('id') id: string, @Req() request: FastifyRequest): Promise<JobResource> {
    const record = await this.requests.own(request, id);
    targetOf(request, this.parts.config);
    const again = await this.requests.runAgain(record);
    await this.requests.announce(request, again);
    return this.reply.resource(request, again);
  }
}
