import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { TesseraError } from '#contracts';
import type { FileRecord } from '#storage';
import { Operation } from '../http/operation.js';
import { requireBehind } from '../http/page.js';
import { validate, ZodPipe } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { readForm } from '../inputs/multipart.js';
import { PARTS, type ApiParts } from '../parts.js';
import { FileDeleted, FileList, FileResource, toMarkedPage, toResource } from './resource.js';
import { FileStore, type NewFile } from './store.js';

const FileForm = z.object({
  purpose: z
    .enum(['batch', 'user_data', 'vision', 'assistants'])
    .describe('batch: input of POST /v1/batches. The others: what a chat names by file_id.'),
});

const ListQuery = z.object({
  limit: z.coerce.number<string>().int().min(1).max(10_000).default(10_000),
  after: z.string().optional().describe('Id of the last file of the page before.'),
  order: z.enum(['asc', 'desc']).default('desc').describe('By time; desc: newest first.'),
  purpose: z.string().optional().describe('Only files with this purpose.'),
});

@Controller('v1/files')
export class FilesController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(FileStore) private readonly store: FileStore,
  ) {}

  @Post()
  @HttpCode(200)
  @Operation({
    tag: 'Files',
    summary: 'Upload a file',
    description: "OpenAI's interface. Files stay until they are deleted.",
    form: { schema: FileForm, files: { file: { description: 'The file.' } } },
    responses: { 200: { description: 'The file', schema: FileResource } },
    errors: ['invalid_request', 'empty_file', 'file_too_large'],
  })
  async create(@Req() request: FastifyRequest): Promise<FileResource> {
    return toResource(await this.receive(request));
  }

  /** What is refused after its bytes have come leaves nothing behind. */
  private async receive(request: FastifyRequest): Promise<FileRecord> {
    const received: NewFile[] = [];
    try {
      const { fields, files } = await readForm(request, {
        put: async (tenant, name, bytes) => {
          const file = await this.store.receive(tenant, name, 'user_data', bytes);
          received.push(file);
          return file;
        },
      });
      const { purpose } = validate(FileForm, fields);
      const [file] = files;
      if (!file || files.length > 1)
        throw new TesseraError('invalid_request', 'file: give one file', { param: 'file' });
      if (file.bytes === 0) throw new TesseraError('empty_file', `${file.name} is empty.`, { param: 'file' });
      return await this.parts.records.files.put({ ...file, purpose });
    } catch (error) {
      for (const { blob } of received) await this.store.release(blob);
      throw error;
    }
  }

  @Get()
  @Operation({
    tag: 'Files',
    summary: 'List files',
    query: ListQuery,
    responses: { 200: { description: 'A page of files', schema: FileList } },
    errors: ['invalid_request'],
  })
  async list(@Query(new ZodPipe(ListQuery)) query: z.output<typeof ListQuery>, @Req() request: FastifyRequest) {
    const { tenant } = identityOf(request);
    const found = await this.parts.records.files.list(tenant, { ...query, limit: query.limit + 1 });
    await requireBehind(query.after, found, (id) => this.parts.records.files.get(tenant, id));
    return toMarkedPage(found.map(toResource), query.limit);
  }

  @Get(':id')
  @Operation({
    tag: 'Files',
    summary: 'Get a file',
    responses: { 200: { description: 'The file', schema: FileResource } },
    errors: ['file_not_found'],
  })
  async get(@Param('id') id: string, @Req() request: FastifyRequest): Promise<FileResource> {
    return toResource(await this.store.get(identityOf(request).tenant, id));
  }

  @Get(':id/content')
  @Operation({
    tag: 'Files',
    summary: 'Download a file',
    responses: { 200: { description: 'The bytes', types: ['application/octet-stream'] } },
    errors: ['file_not_found'],
  })
  async content(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { blob, bytes, name } = await this.store.get(identityOf(request).tenant, id);
    // Never shown as a page of ours, whatever is in it.
    const disposition = `attachment; filename*=UTF-8''${encodeURIComponent(name)}`;
    reply.headers({ 'content-length': bytes, 'content-disposition': disposition });
    await reply.type('application/octet-stream').send(this.parts.blobs.stream(blob));
  }

  @Delete(':id')
  @Operation({
    tag: 'Files',
    summary: 'Delete a file',
    responses: { 200: { description: 'It is gone', schema: FileDeleted } },
    errors: ['file_not_found', 'conflict'],
  })
  async delete(@Param('id') id: string, @Req() request: FastifyRequest): Promise<z.infer<typeof FileDeleted>> {
    await this.store.delete(identityOf(request).tenant, id);
    return { id, object: 'file', deleted: true };
  }
}
