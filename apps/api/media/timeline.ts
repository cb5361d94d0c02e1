import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { timelineTree } from '#jobs';
import { Operation } from '../http/operation.js';
import { ZodPipe } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { MediaStore } from '../inputs/store.js';
import { JobReply } from '../jobs/reply.js';
import { JobResource } from '../jobs/resource.js';
import { PARTS, type ApiParts } from '../parts.js';
import { Requests } from '../requests.js';
import { TimelineResource, toTimeline } from './timeline-resource.js';

const TimelineQuery = z.object({
  start: z.coerce.number<string>().nonnegative().optional().describe('Seconds: entries that end before are left out.'),
  end: z.coerce.number<string>().positive().optional().describe('Seconds: entries that begin then or later are too.'),
});

@Controller('v1/media')
export class TimelineController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Requests) private readonly requests: Requests,
    @Inject(MediaStore) private readonly store: MediaStore,
    @Inject(JobReply) private readonly jobs: JobReply,
  ) {}

  @Get(':id/timeline')
  @Operation({
    tag: 'Media',
    summary: 'Read a medium as its timeline',
    description:
      'What is seen, said and written in it, with times or pages. The first call does the work, which may take a while (`Prefer: respond-async` gives the job); later ones, and questions, find it done.',
    query: TimelineQuery,
    responses: {
      200: { description: 'The timeline', schema: TimelineResource },
      202: { description: 'The job, with `Prefer: respond-async`', schema: JobResource },
    },
    errors: ['invalid_request', 'media_not_found', 'unsupported_media', 'corrupt_media', 'overloaded'],
  })
  async timeline(
    @Param('id') id: string,
    @Query(new ZodPipe(TimelineQuery)) range: z.output<typeof TimelineQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const record = await this.store.get(identityOf(request).tenant, id);
    const options = { name: record.name, ...range };
    const tree = timelineTree(this.store.toInput(record), { words: true });
    const job = await this.requests.submit(request, { kind: 'timeline', tree, options });
    if (this.requests.wantsJob(request)) return this.jobs.accepted(request, reply, job);
    reply.header('x-job-id', job);
    const composed = await this.requests.wait<'media.compose'>(reply, job);
    await reply.send(await toTimeline(this.parts.blobs, options, composed));
  }
}
