import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ContentHash, TesseraError } from '#contracts';
import { Operation } from '../http/operation.js';
import { pageLimit, pageOf, requireBehind, toPage } from '../http/page.js';
import { ZodPipe } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { readForm } from '../inputs/multipart.js';
import { MediaStore } from '../inputs/store.js';
import { PARTS, type ApiParts } from '../parts.js';
import type { MediaRecord } from '#storage';

export const MediumResource = z.object({
  id: ContentHash.describe('sha-256 of the bytes.'),
  object: z.literal('medium'),
  name: z.string(),
  kind: z
    .enum(['image', 'audio', 'video', 'text', 'unknown'])
    .describe('By the first bytes; what it is is found when it is first used.'),
  mime_type: z.string(),
  bytes: z.number(),
  created_at: z.number().describe('Unix time in seconds.'),
});
const MediumList = pageOf(MediumResource);

const ListQuery = z.object({
  limit: pageLimit,
  after: ContentHash.optional().describe('Id of the last medium of the page before.'),
});

export const toMedium = ({
  id,
  name,
  kind,
  mimeType,
  bytes,
  createdAt,
}: MediaRecord): z.infer<typeof MediumResource> => ({
  id,
  object: 'medium',
  name,
  kind,
  mime_type: mimeType,
  bytes,
  created_at: Math.floor(createdAt.getTime() / 1000),
});

@Controller('v1/media')
export class MediaController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(MediaStore) private readonly store: MediaStore,
  ) {}

  @Post()
  @HttpCode(201)
  @Operation({
    tag: 'Media',
    summary: 'Bring a file once, to ask about it often',
    form: { schema: z.object({}), files: { file: { description: 'The file.' } } },
    responses: { 201: { description: 'The medium', schema: MediumResource } },
    errors: ['invalid_request', 'empty_file', 'file_too_large'],
  })
  async create(@Req() request: FastifyRequest): Promise<z.infer<typeof MediumResource>> {
    const { files } = await readForm(request, this.store);
    const [file] = files;
    if (!file || files.length > 1) throw new TesseraError('invalid_request', 'file: give one file', { param: 'file' });
    return toMedium(await this.store.keep(file));
  }

  @Get()
  @Operation({
    tag: 'Media',
    summary: 'List media, newest first',
    query: ListQuery,
    responses: { 200: { description: 'A page of media', schema: MediumList } },
    errors: ['invalid_request'],
  })
  async list(@Query(new ZodPipe(ListQuery)) query: z.output<typeof ListQuery>, @Req() request: FastifyRequest) {
    const { tenant } = identityOf(request);
    const found = await this.parts.records.listMedia(tenant, { limit: query.limit + 1, before: query.after });
    await requireBehind(query.after, found, (id) => this.parts.records.getMedia(tenant, id));
    return toPage(found.map(toMedium), query.limit);
  }

  @Get(':id')
  @Operation({
    tag: 'Media',
    summary: 'Get a medium',
    responses: { 200: { description: 'The medium', schema: MediumResource } },
    errors: ['media_not_found'],
  })
  async get(@Param('id') id: string, @Req() request: FastifyRequest): Promise<z.infer<typeof MediumResource>> {
    return toMedium(await this.store.get(identityOf(request).tenant, id));
  }

  @Get(':id/content')
  @Operation({
    tag: 'Media',
    summary: 'Download a medium',
    responses: { 200: { description: 'The bytes', types: ['application/octet-stream'] } },
    errors: ['media_not_found'],
  })
  async content(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const record = await this.store.get(identityOf(request).tenant, id);
    const name = encodeURIComponent(record.name);
    // Never shown as a page of ours, whatever is in it.
    reply.headers({ 'content-length': record.bytes, 'content-disposition': `attachment; filename*=UTF-8''${name}` });
    await reply.type('application/octet-stream').send(this.parts.blobs.stream(record.id));
  }

  @Delete(':id')
  @HttpCode(204)
  @Operation({
    tag: 'Media',
    summary: 'Delete a medium',
    responses: { 204: { description: 'It is gone' } },
    errors: ['media_not_found'],
  })
  async delete(@Param('id') id: string, @Req() request: FastifyRequest): Promise<void> {
    await this.store.delete(identityOf(request).tenant, id);
  }
}
