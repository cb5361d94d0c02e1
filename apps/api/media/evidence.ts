import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { evidenceKey, JOBS, type EvidencePart, type JobResult } from '#contracts';
import { extractTree } from '#jobs';
import { Operation } from '../http/operation.js';
import { parseRange } from '../http/range.js';
import { ZodPipe } from '../http/validate.js';
import { Linked } from '../identity/guard.js';
import { identityOf } from '../identity/identity.js';
import { MediaStore } from '../inputs/store.js';
import { PARTS, type ApiParts } from '../parts.js';
import { Requests } from '../requests.js';
import type { MediaRecord } from '#storage';

/** Whole milliseconds, so that one place has one address. */
const seconds = z.coerce
  .number<string>()
  .nonnegative()
  .transform((value) => Math.round(value * 1000) / 1000);

const FrameQuery = z.object({ t: seconds.optional().describe('Seconds from the start of a film; default 0.') });
const ClipQuery = z
  .object({
    start: seconds.describe('Seconds from the start.'),
    end: seconds.describe('Seconds; at most 120 after `start`. Cut at the end of the medium.'),
  })
  .refine(({ start, end }) => end > start, { path: ['end'], error: 'is not after start' });

type Extracted = JobResult<'media.extract'>;

/** What an answer rests on, to be looked at and listened to. Made when it is first asked for, and kept. */
@Controller('v1/media')
export class EvidenceController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Requests) private readonly requests: Requests,
    @Inject(MediaStore) private readonly store: MediaStore,
  ) {}

  @Get(':id/frame')
  @Linked()
  @Operation({
    tag: 'Media',
    summary: 'See a frame of a film, or a picture, as a small JPEG',
    description: 'At most 640 pixels wide or high.',
    query: FrameQuery,
    responses: { 200: { description: 'The frame', types: ['image/jpeg'] } },
    errors: ['media_not_found', 'conflict', 'unsupported_media', 'corrupt_media', 'overloaded'],
  })
  frame(
    @Param('id') id: string,
    @Query(new ZodPipe(FrameQuery)) { t }: z.output<typeof FrameQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.show(request, reply, id, { type: 'frame', ...(t === undefined ? {} : { at: t }) });
  }

  @Get(':id/clip')
  @Linked()
  @Operation({
    tag: 'Media',
    summary: 'Play a part of a film or recording',
    description: 'H.264 and AAC, at most 854 pixels wide or high; sound alone of a recording.',
    query: ClipQuery,
    responses: { 200: { description: 'The clip', types: ['video/mp4', 'audio/mp4'] } },
    errors: ['media_not_found', 'conflict', 'unsupported_media', 'corrupt_media', 'overloaded'],
  })
  clip(
    @Param('id') id: string,
    @Query(new ZodPipe(ClipQuery)) { start, end }: z.output<typeof ClipQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.show(request, reply, id, { type: 'clip', start, end });
  }

  private async show(request: FastifyRequest, reply: FastifyReply, id: string, part: EvidencePart): Promise<void> {
    const record = await this.store.get(identityOf(request).tenant, id);
    const { blob, mimeType } = (await this.known(id, part)) ?? (await this.make(request, reply, record, part));
    const etag = `"${blob}"`;
    // Equal bytes, part and version give equal evidence; it is the caller's alone, on whatever page it is shown.
    reply.headers({
      etag,
      'cache-control': 'private, max-age=86400',
      vary: 'authorization, x-api-key',
      'cross-origin-resource-policy': 'cross-origin',
    });
    if (request.headers['if-none-match'] === etag) return void (await reply.status(304).send());
    const size = await this.parts.blobs.size(blob);
    const range = parseRange(request.headers.range, size);
    reply.headers({ 'accept-ranges': 'bytes', 'content-length': range ? range.end - range.start + 1 : size });
    if (range) reply.status(206).header('content-range', `bytes ${range.start}-${range.end}/${size}`);
    await reply.type(mimeType).send(this.parts.blobs.stream(blob, range));
  }

  private async known(id: string, part: EvidencePart): Promise<Extracted | undefined> {
    const { records, blobs } = this.parts;
    const found = JOBS['media.extract'].result.safeParse(await records.getArtifact(evidenceKey(id, part)));
    return found.success && (await blobs.has(found.data.blob)) ? found.data : undefined;
  }

  /** The client waits for it: it is a matter of moments. */
  private async make(
    request: FastifyRequest,
    reply: FastifyReply,
    record: MediaRecord,
    part: EvidencePart,
  ): Promise<Extracted> {
    const tree = extractTree(this.store.toInput(record).source, part);
    const job = await this.requests.submit(request, { kind: 'evidence', tree, options: { url: request.url } });
    reply.header('x-job-id', job);
    return this.requests.wait<'media.extract'>(reply, job);
  }
}
