import { randomBytes } from 'node:crypto';
import { Controller, Get, HttpCode, Inject, Param, Post, Query, Body, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { TesseraError } from '#contracts';
import type { BatchRecord } from '#storage';
import { toMarkedPage } from '../files/resource.js';
import { FileStore } from '../files/store.js';
import { Operation } from '../http/operation.js';
import { pageLimit, requireBehind } from '../http/page.js';
import { ZodPipe } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { PARTS, type ApiParts } from '../parts.js';
import { ENDPOINTS } from './endpoints.js';
import { BatchList, BatchResource, toResource } from './resource.js';
import { BatchRunner } from './runner.js';

const WINDOW_SECONDS = 24 * 3600;

const BatchRequest = z.object({
  input_file_id: z.string().describe('A file of the purpose batch: JSONL of {custom_id, method, url, body}.'),
  endpoint: z.enum(ENDPOINTS),
  completion_window: z.literal('24h'),
  metadata: z
    .record(z.string().max(64), z.string().max(512))
    .refine((entries) => Object.keys(entries).length <= 16, 'holds more than 16 entries')
    .nullish(),
});

const ListQuery = z.object({
  limit: pageLimit,
  after: z.string().optional().describe('Id of the last batch of the page before.'),
});

@Controller('v1/batches')
export class BatchesController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(FileStore) private readonly files: FileStore,
    @Inject(BatchRunner) private readonly runner: BatchRunner,
  ) {}

  @Post()
  @HttpCode(200)
  @Operation({
    tag: 'Batches',
    summary: 'Answer many requests, later',
    description:
      "OpenAI's interface. Each line becomes a job that lets interactive ones go first; the answers are a file, the failures another.",
    body: BatchRequest,
    responses: { 200: { description: 'The batch', schema: BatchResource } },
    errors: ['invalid_request', 'file_not_found'],
  })
  async create(
    @Body(new ZodPipe(BatchRequest)) body: z.output<typeof BatchRequest>,
    @Req() request: FastifyRequest,
  ): Promise<BatchResource> {
    const { tenant } = identityOf(request);
    const file = await this.files.get(tenant, body.input_file_id, 'input_file_id');
    if (file.purpose !== 'batch')
      throw new TesseraError('invalid_request', `input_file_id: its purpose is ${file.purpose}, not batch`, {
        param: 'input_file_id',
      });
    const { maxJobsPerKey } = this.parts.config.admission;
    if ((await this.parts.records.batches.countUnfinished(tenant)) >= maxJobsPerKey)
      throw new TesseraError('rate_limited', `${maxJobsPerKey} batches of yours are not finished; wait for one.`);
    const batch = await this.parts.records.batches.create({
      id: `batch_${randomBytes(12).toString('hex')}`,
      tenant,
      endpoint: body.endpoint,
      inputFile: file.id,
      completionWindow: body.completion_window,
      metadata: body.metadata ?? null,
      windowSeconds: WINDOW_SECONDS,
    });
    this.runner.wake();
    return toResource(batch);
  }

  @Get()
  @Operation({
    tag: 'Batches',
    summary: 'List batches, newest first',
    query: ListQuery,
    responses: { 200: { description: 'A page of batches', schema: BatchList } },
    errors: ['invalid_request'],
  })
  async list(@Query(new ZodPipe(ListQuery)) query: z.output<typeof ListQuery>, @Req() request: FastifyRequest) {
    const { tenant } = identityOf(request);
    const found = await this.parts.records.batches.list(tenant, { ...query, limit: query.limit + 1 });
    await requireBehind(query.after, found, (id) => this.parts.records.batches.get(tenant, id));
    return toMarkedPage(found.map(toResource), query.limit);
  }

  @Get(':id')
  @Operation({
    tag: 'Batches',
    summary: 'Get a batch',
    responses: { 200: { description: 'The batch', schema: BatchResource } },
    errors: ['not_found'],
  })
  async get(@Param('id') id: string, @Req() request: FastifyRequest): Promise<BatchResource> {
    return toResource(await this.own(request, id));
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Operation({
    tag: 'Batches',
    summary: 'Cancel a batch',
    description: 'Running lines are stopped; what was answered before is in the output file.',
    responses: { 200: { description: 'The batch', schema: BatchResource } },
    errors: ['not_found', 'conflict'],
  })
  async cancel(@Param('id') id: string, @Req() request: FastifyRequest): Promise<BatchResource> {
    await this.own(request, id);
    const cancelled = await this.parts.records.batches.advance(id, ['validating', 'in_progress'], 'cancelling');
    if (cancelled) {
      this.runner.wake(id);
      return toResource(cancelled);
    }
    const batch = await this.own(request, id);
    if (batch.status === 'cancelling') return toResource(batch);
    throw new TesseraError('conflict', `The batch ${id} is ${batch.status}; it can no longer be cancelled.`);
  }

  private async own(request: FastifyRequest, id: string): Promise<BatchRecord> {
    const batch = await this.parts.records.batches.get(identityOf(request).tenant, id);
    if (!batch) throw new TesseraError('not_found', `There is no batch ${id}.`, { param: 'batch_id' });
    return batch;
  }
}
